"""The report at the end of a run under pytest, which decides the exit code of the process."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import pytest
from rich.console import Console

from cohere_conformance.errors import ConformanceError
from cohere_conformance.privacy import redact
from cohere_conformance.report import render_terminal
from cohere_conformance.report.example import repeating
from cohere_conformance.report.render.progress import ProgressBar
from cohere_conformance.report.render.safe import lines, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from cohere_conformance.session.campaign import Campaign
    from cohere_conformance.session.result import CaseResult
    from cohere_conformance.session.suites import SuitesResult

GAVE_UP = "conformance_gave_up"
"""The key under which a process of `-n` reports why it ended the run."""
BRIEF = -2
"""The verbosity of pytest (`-qq`) at which only the short report is printed; `-v` raises it."""
QUIET = -3
"""The verbosity (`-qqq`) at which only the verdict is printed."""
_GREEN = frozenset({0, 5})
_LONGEST = 300
"""Maximum length of the description of a failure."""


def is_brief(config: pytest.Config) -> bool:
    """Return whether only the short report is wanted, without pytest's own output."""
    return bool(config.option.verbose <= BRIEF)


def is_quiet(config: pytest.Config) -> bool:
    """Return whether only the verdict is wanted."""
    return bool(config.option.verbose <= QUIET)


class ShownProgress:
    """A bar that counts the tests, in place of the output of pytest and pytest-xdist."""

    def __init__(self) -> None:
        self._bar: ProgressBar | None = None
        self._failed = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Have pytest print no summary of warnings, and pytest-xdist nothing."""
        plugins = session.config.pluginmanager
        terminal = plugins.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.reportchars = terminal.reportchars.replace("w", "")
        if (spread := plugins.get_plugin("dsession")) is not None:
            spread.terminal = None
            plugins.unregister(name="terminaldistreporter")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Show the bar, now that the number of tests is known."""
        if session.items and not session.config.getoption("--collect-only"):
            self._show(session.config, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Show the bar: every process has collected the same tests."""
        self._show(node.config, len(ids))

    def _show(self, config: pytest.Config, total: int) -> None:
        if self._bar is None:
            self._bar = ProgressBar("testing", total, wanted=not is_quiet(config))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str]:
        """Print nothing for a single test."""
        if report.when == "call":
            return report.outcome, "", ""
        return "error" if report.failed else "skipped" if report.skipped else "", "", ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that has ended."""
        self._failed += report.failed
        if self._bar is not None and report.when == "teardown":
            self._bar.advance(description=f"testing, {self._failed} failed" if self._failed else "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Remove the bar before anything is printed, also after an interrupt."""
        self.pytest_unconfigure()

    def pytest_unconfigure(self) -> None:
        """Remove the bar, however pytest ended."""
        if self._bar is not None:
            self._bar.close()


def description(result: CaseResult) -> str:
    """Return what pytest shows of a case that failed."""
    shown = [plain(result.reason, longest=None)] if result.reason else []
    for one in result.findings:
        shown.append(plain(f"{one.kind} at {one.location or 'the response'}"))
        shown.append(f"  expected {plain(one.expected)}")
        shown.append(f"  observed {plain(one.observed)}")
    if result.exchange is not None and (command := repeating(redact.exchange(result.exchange))):
        shown += ["", command.line]
        if command.inexact:
            shown.append(f"(not exact: {plain('; '.join(command.inexact))})")
    return "\n".join(shown)


def report_skipped(item: pytest.Item, reason: str) -> None:
    """Send the reports of a test that is skipped without being set up."""
    path, line, _ = item.reportinfo()
    skipped = (str(path), (line or 0) + 1, f"Skipped: {reason}")
    keywords: dict[str, Literal[1]] = dict.fromkeys(item.keywords, 1)
    made = partial(pytest.TestReport, item.nodeid, item.location, keywords)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in (
        made("passed", None, "setup"),
        made("skipped", skipped, "call"),
        made("passed", None, "teardown"),
    ):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


class Reporting:
    """What comes last, when every worker is gone.

    Args:
        campaign: the run.
        outcome: where it is kept how the run ended.
        close: ends the tests of this process; given the session and the exit status so far.
    """

    def __init__(
        self, campaign: Campaign, outcome: SuitesResult, close: Callable[[pytest.Session, int], None]
    ) -> None:
        self._close = close
        self._outcome = outcome
        self._interrupted = False
        self._gave_up: set[str] = set()
        self._failures: list[str] = []
        outcome.campaign = campaign

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that the run was interrupted, or why it stops itself."""
        if isinstance(excinfo.value, pytest.exit.Exception):
            self._fail(str(excinfo.value).removeprefix("cohere-conformance: "))
        elif str(excinfo.value) not in self._gave_up:
            self._interrupted = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Note that a process of `-n` was killed, or why it ended the run: pytest-xdist interrupts it then.

        One that was killed before it had a journal leaves no other trace: another one takes its place.
        """
        if error is not None:
            self._fail(f"worker {node.gateway.id} ended unexpectedly")
        if (reason := getattr(node, "workeroutput", {}).get(GAVE_UP)) is not None:
            self._gave_up.add(reason)
            self._fail(reason)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that pytest, or a hook, has failed."""
        self._fail(excinfo.exconly(tryshort=True))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that tests cannot be collected."""
        if report.failed:
            self._fail(f"{report.nodeid}: tests could not be collected")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that something around a test has failed; how the test itself ended is in the journal."""
        if report.failed and report.when != "call":
            self._fail(f"{report.nodeid}: {report.when} failed")

    def _fail(self, what: str) -> None:
        self._failures.append(" ".join(what.split())[:_LONGEST])

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        """End this process as well where it has run tests, and write the report."""
        try:
            return (yield)
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")
            raise
        finally:
            try:
                self._close(session, exitstatus)
            except Exception as error:  # noqa: BLE001 - there is a report to be written, which says so
                self._fail(f"{type(error).__name__}: {error}")
            if exitstatus != pytest.ExitCode.USAGE_ERROR:
                self._conclude(session, exitstatus)

    def _conclude(self, session: pytest.Session, exitstatus: int) -> None:
        stopped = exitstatus == pytest.ExitCode.INTERRUPTED and not self._failures
        try:
            self._outcome.conclude(
                interrupted=self._interrupted or stopped, failures=tuple(dict.fromkeys(self._failures))
            )
            failed = exitstatus == pytest.ExitCode.TESTS_FAILED and not self._accepted
            if failed and self._outcome.code in _GREEN:
                self._outcome.conclude(failures=("a test failed and has left no finding",))
            self._outcome.remember()
        except ConformanceError as error:
            print(lines(f"cohere-conformance: {error}"), file=sys.stderr)
        session.exitstatus = self._outcome.code

    @property
    def _accepted(self) -> bool:
        """Whether tests failed because of findings that the baseline accepts."""
        report = self._outcome.report
        return report is not None and bool(report.accepted and report.cases and report.cases.failed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the report."""
        report, files = self._outcome.report, self._outcome.files
        if report is None:
            return
        quiet = is_quiet(terminalreporter.config)
        if not quiet:
            terminalreporter.ensure_newline()
        # Through the reporter, so that pytest's capturing and -p no:terminal have their say.
        file = terminalreporter._tw._file
        render_terminal(
            report,
            Console(file=file, soft_wrap=False),
            folder=str(files[0].parent),
            files=files,
            verbose=not is_brief(terminalreporter.config),
            quiet=quiet,
        )
