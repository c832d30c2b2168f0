"""Compares a run with earlier runs of the same target and contract; a pure function."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from cohere_conformance.history.measures import measures
from cohere_conformance.history.past import PastCause, PastFinding
from cohere_conformance.history.sightings import Sightings
from cohere_conformance.history.states import state_of
from cohere_conformance.history.trend import trend
from cohere_conformance.report.changes import Changes, RunChange

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from cohere_conformance.history.past import PastRun
    from cohere_conformance.report.changes import ChangeState

_Item = TypeVar("_Item", PastFinding, PastCause)

WINDOW = 60
"""How many earlier runs are compared: with one run a night, two months."""


class Compared(NamedTuple):
    """The result of a comparison.

    Attributes:
        changes: what has changed.
        run: the run, with the first time and the number of runs of all that it has found.
    """

    changes: Changes
    run: PastRun


def compare(run: PastRun, earlier: Iterable[PastRun], *, accepted: Collection[str] = ()) -> Compared:
    """Return what has changed since earlier runs.

    Runs of another target or contract, and runs without a verdict, are ignored. What a run did not look at
    is neither gone nor resolved.

    Args:
        run: the new run.
        earlier: in any order; of those of one second, the latest last.
        accepted: fingerprints of findings of the new run that are accepted, so no change is shown.
    """
    comparable = [
        one for one in earlier if (one.target, one.contract) == (run.target, run.contract) and one.ended
    ]
    past = sorted(comparable, key=lambda one: (one.started_at, one.finished_at))[-WINDOW:]
    sightings = Sightings(past, run.findings.keys())
    findings, known_findings = _findings(run, past, sightings)
    causes, known_causes = _causes(run, past, sightings)
    changes = Changes(
        target=run.target,
        since=past[-1].finished_at if past else None,
        causes=tuple(causes),
        findings=tuple(one for one in findings if one.id not in accepted),
        measures=measures(run, past),
        trend=trend(run, past),
    )
    known = msgspec.structs.replace(run, findings=known_findings, causes=known_causes)
    return Compared(changes, known)


def _findings(
    run: PastRun, past: Sequence[PastRun], sightings: Sightings
) -> tuple[list[RunChange], dict[str, PastFinding]]:
    """Return the changes of findings, and the findings of the run with what is known about them."""
    changes: list[RunChange] = []
    known: dict[str, PastFinding] = {}
    for name, finding in run.findings.items():
        state = state_of(_timeline(past, sightings, [name], now=True)) or "new"
        seen_in = sightings.last(name)
        known[name] = _counted(finding, seen_in.findings[name] if seen_in else None, run)
        changes.append(_change(name, state, known[name], run, (finding.operation,)))
    for name, seen_in in sightings.open_findings():
        finding = seen_in.findings[name]
        if name not in run.findings and run.would_show(finding, seen_in):
            gone = state_of(_timeline(past, sightings, [name], now=False))
            if gone is not None:
                changes.append(_change(name, gone, finding, seen_in, (finding.operation,)))
    return changes, known


def _causes(
    run: PastRun, past: Sequence[PastRun], sightings: Sightings
) -> tuple[list[RunChange], dict[str, PastCause]]:
    """Return the changes of causes, and the causes of the run with what is known about them.

    A cause is what its findings are: one with another id whose findings were seen before is not new, and
    one without its id is not resolved while one of its findings is still seen.
    """
    causes = {name: (one, cause) for one in past for name, cause in one.causes.items()}
    shared = (cause for _, cause in causes.values() if not run.findings.keys().isdisjoint(cause.findings))
    by_finding = {finding: cause for cause in shared for finding in cause.findings}
    changes: list[RunChange] = []
    known: dict[str, PastCause] = {}
    for name, cause in run.causes.items():
        before = causes[name][1] if name in causes else None
        # With other findings than before it is the same cause: those of before say when it was gone.
        shown_by = {*cause.findings, *(before.findings if before else ())}
        state = state_of(_timeline(past, sightings, shown_by, name, now=True)) or "new"
        before = before or next((by_finding[one] for one in cause.findings if one in by_finding), None)
        known[name] = _counted(cause, before, run)
        changes.append(_change(name, state, known[name], run, cause.operations))
    for name, (seen_in, cause) in causes.items():
        if name in run.causes or sightings.was_gone(cause, seen_in):
            continue
        if not run.findings.keys().isdisjoint(cause.findings):
            continue
        if sightings.would_show(run, cause.findings):
            gone = state_of(_timeline(past, sightings, cause.findings, name, now=False))
            if gone is not None:
                changes.append(_change(name, gone, cause, seen_in, cause.operations))
    return changes, known


def _timeline(
    past: Sequence[PastRun], sightings: Sightings, findings: Collection[str], cause: str = "", *, now: bool
) -> list[bool]:
    """Return of the runs that looked, in their order, whether they saw any of some findings, or a cause.

    It begins with the first run that saw one and ends with the new run. What the last run that looked did not
    see, and this one does not, was gone before: nothing further is looked for.
    """
    known = functools.reduce(operator.or_, map(sightings.shown_by, findings), 0)
    saw = known | sum(1 << at for at, one in enumerate(past) if cause and cause in one.causes)
    first = (saw & -saw).bit_length() - 1 if saw else len(past)
    seen = [now]
    for at in range(len(past) - 1, first - 1, -1):
        if saw >> at & 1:
            seen.append(True)
        elif known and sightings.would_show(past[at], findings):
            seen.append(False)
            if seen == [False, False]:
                break
    return seen[::-1]


def _counted(item: _Item, before: _Item | None, run: PastRun) -> _Item:
    """Return what a run has found, with the first run that showed it and how many did."""
    if before is None:
        return msgspec.structs.replace(item, first_seen=run.started_at, runs=1)
    return msgspec.structs.replace(
        item, first_seen=min(before.first_seen, run.started_at), runs=before.runs + 1
    )


def _change(
    name: str,
    state: ChangeState,
    item: PastFinding | PastCause,
    seen_in: PastRun,
    operations: tuple[str, ...],
) -> RunChange:
    return RunChange(
        id=name,
        state=state,
        title=item.title,
        severity=item.severity,
        operations=operations,
        first_seen=item.first_seen,
        last_seen=seen_in.started_at,
        runs=item.runs,
    )
