"""One run of the suites against a target, in one process or in several.

Everything that a run finds is in the journals of its workers, and the report is built from these alone: a run
that was killed leaves the same evidence as a complete one.
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance import __version__
from cohere_conformance.cases import shipped_suite
from cohere_conformance.cases.roles import used_roles, with_models
from cohere_conformance.client.address import address
from cohere_conformance.client.deadline import Deadline
from cohere_conformance.client.ledger import LEDGER_FILE, tidy
from cohere_conformance.errors import ReportError, TargetError, UsageError
from cohere_conformance.history import last_exercised, target_name
from cohere_conformance.report import (
    AcceptedDrift,
    ConfigurationUsed,
    Ended,
    Header,
    Journal,
    Mode,
    NightPlan,
    Opening,
    Report,
    RoleModel,
    Target,
    clear_ended,
    clear_journals,
    has_journals,
    write_ended,
)
from cohere_conformance.session import permission
from cohere_conformance.session.clock import REAL, RunClock
from cohere_conformance.session.driver import Driver
from cohere_conformance.session.evidence import clear_report, publish
from cohere_conformance.session.identity import Identity
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.memory import RunMemory
from cohere_conformance.session.plan import Plan, RunOptions, TargetKind, credentials, plan
from cohere_conformance.session.probe import Probed, probe
from cohere_conformance.session.role_models import LIST, resolved
from cohere_conformance.session.settings import WorkerSettings
from cohere_conformance.session.shapes import compared_in_run
from cohere_conformance.session.shown_target import shown_target
from cohere_conformance.session.tonight import canaries, tonight
from cohere_conformance.session.worker import Worker, class_of_sender

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cohere_conformance.cases import Case
    from cohere_conformance.model import Severity

_LASTING = frozenset({TargetKind.OWN, TargetKind.LIVE})
"""The targets on which something may be left when a run is killed."""


@lru_cache(maxsize=2)
def _judge(servers: tuple[str, ...], observed: str, changed_at: int) -> Judge:
    """Return the judge; a process creates it once, until the file of observed shapes has changed."""
    return Judge(JudgeSettings(servers=servers, observed=observed, sends=True))


class Campaign:
    """One run.

    Args:
        options: what the caller asks for.
        driver: how the run treats its tests; as `run` does if not given.
        folder: of the report.
        fail_on: the least severity that makes the run fail.
        environment: where keys are read from.
        workers: how many processes send.
        arguments: the command line, for the report.
        configuration: what was taken from a configuration file, for the report.
        baseline: the accepted drift.
        memory: what the run remembers; nothing if not given.
        ledger: file in which it is noted what the run creates; in the folder of the report if not given.
        clock: the time of the run.

    Attributes:
        plan: what the run may do.
        cases: the selected cases, in the order of the files.
        driver: how the run treats its tests.

    Raises:
        UsageError: an option has an invalid value.
        CassetteError: there are two cassettes of one name.
        CaseError: a file of cases is wrong.
        ContractError: a document below `contracts/` is broken.
    """

    def __init__(
        self,
        options: RunOptions,
        driver: Driver | None = None,
        *,
        folder: Path,
        fail_on: Severity,
        environment: Mapping[str, str],
        workers: int = 1,
        arguments: tuple[str, ...] = (),
        configuration: ConfigurationUsed | None = None,
        baseline: AcceptedDrift | None = None,
        memory: RunMemory | None = None,
        ledger: Path | None = None,
        clock: RunClock = REAL,
    ) -> None:
        # Checked before the contract takes it for a base URL.
        servers = () if options.url is None else (address("--url", options.url).url,)
        self._memory = memory or RunMemory()
        self._judge = _judge(servers, self._memory.compared, self._memory.changed_at)
        self.driver = driver or Driver()
        self.plan: Plan = plan(
            options,
            self._judge.contract.groups,
            environment,
            live_tiers=self.driver.live_tiers,
            recorded_url=self.driver.recorded_url,
            nightly=self.driver.nightly,
        )
        self._suite = shipped_suite(self.plan.profile)
        self.plan = replace(self.plan, canaries=canaries(self.plan, self._suite))
        self.cases = self._selected()
        self._roles = self._used_roles()
        self.driver.prepare(self.plan.selected)
        self._workers = workers
        self._share()
        self._folder = folder
        self._fail_on = fail_on
        self._environment = environment
        self._arguments = arguments
        self._configuration = configuration
        self._baseline = baseline
        self._ledger = (ledger or folder / LEDGER_FILE) if self.plan.target_kind in _LASTING else None
        self._clock = clock
        self._identity: Identity | None = None
        self._ended: Ended | None = None

    @property
    def labels(self) -> list[str]:
        """Labels of the operations that the run is about."""
        groups = self._judge.contract.groups
        return [
            label for label in groups if groups[label] in self.plan.selected and label in self.plan.declares
        ]

    def _selected(self) -> tuple[Case, ...]:
        return tuple(case for case in self._suite.cases if case.group in self.plan.selected)

    def _used_roles(self) -> list[str]:
        """Return the roles of the cases that are run; a test has those of the cases of its group."""
        named = self.plan.cases
        tests = named - {case.id for case in self.cases}
        groups = {test.partition(".")[0] for test in tests}
        if not named or not groups <= self.plan.selected:  # a test that fuzzes names no group
            return used_roles(self.cases)
        return used_roles(case for case in self.cases if case.id in named or case.group in groups)

    @property
    def _lists(self) -> bool:
        """Whether the target is asked for its models."""
        return (
            self.driver.lists_models
            and self.plan.target_kind in {TargetKind.OWN, TargetKind.LIVE}
            and LIST in self.plan.declares
            and not set(self._roles) <= self.plan.models.keys()
        )

    def _set_models(self, models: tuple[RoleModel, ...]) -> None:
        """Use these models for the roles of the cases."""
        self._suite = with_models(self._suite, self.plan.models | {one.role: one.model for one in models})
        self.cases = self._selected()

    @property
    def begun(self) -> bool:
        """Whether the run has begun, so that a report of it can be written."""
        return self._identity is not None

    @property
    def identity(self) -> Identity:
        """What is passed to the workers; set by `begin` or `join`."""
        if self._identity is None:
            raise UsageError("the run has not begun")
        return self._identity

    def prepare(self) -> None:
        """Load now what every process needs that is forked from this one."""
        self._judge.prepare()

    def begin(self) -> None:
        """Remove what an earlier run has left, and probe the target.

        Raises:
            TargetError: the target does not respond, or refuses the key.
            ReportError: the folder cannot be cleared.
            LedgerError: the ledger cannot be read or written.
        """
        if self._ledger is not None:
            tidy(self._ledger)
        clear_report(self._folder)
        clear_ended(self._folder)
        clear_journals(self._folder)
        until = None if self.plan.seconds is None else time.time() + self.plan.seconds
        probed = Probed(reference=self.plan.url is None, models=None)
        if self.plan.url is not None and self.plan.target_kind is not TargetKind.RECORDED:
            probed = self._probed()
        models = resolved(self._roles, self.plan.models, self.plan.profile, probed.models)
        self.driver.clear(self._folder)
        self._identity = Identity(uuid.uuid4().hex[:8], self._now(), probed.reference, until, models)
        self._set_models(models)
        self._identity = replace(self._identity, night=self.night())

    def night(self) -> NightPlan | None:
        """Return the plan of the night; `None` where all cases are run. Nothing is sent.

        Raises:
            ReportError: the history cannot be read.
        """
        if not self.plan.planned:
            return None
        last = (
            last_exercised(self._memory.history, target_name(self._header()))
            if self._memory.history
            else None
        )
        reference = self._identity is not None and self._identity.reference
        keys = credentials(self.plan, reference=reference, environment=self._environment)
        day = self._clock.now().date()
        return tonight(self.plan, self._suite, self._judge.contract, day=day, last=last, keys=keys)

    @property
    def left_out(self) -> frozenset[str]:
        """Ids of the cases that are planned for other nights."""
        night = None if self._identity is None else self._identity.night
        if night is None:
            return frozenset()
        return frozenset(night.unplanned).union(*(one.cases for one in night.later))

    @property
    def target(self) -> Target:
        """The target, as reports name it."""
        models = () if self._identity is None else self._identity.models
        return shown_target(self.plan, self._workers, models)

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")

    def _probed(self) -> Probed:
        deadline = Deadline(self.plan.seconds)
        try:
            gate = permission.guard(self.plan, self._judge.contract)
            made = class_of_sender(self.plan.target_kind, self._judge.contract, self._clock)
            return probe(self.plan, gate, deadline, lists=self._lists, sender_class=made)
        except TargetError:
            if deadline.left(removing=False) > 0:
                raise
            # Unknown: the time is up before the run has begun, and the report says so.
            return Probed(reference=False, models=None)

    def join(self, identity: Identity) -> None:
        """Take part in a run that another process has begun."""
        self._identity = identity
        self._set_models(identity.models)

    def worker(self, name: str) -> Worker:
        """Return what one process needs to run cases."""
        return Worker(
            WorkerSettings(
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
                requests=self._share(),
                reference=self.identity.reference,
                until=self.identity.until,
                ledger=self._ledger,
                clock=self._clock,
                workers=self._workers,
            ),
            self.driver,
            name,
        )

    def _share(self) -> int | None:
        """Return how many requests each worker of a shard may send: a fixed share, without coordination."""
        limit = self.plan.max_requests
        if limit is None:
            return None
        asked = 0 if self.plan.target_kind in {TargetKind.EMBEDDED, TargetKind.RECORDED} else 1
        asked += self._lists and self.plan.target_kind is TargetKind.LIVE
        shards = self.plan.shard.of if self.plan.shard else 1
        share = (limit // shards - asked) // self._workers
        if share < 1:
            raise UsageError(
                f"--max-requests {limit}: expected at least one request for each of {self._workers} workers"
                f"{f' and {asked} to probe the target' if asked else ''}"
                f"{f', in each of {shards} shards' if shards > 1 else ''}; allow more"
            )
        return share

    def _header(self) -> Header:
        contract = self._judge.contract
        started = self._identity or Identity("", self._now(), reference=False)
        header = Header(
            tool="cohere-conformance",
            version=__version__,
            contract_version=contract.version,
            contract_digest=contract.digest,
            origins=contract.origins,
            mode=Mode.AMENDED,
            inputs=(),
            started_at=started.started_at,
            fail_on=self._fail_on,
            arguments=self._arguments,
            configuration=self._configuration,
            baseline=self._baseline,
            sdks=self.plan.sdks.names,
            observed=compared_in_run(self._memory.compared, self.plan.url or ""),
            target=None if self.plan.target_kind is TargetKind.RECORDED else self.target,
            night=started.night,
        )
        return self.driver.describe(header)

    def report(
        self,
        *,
        interrupted: bool = False,
        stopped: str = "",
        failures: tuple[str, ...] = (),
        deviations: tuple[str, ...] = (),
    ) -> tuple[Report, tuple[Path, ...]]:
        """Write how the run ended, and the report; return the report with the paths of its files.

        It may be called again with further failures or deviations, which are then added.

        Args:
            interrupted: the run was stopped before its end.
            stopped: what stopped it.
            failures: what failed in the harness outside of any case.
            deviations: what deviates that no finding reports.

        Raises:
            ReportError: the journals cannot be read, or something cannot be written; there is no report then.
        """
        before = self._ended or Ended(run=self.identity.run)
        self._ended = Ended(
            run=before.run,
            interrupted=before.interrupted or interrupted,
            stopped=before.stopped or stopped,
            failures=_joined(before.failures, failures),
            deviations=_joined(before.deviations, deviations),
        )
        clear_report(self._folder)
        write_ended(self._folder, self._ended)
        if (interrupted or failures) and not has_journals(self._folder):
            # The run was over before any process had begun: the folder has to show that as well.
            Journal(self._folder, self._opening()).close()
        return publish(self._folder, self._judge.contract, self.plan.sdks)

    def remember(self, report: Report) -> Report:
        """Write a report with what has changed since earlier runs, and add the run to what is remembered.

        Called once, when it is certain how the run ended. Without a memory nothing is written.

        Raises:
            ReportError: what is remembered cannot be read or written, or the report cannot be written.
        """
        return self._memory.remember(report, self._folder, self._judge, self._clock.now().date())

    def _opening(self) -> Opening:
        """Return the first line of a journal of the process that leads the run, and runs no test."""
        return Opening(worker="main", header=self._header(), planned=(), run=self.identity.run, led=True)

    def withdraw(self) -> None:
        """Remove the report: it would contradict the exit code of the process."""
        with suppress(ReportError):
            clear_report(self._folder)


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
