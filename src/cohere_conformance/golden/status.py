"""Finds golden cassettes that are stale: too old, or of a case, contract or server that has changed."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from cohere_conformance.cases.roles import case_with_models
from cohere_conformance.checks.rawjson import parse
from cohere_conformance.errors import CassetteError
from cohere_conformance.golden.cassette import ELSEWHERE, Origin
from cohere_conformance.golden.digest import CaseDigests, ContractDigests, part_of
from cohere_conformance.golden.policy import PolicyVerdict, Stale
from cohere_conformance.golden.states import (
    Absence,
    Ages,
    CassetteState,
    GateOutcome,
    LeftOut,
    Reason,
    Status,
)
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
"""Statuses that do not depend on the model: the key is refused, or the model is unknown."""
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
            outcome=GateOutcome.PASS,
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


def _kind(state: CassetteState) -> str:
    if state.origin is None:
        return BROKEN
    return ELSEWHERE if state.imported else str(state.origin)


def _ages(states: Iterable[CassetteState]) -> Iterator[Ages]:
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
    if PolicyVerdict.FAIL in verdicts:
        return msgspec.structs.replace(status, outcome=GateOutcome.FAIL)
    return (
        msgspec.structs.replace(status, outcome=GateOutcome.WARN)
        if PolicyVerdict.WARN in verdicts
        else status
    )


@dataclass(frozen=True)
class _Judge:
    """Finds what is stale in one cassette."""

    criteria: Criteria

    def state(self, name: str, given: Path | Cassette) -> CassetteState:
        """Return the state of one cassette with all its problems."""
        try:
            cassette = load(given) if isinstance(given, Path) else given
        except CassetteError as error:
            broken = Reason(Stale.BROKEN, PolicyVerdict.FAIL, error.reason, "Nothing can be done with it.")
            return CassetteState(id=name, reasons=(broken,))
        provenance = cassette.provenance
        recorded = _day(provenance.recorded_at)
        return CassetteState(
            id=name,
            operation=provenance.operation,
            origin=provenance.origin,
            imported=provenance.imported,
            recorded_at=provenance.recorded_at,
            # A clock that is ahead counts as today.
            days=None if recorded is None else max((self.criteria.today - recorded).days, 0),
            reasons=tuple(
                self.reason(stale, detail, provenance)
                for matters in (
                    self._age(provenance, recorded),
                    self._contract(provenance),
                    self._model(cassette, recorded),
                    self._case(name, cassette),
                    self._replay(name),
                )
                for stale, detail in matters
            ),
        )

    def reason(self, stale: Stale, detail: str, provenance: Provenance | None = None) -> Reason:
        """Return a problem with its consequence."""
        rule = self.criteria.policy.rule(stale, provenance)
        return Reason(stale, rule.verdict, detail, rule.reason)

    def _age(self, provenance: Provenance, recorded: datetime.date | None) -> Iterator[_Matter]:
        if _is_reference(provenance):
            return
        if recorded is None:
            got = f"the time {provenance.recorded_at!r}" if provenance.recorded_at else "no time"
            yield Stale.UNDATED, f"it says {got}"
            return
        days, allowed = (
            (self.criteria.today - recorded).days,
            self.criteria.policy.rule(Stale.AGE, provenance).days,
        )
        if allowed is not None and days > allowed:
            yield Stale.AGE, f"{quantity(days, 'day')} old, {allowed} are allowed"

    def _contract(self, provenance: Provenance) -> Iterator[_Matter]:
        contract = self.criteria.contract
        if provenance.operation not in contract.operations:
            yield Stale.CONTRACT_CHANGED, f"{provenance.operation} is not declared any more"
            return
        if _is_reference(provenance):
            return
        part = part_of(provenance.contract)
        if part and part != part_of(self._digests.of(provenance.operation)):
            yield Stale.CONTRACT_CHANGED, f"{provenance.operation} has changed in the contract"
        elif not provenance.contract:
            yield Stale.CONTRACT_UNCLEAR, "it has no digest of the contract"
        elif not part and provenance.contract != contract.digest:
            yield (
                Stale.CONTRACT_UNCLEAR,
                f"recorded under the contract {provenance.contract}, today it is {contract.digest}",
            )

    @cached_property
    def _digests(self) -> ContractDigests:
        return ContractDigests(self.criteria.contract, self.criteria.requirements)

    def _model(self, cassette: Cassette, recorded: datetime.date | None) -> Iterator[_Matter]:
        provenance, status = cassette.provenance, cassette.exchange.response.status
        for name in sorted(named_models(provenance.operation, cassette.exchange.request)):
            gone = self.criteria.retired.get(name)
            if gone is None or gone.date > self.criteria.today or status in _REGARDLESS:
                continue
            if provenance.origin is Origin.LIVE and recorded is not None and recorded >= gone.date:
                continue  # the server knew
            yield Stale.MODEL_RETIRED, f"{name} was removed on {gone.date}"

    def _case(self, name: str, cassette: Cassette) -> Iterator[_Matter]:
        provenance = cassette.provenance
        if provenance.imported:
            return
        case = self._cases.get(name)
        if case is not None:
            case = case_with_models(case, self.criteria.suite, provenance.role_models)
        if case is None:
            yield Stale.ORPHAN, "no written case has this id"
        elif (skip := case.skip(provenance.profile)) is not None:
            yield Stale.ORPHAN, f"its case is not run {_skipped(provenance.profile, skip)}"
        elif not provenance.case:
            yield Stale.CASE_CHANGED, "it has no digest of the request of its case"
        elif provenance.operation != case.operation:
            yield (
                Stale.CASE_CHANGED,
                f"it was recorded of {provenance.operation}; its case calls {case.operation}",
            )
        elif provenance.case != self._sent.of(case):
            yield Stale.CASE_CHANGED, "its case sends another request than the recorded one"
        elif (
            _is_reference(provenance)
            and (change := self.criteria.reference_change(cassette, case)) is not None
        ):
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
            yield Stale.NEVER_REPLAYED, "the last replay did not check it"
        elif outcome in _FAILING:
            yield Stale.REPLAY_FAILED, "the last replay failed: see its report, and replay it again"


def _is_reference(provenance: Provenance) -> bool:
    """Return whether the response can be had again at any time, from the server of this package."""
    return provenance.origin is Origin.REFERENCE and not provenance.imported


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
