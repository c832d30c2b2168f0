"""Whether golden cassettes still say what they said: how old they are, and what has changed since."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
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
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cohere_conformance.cases import Case, Skip, Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.models import Retirement
    from cohere_conformance.golden.cassette import Cassette, Provenance
    from cohere_conformance.golden.policy import Policy
    from cohere_conformance.model import Request, Requirement
    from cohere_conformance.report import CaseOutcome

_REGARDLESS = frozenset({401, 404})
"""Answers that a retired model gets, too: refused before anybody looks at it, or because it is not there."""
_FAILING = frozenset({"failed", "error"})
_Matter = tuple[Stale, str]
_FORM_MODEL = re.compile(rb'name="?model"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n--')


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What the status of cassettes depends on beside the cassettes.

    Attributes:
        suite: the written cases of today.
        contract: of today.
        requirements: of today.
        policy: which problems fail the gate.
        today: the day in UTC.
        retired: when each retired model was removed, by its name.
        replayed: how the last replay of each cassette ended, by its id; `None` where no replay is known.
        reference_change: returns how the reference server's response to a case differs from the one in a
            cassette; `None` where it does not.
        profile: under which cases are recorded.
        left_out: why a case is not recorded although the profile has it, by its id.
    """

    suite: Suite
    contract: Contract
    requirements: tuple[Requirement, ...]
    policy: Policy
    today: datetime.date
    retired: Mapping[str, Retirement]
    replayed: Mapping[str, CaseOutcome] | None
    reference_change: Callable[[Cassette, Case], str | None]
    profile: str = "contract"
    left_out: Mapping[str, str] = field(default_factory=dict)


def status(cassettes: Mapping[str, Path | Cassette], criteria: Criteria) -> Status:
    """Return which cassettes are stale, and why.

    Args:
        cassettes: by id; a path is read, and reported as broken if it cannot be.
        criteria: what they are compared with.
    """
    judge, profile = _Judge(criteria), criteria.profile
    states = tuple(judge.state(name, cassettes[name]) for name in sorted(cassettes))
    unrecorded = [case for case in criteria.suite.cases if case.id not in cassettes]
    excuses = {
        **criteria.left_out,
        **{case.id: _skipped(profile, skip) for case in unrecorded if (skip := case.skip(profile))},
    }
    shown = {state.operation for state in states}
    return _concluded(
        Status(
            outcome=Outcome.PASS,
            today=criteria.today,
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
                for label in criteria.contract.operations
                if label not in shown
            ),
            replay=judge.reason(Stale.REPLAY_UNKNOWN, "no replay is known")
            if criteria.replayed is None
            else None,
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
            if origin is Origin.REFERENCE and not known:
                continue  # its responses change with its code, not with time
            yield Ages(origin, len(days[origin]), max(known, default=None), min(known, default=None))


def _concluded(status: Status) -> Status:
    verdicts = {reason.verdict for _, reason in status.reasons()}
    if Verdict.FAIL in verdicts:
        return msgspec.structs.replace(status, outcome=Outcome.FAIL)
    return msgspec.structs.replace(status, outcome=Outcome.WARN) if Verdict.WARN in verdicts else status


@dataclass(frozen=True)
class _Judge:
    """Finds what is stale in one cassette."""

    criteria: Criteria

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
            days=None if recorded is None else max((self.criteria.today - recorded).days, 0),
            reasons=tuple(
                self.reason(stale, detail, told)
                for matters in (
                    self._age(told, recorded),
                    self._contract(told),
                    self._model(cassette, recorded),
                    self._case(name, cassette),
                    self._replay(name),
                )
                for stale, detail in matters
            ),
        )

    def reason(self, stale: Stale, detail: str, told: Provenance | None = None) -> Reason:
        """Return one thing that is the matter, with what follows from it."""
        rule = self.criteria.policy.rule(stale, told)
        return Reason(stale, rule.verdict, detail, rule.reason)

    def _age(self, told: Provenance, recorded: datetime.date | None) -> Iterator[_Matter]:
        if _is_reference(told):
            return
        if recorded is None:
            got = f"the time {told.recorded_at!r}" if told.recorded_at else "no time"
            yield Stale.UNDATED, f"it says {got}"
            return
        days, allowed = (self.criteria.today - recorded).days, self.criteria.policy.rule(Stale.AGE, told).days
        if allowed is not None and days > allowed:
            yield Stale.AGE, f"{quantity(days, 'day')} old, {allowed} are allowed"

    def _contract(self, told: Provenance) -> Iterator[_Matter]:
        contract = self.criteria.contract
        if told.operation not in contract.operations:
            yield Stale.CONTRACT_CHANGED, f"{told.operation} is not declared any more"
            return
        if _is_reference(told):
            return
        part = part_of(told.contract)
        if part and part != part_of(self._digests.of(told.operation)):
            yield Stale.CONTRACT_CHANGED, f"what {told.operation} has to do is not what it was"
        elif not told.contract:
            yield Stale.CONTRACT_UNCLEAR, "it does not say under which contract it was recorded"
        elif not part and told.contract != contract.digest:
            yield (
                Stale.CONTRACT_UNCLEAR,
                f"recorded under the contract {told.contract}, which is {contract.digest} by now",
            )

    @cached_property
    def _digests(self) -> ContractDigests:
        return ContractDigests(self.criteria.contract, self.criteria.requirements)

    def _model(self, cassette: Cassette, recorded: datetime.date | None) -> Iterator[_Matter]:
        told, status = cassette.provenance, cassette.exchange.response.status
        for name in sorted(named_models(told.operation, cassette.exchange.request)):
            gone = self.criteria.retired.get(name)
            if gone is None or gone.date > self.criteria.today or status in _REGARDLESS:
                continue
            if told.origin is Origin.LIVE and recorded is not None and recorded >= gone.date:
                continue  # that answer knew
            yield Stale.MODEL_RETIRED, f"{name} was taken away on {gone.date}"

    def _case(self, name: str, cassette: Cassette) -> Iterator[_Matter]:
        told = cassette.provenance
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
        elif _is_reference(told) and (change := self.criteria.reference_change(cassette, case)) is not None:
            yield Stale.ANSWER_CHANGED, change

    @cached_property
    def _sent(self) -> CaseDigests:
        return CaseDigests(self.criteria.suite)

    @cached_property
    def _cases(self) -> Mapping[str, Case]:
        return {case.id: case for case in self.criteria.suite.cases}

    def _replay(self, name: str) -> Iterator[_Matter]:
        if self.criteria.replayed is None:
            return
        outcome = self.criteria.replayed.get(name)
        if outcome is None:
            yield Stale.NEVER_REPLAYED, "the last replay has not judged it"
        elif outcome in _FAILING:
            yield Stale.REPLAY_FAILED, "the last replay failed: see its report, and replay it again"


def _is_reference(told: Provenance) -> bool:
    """Return whether the response can be had again at any time, from the server of this package."""
    return told.origin is Origin.REFERENCE and not told.imported


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
