"""One process of a run: its connection, its journal, and the embedded server if the run has one."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.client.budget import Budget
from cohere_conformance.client.deadline import TIME_UP, Deadline
from cohere_conformance.client.ledger import CreationLedger
from cohere_conformance.client.listening import USUAL_PORT
from cohere_conformance.client.retrying import PatientSender
from cohere_conformance.client.sender import Limits, Sender
from cohere_conformance.contract.tiers import shipped_policies
from cohere_conformance.report import Journal, Opening
from cohere_conformance.session import permission
from cohere_conformance.session.driver import Connection
from cohere_conformance.session.patience import Patience, Timer
from cohere_conformance.session.plan import TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import httpx

    from cohere_conformance.cases import Case
    from cohere_conformance.contract import Contract
    from cohere_conformance.session.api import Api
    from cohere_conformance.session.clock import RunClock
    from cohere_conformance.session.driver import Driver, Executor
    from cohere_conformance.session.result import CaseResult
    from cohere_conformance.session.runner import Runner
    from cohere_conformance.session.settings import WorkerSettings


_LIMITS = {
    # The server is in this process: a longer or larger response has an injected fault.
    TargetKind.EMBEDDED: Limits(silence=8.0, total=20.0, largest=16 * 1024 * 1024),
    # A server of the user may run a slow model.
    TargetKind.OWN: Limits(silence=60.0, total=120.0),
    TargetKind.LIVE: Limits(silence=60.0, total=180.0),
    TargetKind.RECORDED: Limits(),
}


_MOST_PATIENCE = 60.0
"""Seconds to wait for one job on a server of the user, unless `--patience` is given."""


_TIME_PER_REQUEST = 0.001
"""Seconds that a request takes by the clock of the embedded server, so that no two times are equal."""


def limits(target_kind: TargetKind, request_timeout: float | None = None) -> Limits:
    """Return how long a response of a target may take, and how much of it is read.

    Args:
        target_kind: whose server it is.
        request_timeout: seconds for one response, if the user has set them.
    """
    usual = _LIMITS[target_kind]
    if request_timeout is None:
        return usual
    return replace(usual, silence=request_timeout, total=request_timeout)


def class_of_sender(
    target_kind: TargetKind, contract: Contract, clock: RunClock, workers: int = 1
) -> Callable[..., Sender]:
    """Return what makes senders to a target.

    Args:
        target_kind: whose server it is: only a live service has rate limits.
        contract: the operations.
        clock: the time of the run.
        workers: how many processes send.
    """
    if target_kind is not TargetKind.LIVE:
        return Sender
    return partial(
        PatientSender,
        contract=contract,
        policies=shipped_policies(),
        pause=clock.sleep,
        clock=clock.monotonic,
        share=workers,
    )


class Worker:
    """Runs cases in one process.

    Args:
        settings: what the workers have in common.
        driver: how the run treats its tests.
        name: of its journal.
    """

    def __init__(self, settings: WorkerSettings, driver: Driver, name: str) -> None:
        self._settings = settings
        self._driver = driver
        self._name = name
        self._open = ExitStack()
        self._deadline = Deadline(None if settings.until is None else settings.until - time.time())
        self._journal: Journal | None = None
        billed = {unit: most / settings.workers for unit, most in settings.plan.max_billed.items()}
        self._budget = Budget(settings.requests, self._deadline, billed)
        self._timer = Timer()
        self._patience = Patience()
        self._runner: Runner | None = None
        self._executor: Executor | None = None

    def open(self, planned: tuple[str, ...]) -> None:
        """Start the journal, and the embedded server if the run has one.

        Args:
            planned: ids of the tests that are going to be run.

        Raises:
            ReportError: the journal cannot be written.
        """
        settings, plan = self._settings, self._settings.plan
        opening = Opening(
            worker=self._name, header=settings.header, planned=planned, run=settings.run, led=True
        )
        journal = self._journal = Journal(settings.folder, opening)
        url, transport = (plan.url, None) if plan.url else self._embedded()
        live = plan.target_kind is TargetKind.LIVE
        self._patience = Patience(
            plan.patience,
            most=None if live else _MOST_PATIENCE,
            left=lambda: self._budget.seconds,
            timer=self._timer,
        )
        sender_class = class_of_sender(
            plan.target_kind, settings.judge.contract, settings.clock, settings.workers
        )
        guard = permission.guard(plan, settings.judge.contract, self._ledger())
        sender = sender_class(
            url,
            gate=guard,
            key=plan.key,
            key_variable=plan.key_variable,
            access=plan.access,
            added=plan.added,
            limits=limits(plan.target_kind, plan.request_timeout),
            budget=self._budget,
            transport=transport,
        )
        connection = Connection(
            settings=settings,
            sender=self._open.enter_context(sender),
            guard=guard,
            journal=journal,
            patience=self._patience,
            budget=self._budget,
            closing=self._open,
        )
        self._runner, self._executor = self._driver.open(connection)

    @property
    def executor(self) -> Executor:
        """What runs the tests.

        Raises:
            RuntimeError: the worker is not open.
        """
        if self._executor is None:
            raise RuntimeError(f"the worker {self._name} is not open")
        return self._executor

    def run(self, case: Case) -> CaseResult:
        """Run one case.

        Raises:
            RuntimeError: the worker is not open.
        """
        return self.executor.run(case)

    def api(self, test: str, operations: Collection[str], *, protocol: bool = False) -> Api | CaseResult:
        """Return the client of a test, or the result of a test that must not call the target.

        Args:
            test: its id.
            operations: labels of all operations that it calls.
            protocol: it is about the protocol only.

        Raises:
            RuntimeError: the worker is not open.
        """
        if self._runner is None:
            raise RuntimeError(f"the worker {self._name} is not open")
        return self._runner.api(test, operations, protocol=protocol)

    def note(self, test: str, result: CaseResult) -> None:
        """Record the result of a test without an exchange."""
        if self._runner is not None:
            self._runner.note(test, result)

    def close(self, *, interrupted: bool) -> None:
        """Remove what was created, close the journal, stop the embedded server.

        Args:
            interrupted: the run was interrupted.
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
                    billed=self._budget.billed,
                )
        finally:
            self._runner = self._journal = self._executor = None
            self._open.close()

    def _ledger(self) -> CreationLedger | None:
        settings = self._settings
        if settings.ledger is None:
            return None
        ledger = CreationLedger(settings.ledger, settings.plan.shown_url or "")
        self._open.callback(ledger.close)
        return ledger

    def _embedded(self) -> tuple[str, httpx.BaseTransport | None]:
        """Return where the embedded server is, and what carries requests there; `None` for sockets."""
        # The libraries of the server are slow to import, and only this kind of run needs them.
        from cohere_conformance.reference import Clock, Profile, ServerState, chosen
        from cohere_conformance.reference.inprocess import InProcess
        from cohere_conformance.reference.transport_faults import switched_on

        plan = self._settings.plan
        # The clock is moved ahead instead of waiting for jobs, and does not run otherwise, so that a run on a
        # slow machine is the same.
        state = ServerState(
            profile=Profile(plan.profile),
            faults=chosen(plan.faults),
            time_per_request=_TIME_PER_REQUEST,
            clock=Clock(runs=False),
        )
        self._timer = Timer(state.clock.advance)
        if switched_on(state.faults) is None:
            # Sockets take a third of the time of a run. Commands of the report need the port of `serve`.
            return f"http://127.0.0.1:{USUAL_PORT}", InProcess(state)
        from cohere_conformance.reference.server import ServerThread

        return self._open.enter_context(ServerThread(state)).url, None
