"""How pytest is called for the shipped suites, and what a run of it comes to."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

from cohere_conformance.data import folder
from cohere_conformance.errors import ConformanceError, ReportError, UsageError
from cohere_conformance.report import process_code
from cohere_conformance.report.verdict import INTERRUPTED
from cohere_conformance.session.interrupt import terminable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Unpack

    from cohere_conformance.report import Report
    from cohere_conformance.session.campaign import Campaign


class _Further(TypedDict, total=False):
    interrupted: bool
    stopped: str
    failures: tuple[str, ...]
    deviations: tuple[str, ...]


class SuitesResult:
    """What a run of the suites comes to; the exit codes of the process and of the report are both from here.

    The plugin of the suites finds it among the plugins of pytest, and fills it in.

    Attributes:
        campaign: the run; `None` while none has begun.
        report: the report as it was written last; `None` where there is none.
        files: of the report.
        status: what pytest returned.
    """

    def __init__(self) -> None:
        self.campaign: Campaign | None = None
        self.report: Report | None = None
        self.files: tuple[Path, ...] = ()
        self.status = 0

    @property
    def code(self) -> int:
        """The exit code."""
        return process_code(self.report, self.status)

    @property
    def begun(self) -> bool:
        """Whether there is a run that a report can be written of."""
        return self.campaign is not None and self.campaign.begun

    @property
    def complete(self) -> bool:
        """Whether every process did all that it had to do, whatever was found."""
        if self.report is None or self.report.footer.totals.unreadable:
            return False
        cases = self.report.coverage.cases
        return cases is not None and not (
            cases.interrupted or cases.unclosed or cases.failures or cases.not_run
        )

    def conclude(self, **further: Unpack[_Further]) -> None:
        """Write the report; called again, it says what has come to light since as well.

        Args:
            further: as of `Campaign.report`.

        Raises:
            ReportError: it cannot be written, and there is none.
            RuntimeError: no run has begun.
        """
        if self.campaign is None:
            raise RuntimeError("no run has begun")
        self.report, self.status = None, 3
        self.report, self.files = self.campaign.report(**further)

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """Have the report say so where what is done in the context does not come to its end."""
        try:
            yield
        except BaseException as error:
            self._fail(error)
            raise

    def _fail(self, error: BaseException) -> None:
        if self.campaign is None or not self.begun:
            return
        stopped = isinstance(error, KeyboardInterrupt)
        try:
            if isinstance(error, UsageError):
                raise ReportError("a wrong call has no report")
            self.conclude(interrupted=stopped, failures=() if stopped else (_told(error),))
        except Exception:  # noqa: BLE001 - whatever keeps it from being written: there is none then
            self.campaign.withdraw()


def _told(error: BaseException) -> str:
    """Return an error in one line."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, ConformanceError) else f"{type(error).__name__}: {text}".rstrip(": ")


def pytest_arguments(options: Mapping[str, Iterable[object]], further: Iterable[str] = ()) -> list[str]:
    """Return the arguments for a run of the suites that prints nothing but the short report.

    With `--collect-only` pytest lists the tests.

    Args:
        options: of the plugin without their prefix, with their values; none where there is no value.
        further: what comes last.
    """
    suites, further = folder("suites"), [*further]
    quiet = "-q" if {"--collect-only", "--co"} & {*further} else "-qq"
    arguments = ["-p", "cohere_conformance.pytest_plugin", "-c", str(suites / "pytest.ini")]
    arguments += ["--rootdir", str(suites), quiet, "--no-header", "--tb=no", "-rN"]
    arguments += [f"--conformance-{name}={value}" for name, values in options.items() for value in values]
    return [*arguments, str(suites), *further]


def run_suites(arguments: Iterable[str]) -> SuitesResult:
    """Run pytest on the suites, and return what the run comes to.

    Args:
        arguments: of pytest, as `pytest_arguments` returns them.

    Raises:
        ReportError: a plugin of the caller's own ended the process.
    """
    import pytest  # only these commands pay for it

    outcome = SuitesResult()
    with terminable(), outcome.agreeing():
        try:
            outcome.status = int(pytest.main([*arguments], plugins=[outcome]))
        except SystemExit as error:
            traceback.print_exc()
            raise ReportError(f"expected pytest to return, got an exit with {error.code!r}") from error
        if outcome.report is None and outcome.code == INTERRUPTED and outcome.begun:
            outcome.conclude(interrupted=True)  # so early that pytest had nobody to tell of it
    return outcome
