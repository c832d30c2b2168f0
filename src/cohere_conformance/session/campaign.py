"""One run of the suites against a target, in one process or in several: what they share and what each has.

Everything that a run finds is in the journals of its workers, and the report is built from these alone: a run
that was killed leaves the same evidence as one that ended.
"""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance import __version__
from cohere_conformance.cases import load_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import load_policies
from cohere_conformance.data import folder as shipped
from cohere_conformance.errors import UsageError
from cohere_conformance.report import (
    Header,
    Mode,
    Report,
    Target,
    clear_journals,
)
from cohere_conformance.session.evidence import clear_report, now, publish
from cohere_conformance.session.examples import open_database
from cohere_conformance.session.judging import Judge, Settings
from cohere_conformance.session.plan import Plan, Wishes, credentials, plan
from cohere_conformance.session.probe import probe
from cohere_conformance.session.worker import Setting, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.model import Severity

EMBEDDED = "reference server (embedded)"
"""What a report calls the target that has no address of its own."""


class Identity(msgspec.Struct, frozen=True):
    """What every worker of a run is told by the one that began it.

    Attributes:
        run: tells this run apart from others.
        started_at: RFC 3339 time at which it began.
        reference: the target is a reference server.
    """

    run: str
    started_at: str
    reference: bool


@lru_cache(maxsize=2)
def _judge(servers: tuple[str, ...]) -> Judge:
    """Return what judges; a process that runs the suites many times makes it once."""
    return Judge(Settings(servers=servers))


@lru_cache(maxsize=1)
def _suite() -> Suite:
    """Return the shipped cases, read once a process."""
    policies = load_policies(shipped("contracts") / "operations.yaml")
    return load_suite(shipped("suites"), load_contract(), policies)


class Campaign:
    """One run.

    Args:
        wishes: what the caller asks for.
        folder: of the report.
        fail_on: the least severity that makes the run fail.
        environment: where keys are read from.
        workers: how many processes send.
        arguments: the command line, for the report.

    Attributes:
        plan: what may be done.
        cases: what is run, in the order of the files.

    Raises:
        UsageError: a wish cannot be fulfilled.
        CaseError: a file of cases is wrong.
        ContractError: a document below `contracts/` is broken.
    """

    def __init__(
        self,
        wishes: Wishes,
        *,
        folder: Path,
        fail_on: Severity,
        environment: Mapping[str, str],
        workers: int = 1,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self._judge = _judge((wishes.url,) if wishes.url else ())
        operations = self._judge.contract.operations.values()
        self.plan: Plan = plan(wishes, {operation.group for operation in operations}, environment)
        if self.plan.fuzz is not None:
            open_database(self.plan.fuzz.database)  # that it is not there is a wrong call, and told at once
        self._suite = _suite()
        self.cases = self._selected()
        self._folder = folder
        self._fail_on = fail_on
        self._environment = environment
        self._workers = workers
        self._arguments = arguments
        self._identity: Identity | None = None

    @property
    def labels(self) -> list[str]:
        """Labels of the operations that the run is about."""
        operations = self._judge.contract.operations.items()
        return [label for label, one in operations if one.group in self.plan.selected & self.plan.declares]

    def _selected(self) -> tuple[Case, ...]:
        return tuple(case for case in self._suite.cases if case.group in self.plan.selected)

    @property
    def identity(self) -> Identity:
        """What the workers are told; set by `begin` or `join`."""
        if self._identity is None:
            raise UsageError("the run has not begun")
        return self._identity

    def begin(self) -> None:
        """Ask the target once, and clear away what an earlier run has left.

        Raises:
            TargetError: nobody answers, or the key is refused.
            ReportError: the folder cannot be cleared.
        """
        reference = self.plan.url is None or probe(self.plan, self.plan.url)
        clear_report(self._folder)
        clear_journals(self._folder)
        self._identity = Identity(uuid.uuid4().hex[:8], now(), reference)

    def join(self, identity: Identity) -> None:
        """Take part in a run that another process has begun."""
        self._identity = identity

    def worker(self, name: str) -> Worker:
        """Return what one process needs to run cases."""
        limit = self.plan.max_requests
        return Worker(
            Setting(
                plan=self.plan,
                suite=self._suite,
                judge=self._judge,
                fail_on=self._fail_on,
                folder=self._folder,
                header=self._header(),
                run=self.identity.run,
                authorizations=credentials(
                    self.plan, reference=self.identity.reference, environment=self._environment
                ),
                # Shared out beforehand: then no worker has to ask another before it sends.
                requests=None if limit is None else max(1, limit // self._workers),
            ),
            name,
        )

    def _header(self) -> Header:
        contract = self._judge.contract
        every = {operation.group for operation in contract.operations.values()}
        return Header(
            tool="cohere-conformance",
            version=__version__,
            contract_version=contract.version,
            contract_digest=contract.digest,
            mode=Mode.AMENDED,
            inputs=(),
            started_at=self.identity.started_at,
            fail_on=self._fail_on,
            arguments=self._arguments,
            target=Target(
                url=self.plan.url or EMBEDDED,
                profile=self.plan.profile,
                declares=() if self.plan.declares == every else tuple(sorted(self.plan.declares)),
                key=self.plan.key is not None,
                seed=self.plan.seed,
                workers=self._workers,
            ),
        )

    def report(self) -> tuple[Report, tuple[Path, ...]]:
        """Build the report out of the journals and write it; return it with the paths of its files.

        Raises:
            ReportError: the journals cannot be read, or the report cannot be written.
        """
        return publish(self._folder, self._judge.contract)
