"""What one process of a run has for itself: a connection, a journal, and perhaps a server."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.client.budget import Budget
from cohere_conformance.client.deadline import TIME_UP, Deadline
from cohere_conformance.client.retrying import PatientSender
from cohere_conformance.client.sender import Limits, Sender
from cohere_conformance.data import folder
from cohere_conformance.golden import find
from cohere_conformance.golden.compare import load_rules
from cohere_conformance.golden.recorder import STAGED, Recorder
from cohere_conformance.golden.replayer import Replayer
from cohere_conformance.golden.verifier import Verifier
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.report import Journal, Opening
from cohere_conformance.session import permission
from cohere_conformance.session.fuzz_runner import FuzzRunner
from cohere_conformance.session.fuzzing import Fuzzer
from cohere_conformance.session.patience import Patience, Timer
from cohere_conformance.session.plan import GoldenMode, TargetKind
from cohere_conformance.session.result import CaseResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.fuzz.candidate import GenerationMode
    from cohere_conformance.golden.fresh_server import FreshServer
    from cohere_conformance.model import Severity
    from cohere_conformance.report import CaseOutcome, Header
    from cohere_conformance.session.api import Api
    from cohere_conformance.session.judging import Judge
    from cohere_conformance.session.plan import Plan
    from cohere_conformance.session.runner import Runner

_LIMITS = {
    # Nothing lies between this process and its own server: what takes longer, or is larger, is a fault that
    # was switched on.
    TargetKind.EMBEDDED: Limits(silence=8.0, total=20.0, largest=16 * 1024 * 1024),
    # A model may compute behind a server that is called locally, and be slow at it.
    TargetKind.LOOPBACK: Limits(silence=60.0, total=120.0),
    TargetKind.LIVE: Limits(silence=60.0, total=180.0),
    TargetKind.RECORDED: Limits(),
}


_MOST_PATIENCE = 60.0
"""Seconds that a target on this machine may be at work on one thing, unless the caller says otherwise."""


_TIME_PER_REQUEST = 0.001
"""Seconds that a request takes by the clock of the embedded server: no two things are made at one time."""


def limits(target_kind: TargetKind) -> Limits:
    """Return how long an answer of a target is waited for, and how much of it is read."""
    return _LIMITS[target_kind]


@dataclass(frozen=True)
class Setting:
    """What the workers of a run have in common.

    Attributes:
        plan: what may be done.
        suite: the cases and their resources.
        judge: what judges every answer.
        fail_on: the least severity that fails a case.
        folder: of the journals.
        header: of the report.
        run: tells this run apart from others.
        authorizations: fields for further keys, by name.
        requests: the most requests that one worker sends.
        reference: the target is a reference server.
        until: time of day, in seconds, at which the run has to end; `None` without a limit.
    """

    plan: Plan
    suite: Suite
    judge: Judge
    fail_on: Severity
    folder: Path
    header: Header
    run: str
    authorizations: Mapping[str, str]
    requests: int | None
    reference: bool
    until: float | None = None


class Worker:
    """Runs cases in one process.

    Args:
        setting: what it shares with others.
        name: of its journal.
    """

    def __init__(self, setting: Setting, name: str) -> None:
        self._setting = setting
        self._name = name
        self._open = ExitStack()
        self._deadline = Deadline(None if setting.until is None else setting.until - time.time())
        self._journal: Journal | None = None
        self._budget = Budget(setting.requests, self._deadline)
        self._timer = Timer()
        self._patience = Patience()
        self._runner: Runner | None = None
        self._fuzzer: Fuzzer | None = None
        self._cases: Runner | Recorder | Replayer | Verifier | None = None

    def open(self, planned: tuple[str, ...]) -> None:
        """Begin: start the embedded server, if there is one, and the journal.

        Args:
            planned: ids of the cases that are going to be run.

        Raises:
            ReportError: the journal cannot be written.
        """
        setting = self._setting
        opening = Opening(
            worker=self._name, header=setting.header, planned=planned, run=setting.run, led=True
        )
        self._journal = Journal(setting.folder, opening)
        url, live = setting.plan.url or self._embedded(), setting.plan.target_kind is TargetKind.LIVE
        self._patience = Patience(
            setting.plan.patience,
            most=None if live else _MOST_PATIENCE,
            left=lambda: self._budget.seconds,
            timer=self._timer,
        )
        # Only a service that somebody pays for lets nobody ask too often.
        sender_class = PatientSender if live else Sender
        guard = permission.guard(setting.plan, setting.judge.contract)
        sender = sender_class(
            url,
            gate=guard,
            key=setting.plan.key,
            limits=limits(setting.plan.target_kind),
            budget=self._budget,
        )
        # It runs the written cases as well.
        runner = self._runner = FuzzRunner(
            setting.plan,
            setting.suite,
            setting.judge,
            self._open.enter_context(sender),
            self._journal,
            guard=guard,
            authorizations=setting.authorizations,
            fail_on=setting.fail_on,
            run=setting.run,
            patience=self._patience,
        )
        self._cases = self._cases_of(runner)
        if setting.plan.fuzz is not None:
            contract = setting.judge.contract
            self._fuzzer = Fuzzer(setting.plan, setting.plan.fuzz, setting.suite, contract, runner)

    def run(self, case: Case) -> CaseResult:
        """Run one case.

        Raises:
            RuntimeError: the worker is not open.
        """
        if self._cases is None:
            raise RuntimeError(f"the worker {self._name} has not begun")
        return self._cases.run(case)

    def plays(self, name: str) -> Path | None:
        """Return the cassette that VCR.py has to play for a test, if the run replays and it can be read.

        Args:
            name: of the case, or of the imported cassette.
        """
        return self._cases.plays(name) if isinstance(self._cases, Replayer) else None

    def imported(self, name: str) -> CaseResult:
        """Replay or verify a cassette for which no case is written.

        Args:
            name: its id.

        Raises:
            RuntimeError: the worker is not open, or the run does neither.
        """
        if not isinstance(self._cases, Replayer | Verifier):
            raise RuntimeError(f"the worker {self._name} has not begun to replay")
        return self._cases.replay(name)

    def api(self, test: str, operations: Collection[str]) -> Api | CaseResult:
        """Return what a test calls the target with, or how the test ends because it must not.

        Raises:
            RuntimeError: the worker is not open.
        """
        if self._runner is None:
            raise RuntimeError(f"the worker {self._name} has not begun")
        return self._runner.api(test, operations)

    def fuzz(self, test: str, label: str, mode: GenerationMode) -> CaseResult:
        """Fuzz one operation.

        Args:
            test: id under which everything is written down.
            label: of the operation.
            mode: what its requests are changed for.

        Raises:
            RuntimeError: the worker is not open, or the run does not fuzz.
        """
        if self._runner is None or self._fuzzer is None:
            raise RuntimeError(f"the worker {self._name} has not begun to fuzz")
        if (reason := self._runner.permission.forbidden([label])) is not None:
            result = CaseResult("skipped", reason)
            self._runner.note(test, result)
            return result
        fuzzed = self._fuzzer.run(test, label, mode)
        outcome: CaseOutcome = "failed" if fuzzed.findings else "inconclusive" if fuzzed.reason else "passed"
        if fuzzed.left_out and not fuzzed.findings:
            outcome = "skipped"
        result = CaseResult(outcome, fuzzed.left_out or fuzzed.reason, fuzzed.findings)
        self._runner.note(test, result, operation=label, unsent=fuzzed.unsent)
        return result

    def note(self, test: str, result: CaseResult) -> None:
        """Write down how a test ended, where no exchange tells it."""
        if self._runner is not None:
            self._runner.note(test, result)

    def close(self, *, interrupted: bool) -> None:
        """End: remove what was made, close the journal, stop the embedded server.

        Args:
            interrupted: somebody stopped the run.
        """
        try:
            if self._runner is not None:
                self._runner.close()
            if self._journal is not None:
                late = self._deadline.missed
                self._journal.close(
                    interrupted=interrupted or late,
                    reason=TIME_UP if late else "",
                    waits=self._patience.waiting(),
                )
        finally:
            self._runner = self._journal = self._fuzzer = self._cases = None
            self._open.close()

    def _cases_of(self, runner: Runner) -> Runner | Recorder | Replayer | Verifier:
        """Return what runs the written cases."""
        setting, contract = self._setting, self._setting.judge.contract
        golden = setting.plan.golden
        if golden is None:
            return runner
        match golden.mode:
            case GoldenMode.RECORD:
                keys = [Secret(told.removeprefix("Bearer ")) for told in setting.authorizations.values()]
                return Recorder(
                    runner,
                    setting.suite,
                    contract,
                    setting.plan,
                    setting.folder / STAGED,
                    reference=setting.reference,
                    keys=[key for key in (setting.plan.key, *keys) if key is not None],
                    fresh=self._fresh_server(),
                )
            case GoldenMode.REPLAY:
                return Replayer(runner, setting.suite, setting.judge.findings, find(golden.folder))
            case GoldenMode.VERIFY:
                rules = load_rules(folder("suites"), contract)
                return Verifier(runner, setting.suite, setting.judge, rules, find(golden.folder))

    def _fresh_server(self) -> FreshServer | None:
        """Return what records the embedded server without faults; others are recorded on their sockets."""
        setting = self._setting
        if setting.plan.target_kind is not TargetKind.EMBEDDED or setting.plan.faults:
            return None
        # Only a recording pays for the server's libraries.
        from cohere_conformance.golden.fresh_server import FreshServer

        fresh = FreshServer(setting.suite, setting.judge.contract, self._budget)
        return self._open.enter_context(fresh)

    def _embedded(self) -> str:
        # Only this kind of run pays for the server's libraries.
        from cohere_conformance.reference import Clock, Profile, ServerState, chosen
        from cohere_conformance.reference.server import ServerThread

        plan = self._setting.plan
        # Nobody else uses this server: its clock is moved ahead instead of waiting for its jobs, and stands
        # still otherwise, so that a run is the same one on a slow machine.
        state = ServerState(
            profile=Profile(plan.profile),
            faults=chosen(plan.faults),
            time_per_request=_TIME_PER_REQUEST,
            clock=Clock(runs=False),
        )
        self._timer = Timer(state.clock.advance)
        return self._open.enter_context(ServerThread(state)).url
