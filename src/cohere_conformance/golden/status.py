"""Whether golden cassettes still say what they said: how old they are, and what has changed since."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from cohere_conformance.checks.rawjson import parse
from cohere_conformance.errors import CassetteError
from cohere_conformance.golden.cassette import ELSEWHERE, Origin
from cohere_conformance.golden.digest import CaseDigests, ContractDigests, part_of
from cohere_conformance.golden.policy import Stale, Verdict
from cohere_conformance.golden.states import Absence, Ages, LeftOut, Outcome, Reason, State, Status
from cohere_conformance.golden.store import BROKEN, counted, load
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from cohere_conformance.cases import Case, Skip, Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.models import Retirement
    from cohere_conformance.golden.cassette import Cassette, Provenance
    from cohere_conformance.golden.policy import Policy
    from cohere_conformance.model import Request, Requirement

_REGARDLESS = frozenset({401, 404})
"""Answers that a retired model gets, too: refused before anybody looks at it, or because it is not there."""
_Matter = tuple[Stale, str]
_FORM_MODEL = re.compile(rb'name="?model"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n--')


def status(
    cassettes: Mapping[str, Path | Cassette],
    suite: Suite,
    contract: Contract,
    policy: Policy,
    *,
    today: datetime.date,
    replayed: Collection[str] | None,
    models: Mapping[str, Retirement],
    requirements: Iterable[Requirement],
    profile: str = "contract",
    left_out: Mapping[str, str] | None = None,
) -> Status:
    """Return what is the matter with cassettes.

    Args:
        cassettes: by id; what is a path is read, and told as broken if it cannot be.
        suite: the written cases of today.
        contract: of today.
        policy: what follows from what.
        today: the day in UTC.
        replayed: ids that the last replay has judged; `None` where no replay is known.
        models: when each retired model was taken away.
        requirements: all that there are today.
        profile: under which cases are recorded.
        left_out: why a case is not recorded although the profile has it, by its id.
    """
    judge = _Judge(suite, contract, policy, today, replayed, models, tuple(requirements))
    states = tuple(judge.state(name, cassettes[name]) for name in sorted(cassettes))
    unrecorded = [case for case in suite.cases if case.id not in cassettes]
    excuses = dict(left_out or {}) | {
        case.id: _skipped(profile, skip) for case in unrecorded if (skip := case.skip(profile)) is not None
    }
    shown = {state.operation for state in states}
    return _concluded(
        Status(
            outcome=Outcome.PASS,
            today=today,
            golden=counted(map(_kind, states)),
            ages=tuple(_ages(states)),
            cassettes=states,
            cases=tuple(
                Absence(case.id, judge.reason(Stale.CASE_MISSING, "no cassette"))
                for case in unrecorded
                if case.id not in excuses
            ),
            operations=tuple(
                Absence(label, judge.reason(Stale.OPERATION_MISSING, "no cassette of any of its answers"))
                for label in contract.operations
                if label not in shown
            ),
            replay=judge.reason(Stale.REPLAY_UNKNOWN, "no replay is known") if replayed is None else None,
            left_out=tuple(LeftOut(case.id, excuses[case.id]) for case in unrecorded if case.id in excuses),
        )
    )


def _skipped(profile: str, skip: Skip) -> str:
    return f"under the profile {profile}: {skip.reason}"


def _kind(state: State) -> str:
    if state.origin is None:
        return BROKEN
    return ELSEWHERE if state.imported else str(state.origin)


def _ages(states: Iterable[State]) -> Iterator[Ages]:
    days: dict[Origin, list[int | None]] = {}
    for state in states:
        if state.origin is not None:
            days.setdefault(state.origin, []).append(state.days)
    for origin in Origin:
        if origin in days:
            known = [number for number in days[origin] if number is not None]
            yield Ages(origin, len(days[origin]), max(known, default=None), min(known, default=None))


def _concluded(status: Status) -> Status:
    verdicts = {reason.verdict for _, reason in status.reasons()}
    if Verdict.FAIL in verdicts:
        return msgspec.structs.replace(status, outcome=Outcome.FAIL)
    return msgspec.structs.replace(status, outcome=Outcome.WARN) if Verdict.WARN in verdicts else status


@dataclass(frozen=True)
class _Judge:
    """Knows how things are today, and tells where a cassette is from another time."""

    suite: Suite
    contract: Contract
    policy: Policy
    today: datetime.date
    replayed: Collection[str] | None
    models: Mapping[str, Retirement]
    requirements: tuple[Requirement, ...]

    def state(self, name: str, given: Path | Cassette) -> State:
        """Return everything that is the matter with one cassette."""
        try:
            cassette = load(given) if isinstance(given, Path) else given
        except CassetteError as error:
            broken = Reason(Stale.BROKEN, Verdict.FAIL, error.reason, "Nothing can be done with it.")
            return State(id=name, reasons=(broken,))
        told = cassette.provenance
        recorded = _day(told.recorded_at)
        return State(
            id=name,
            operation=told.operation,
            origin=told.origin,
            imported=told.imported,
            recorded_at=told.recorded_at,
            # A clock that is ahead has recorded today.
            days=None if recorded is None else max((self.today - recorded).days, 0),
            reasons=tuple(
                self.reason(stale, detail, told)
                for matters in (
                    self._age(told, recorded),
                    self._contract(told),
                    self._model(cassette, recorded),
                    self._case(name, told),
                    self._replay(name),
                )
                for stale, detail in matters
            ),
        )

    def reason(self, stale: Stale, detail: str, told: Provenance | None = None) -> Reason:
        """Return one thing that is the matter, with what follows from it."""
        rule = self.policy.rule(stale, told)
        return Reason(stale, rule.verdict, detail, rule.reason)

    def _age(self, told: Provenance, recorded: datetime.date | None) -> Iterator[_Matter]:
        if recorded is None:
            got = f"the time {told.recorded_at!r}" if told.recorded_at else "no time"
            yield Stale.UNDATED, f"it says {got}"
            return
        days, allowed = (self.today - recorded).days, self.policy.rule(Stale.AGE, told).days
        if allowed is not None and days > allowed:
            yield Stale.AGE, f"{quantity(days, 'day')} old, {allowed} are allowed"

    def _contract(self, told: Provenance) -> Iterator[_Matter]:
        if told.operation not in self.contract.operations:
            yield Stale.CONTRACT_CHANGED, f"{told.operation} is not declared any more"
            return
        part = part_of(told.contract)
        if part and part != part_of(self._digests.of(told.operation)):
            yield Stale.CONTRACT_CHANGED, f"what {told.operation} has to do is not what it was"
        elif not told.contract:
            yield Stale.CONTRACT_UNCLEAR, "it does not say under which contract it was recorded"
        elif not part and told.contract != self.contract.digest:
            yield (
                Stale.CONTRACT_UNCLEAR,
                f"recorded under the contract {told.contract}, which is {self.contract.digest} by now",
            )

    @cached_property
    def _digests(self) -> ContractDigests:
        return ContractDigests(self.contract, self.requirements)

    def _model(self, cassette: Cassette, recorded: datetime.date | None) -> Iterator[_Matter]:
        told, status = cassette.provenance, cassette.exchange.response.status
        for name in sorted(named_models(told.operation, cassette.exchange.request)):
            gone = self.models.get(name)
            if gone is None or gone.date > self.today or status in _REGARDLESS:
                continue
            if told.origin is Origin.LIVE and recorded is not None and recorded >= gone.date:
                continue  # that answer knew
            yield Stale.MODEL_RETIRED, f"{name} was taken away on {gone.date}"

    def _case(self, name: str, told: Provenance) -> Iterator[_Matter]:
        if told.imported:
            return
        case = self._cases.get(name)
        if case is None:
            yield Stale.ORPHAN, "no written case has this id"
        elif (skip := case.skip(told.profile)) is not None:
            yield Stale.ORPHAN, f"its case is not run {_skipped(told.profile, skip)}"
        elif not told.case:
            yield Stale.CASE_CHANGED, "it does not say what its case has sent"
        elif told.operation != case.operation:
            yield Stale.CASE_CHANGED, f"it was recorded of {told.operation}; its case calls {case.operation}"
        elif told.case != self._sent.of(case):
            yield Stale.CASE_CHANGED, "its case sends something else than it did"

    @cached_property
    def _sent(self) -> CaseDigests:
        return CaseDigests(self.suite)

    @cached_property
    def _cases(self) -> Mapping[str, Case]:
        return {case.id: case for case in self.suite.cases}

    def _replay(self, name: str) -> Iterator[_Matter]:
        if self.replayed is not None and name not in self.replayed:
            yield Stale.NEVER_REPLAYED, "the last replay has not judged it"


def _day(recorded_at: str) -> datetime.date | None:
    """Return the day in UTC of an RFC 3339 time; `None` where it is none."""
    try:
        time = datetime.datetime.fromisoformat(recorded_at)
        return (time.astimezone(datetime.UTC) if time.tzinfo else time).date()
    except (ValueError, OverflowError):
        return None


def named_models(operation: str, request: Request) -> frozenset[str]:
    """Return the models that a request names: in its path, as JSON or in a form.

    Args:
        operation: label of what is called.
        request: as it was recorded.
    """
    found = {
        unquote(segment)
        # From the end, because a server may have a path of its own before that of the operation.
        for declared, segment in zip(
            reversed(operation.split("/")), reversed(urlsplit(request.url).path.split("/")), strict=False
        )
        if declared == "{model}"
    }
    if request.body and b"model" in request.body:
        value, _ = parse(request.body)
        if isinstance(value, dict) and isinstance(value.get("model"), str):
            found.add(value["model"])
        found.update(name.decode("utf-8", "replace") for name in _FORM_MODEL.findall(request.body))
    return frozenset(found)
