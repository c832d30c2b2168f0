"""Runs pytest on the shipped suites, and keeps the result."""

from __future__ import annotations

import gc
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

from cohere_conformance.data import folder
from cohere_conformance.errors import ConformanceError, ReportError, UsageError
from cohere_conformance.report import process_code
from cohere_conformance.report.verdict import INTERRUPTED
from cohere_conformance.session.clock import REAL, RunClock
from cohere_conformance.session.garbage import frozen_until_the_end, rarely_collected
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
    """The result of a run of the suites, from which both the exit code and the report come.

    The plugin of the suites finds it among the plugins of pytest, and fills it in.

    Args:
        clock: the time of the run.

    Attributes:
        clock: likewise.
        campaign: the run; `None` while none has begun.
        report: the report as last written; `None` if there is none.
        files: of the report.
        status: what pytest returned.
    """

    def __init__(self, clock: RunClock = REAL) -> None:
        self.clock = clock
        self.campaign: Campaign | None = None
        self.report: Report | None = None
        self.files: tuple[Path, ...] = ()
        self.status = 0

    def pytest_collection_finish(self) -> None:
        """Take out of garbage collections what lasts as long as the run: contract, cases and tests.

        pytest collects twice at the end of a session, which takes half the time of a small run.
        """
        gc.freeze()

    @property
    def code(self) -> int:
        """The exit code."""
        return process_code(self.report, self.status)

    @property
    def begun(self) -> bool:
        """Whether a run has begun, so that a report can be written."""
        return self.campaign is not None and self.campaign.begun

    @property
    def complete(self) -> bool:
        """Whether every process ran all its tests, whatever the findings."""
        if self.report is None or self.report.footer.totals.unreadable:
            return False
        cases = self.report.coverage.cases
        return cases is not None and not (
            cases.interrupted or cases.unclosed or cases.failures or cases.not_run
        )

    def conclude(self, **further: Unpack[_Further]) -> None:
        """Write the report; further calls add to it.

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

    def remember(self) -> None:
        """Compare the report with the history of the target, and add the run to it, where there is one.

        A history that cannot be read or written is a failure of the run.

        Raises:
            ReportError: the report cannot be written, and there is none.
        """
        if self.campaign is None or self.report is None:
            return
        try:
            self.report = self.campaign.remember(self.report)
        except ReportError as error:
            self.conclude(failures=(_one_line(error),))

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """Add an error that ends the context early to the report."""
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
                raise ReportError("a usage error has no report")
            self.conclude(interrupted=stopped, failures=() if stopped else (_one_line(error),))
        except Exception:  # noqa: BLE001 - whatever the reason, there is no report then
            self.campaign.withdraw()


def _one_line(error: BaseException) -> str:
    """Return an error in one line."""
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, ConformanceError) else f"{type(error).__name__}: {text}".rstrip(": ")


def pytest_arguments(options: Mapping[str, Iterable[object]], further: Iterable[str] = ()) -> list[str]:
    """Return the arguments of pytest for a run of the suites that prints only the short report.

    With `--collect-only` pytest lists the tests.

    Args:
        options: of the plugin, without prefix, with their values; an empty list for none.
        further: arguments that come last.
    """
    suites, further = folder("suites"), [*further]
    quiet = "-q" if {"--collect-only", "--co"} & {*further} else "-qq"
    arguments = ["-p", "cohere_conformance.pytest_plugin", "-c", str(suites / "pytest.ini")]
    arguments += ["--rootdir", str(suites), quiet, "--no-header", "--tb=no", "-rN"]
    arguments += [f"--conformance-{name}={value}" for name, values in options.items() for value in values]
    return [*arguments, str(suites), *further]


def run_suites(arguments: Iterable[str], clock: RunClock = REAL) -> SuitesResult:
    """Run pytest on the suites, and return the result.

    Args:
        arguments: of pytest, as `pytest_arguments` returns them.
        clock: the time of the run; that of this machine with several processes.

    Raises:
        ReportError: a plugin of the caller exited the process.
    """
    import pytest  # slow to import, and only these commands need it

    outcome = SuitesResult(clock)
    with rarely_collected(), frozen_until_the_end(), terminable(), outcome.agreeing():
        try:
            outcome.status = int(pytest.main([*arguments], plugins=[outcome]))
        except SystemExit as error:
            traceback.print_exc()
            raise ReportError(f"expected pytest to return, got an exit with {error.code!r}") from error
        if outcome.report is None and outcome.code == INTERRUPTED and outcome.begun:
            outcome.conclude(interrupted=True)  # so early that pytest had not called the plugin
    return outcome
