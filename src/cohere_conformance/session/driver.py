"""What a run does with its tests: which are selected, what runs them, what is prepared and reported.

The case runner knows this class only. The fuzzer (`fuzz.driver`) and the golden cassettes (`golden.driver`)
have drivers of their own, on the floor above; the pytest plugin chooses one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from cohere_conformance.session.plan import LIVE_TIERS
from cohere_conformance.session.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from contextlib import ExitStack
    from pathlib import Path

    from cohere_conformance.cases import Case
    from cohere_conformance.client.budget import Budget
    from cohere_conformance.client.guard import Guard
    from cohere_conformance.client.sender import Sender
    from cohere_conformance.contract.tiers import Tier
    from cohere_conformance.report import Header, Journal
    from cohere_conformance.session.patience import Patience
    from cohere_conformance.session.result import CaseResult
    from cohere_conformance.session.settings import WorkerSettings

_R = TypeVar("_R", bound=Runner)


class CollectedTest(NamedTuple):
    """A test that pytest has collected.

    Attributes:
        group: the first part of its id.
        fixtures: what it requests.
        operations: labels of the operations that its mark names, in its order.
    """

    group: str
    fixtures: frozenset[str]
    operations: tuple[str, ...]


@dataclass(frozen=True)
class Connection:
    """What one worker has to reach its target.

    Attributes:
        settings: what the workers of the run have in common.
        sender: sends.
        guard: the gate of the sender.
        journal: of the worker.
        patience: waits for what takes time on the target.
        budget: limits the requests.
        closing: closes what is entered into it when the worker closes.
    """

    settings: WorkerSettings
    sender: Sender
    guard: Guard
    journal: Journal
    patience: Patience
    budget: Budget
    closing: ExitStack

    def runner(self, kind: type[_R]) -> _R:
        """Return a runner that uses the connection.

        Args:
            kind: its class.
        """
        settings = self.settings
        return kind(
            settings.plan,
            settings.suite,
            settings.judge,
            self.sender,
            self.journal,
            guard=self.guard,
            authorizations=settings.authorizations,
            fail_on=settings.fail_on,
            run=settings.run,
            patience=self.patience,
        )


class Executor(Protocol):
    """Runs the tests of one worker."""

    def run(self, case: Case) -> CaseResult:
        """Run a written case and record its result."""


class Driver:
    """Runs the written cases and the tests of the suites; a subclass overrides what it does in another way.

    Attributes:
        command: the command of the command line, for the report.
        live_tiers: tiers of operations that may be sent to a live host unless the caller allows more.
        recorded_url: base URL of recorded requests, where the run takes the responses out of recordings and
            sends nothing.
        lists_models: whether the roles of cases mean models that the target lists; recorded requests
            have models already.
        nightly: whether a live host is sent only the cases that are planned for the night.
    """

    command: str = "run"
    live_tiers: frozenset[Tier] = LIVE_TIERS
    recorded_url: str | None = None
    lists_models: bool = True
    nightly: bool = True

    def prepare(self, groups: Collection[str]) -> None:
        """Get ready, before anything is sent.

        Args:
            groups: the selected ones.

        Raises:
            UsageError: an option of the driver has an invalid value.
        """

    def collects(self, group: str, groups: Collection[str]) -> bool:
        """Return whether the test modules of a group are imported at all; `selects` decides on each test.

        Args:
            group: the name of the folder of the modules.
            groups: the selected ones.
        """
        return group in groups

    def selects(self, test: CollectedTest, groups: Collection[str], operations: Collection[str]) -> bool:
        """Return whether a test is part of the run.

        Args:
            test: the collected test.
            groups: the selected ones.
            operations: labels of the operations of these groups that the target implements.
        """
        return test.group in groups

    def cases(self, cases: Iterable[Case], named: Collection[str] = ()) -> list[Case]:
        """Return the cases that become tests: making hundreds only to deselect them takes a while.

        Args:
            cases: of the selected groups.
            named: ids of cases and tests; where there are any, no other case is returned.
        """
        return [case for case in cases if not named or case.id in named]

    def clear(self, folder: Path) -> None:
        """Remove what an earlier run left in the folder of the report, apart from report and journals."""

    def describe(self, header: Header) -> Header:
        """Return the header of the report with what the driver adds to it."""
        return header

    def open(self, connection: Connection) -> tuple[Runner, Executor]:
        """Return what sends and judges in one worker, and what runs the tests of the worker with that."""
        runner = connection.runner(Runner)
        return runner, runner
