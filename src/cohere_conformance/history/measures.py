"""Coverage, latencies and models that differ from those of earlier runs; a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.history.states import RECENT, state_of
from cohere_conformance.report.changes import MeasureChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.history.past import PastRun

_ENOUGH = 3
"""Earlier runs that are needed to say what an operation usually takes: one slow night is not usual."""
_TIMES, _MILLISECONDS = 2.0, 100.0
"""How many times slower or faster an operation has to be, and by how much: a faster machine or a busy minute
changes less, and nobody acts upon less."""


def median(values: Sequence[float]) -> float:
    """Return the median of at least one number, as the module `statistics` does, which is slow to import."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


class _Measure(NamedTuple):
    usual: str
    other: str


def measures(run: PastRun, past: Sequence[PastRun]) -> tuple[MeasureChange, ...]:
    """Return what differs from the runs before, or does not differ any more.

    Runs of another command, or of another part of the API, have other measures for other reasons; so has the
    coverage of a night that has other cases.

    Args:
        run: the new run.
        past: earlier runs of the same target and contract with a verdict, the oldest first.
    """
    like = [one for one in past if one.is_comparable(run)]
    every = [*like, run]
    recent = range(max(len(every) - RECENT, 0), len(every))
    differing = [(every[number], dict(_differing(every[number], every[:number]))) for number in recent]
    names = dict.fromkeys(name for _, found in differing for name in found)
    return tuple(one for one in (_change(name, differing) for name in names) if one is not None)


def _change(name: str, differing: Sequence[tuple[PastRun, dict[str, _Measure]]]) -> MeasureChange | None:
    """Return the change of a measure; `None` if it has been as usual for longer."""
    state = state_of([name in found for _, found in differing])
    if state is None:
        return None
    seen = [(one, found[name]) for one, found in differing if name in found]
    return MeasureChange(
        name=name,
        state=state,
        usual=seen[-1][1].usual,
        other=seen[-1][1].other,
        first_seen=seen[0][0].started_at,
        last_seen=seen[-1][0].started_at,
        runs=len(seen),
    )


def _differing(run: PastRun, before: Sequence[PastRun]) -> Iterator[tuple[str, _Measure]]:
    """Yield what differs from what was usual in earlier runs, of which there may be none."""
    alike = [one for one in before if one.only_cases == run.only_cases]
    if (usual := _usual([_coverage(one) for one in alike])) and (now := _coverage(run)) and usual != now:
        yield "coverage", _Measure(usual, now)
    for role, model in run.models.items():
        usual = _usual([one.models.get(role, "") for one in before])
        if usual and usual != model:
            yield f"model of role {role}", _Measure(usual, model)
    for operation, latency in run.latencies.items():
        known = [one.latencies[operation] for one in before if operation in one.latencies]
        if len(known) >= _ENOUGH and _is_another(latency, median(known)):
            yield f"latency of {operation}", _Measure(f"{median(known):.0f} ms", f"{latency:.0f} ms")


def _coverage(one: PastRun) -> str:
    return f"{one.figures.seen} of {one.figures.declared} declarations" if one.figures is not None else ""


def _usual(values: Sequence[str]) -> str:
    """Return the value that most runs have had, of several the latest; empty without one."""
    known = [one for one in values if one]
    return max(reversed(known), key=known.count) if known else ""


def _is_another(latency: float, usual: float) -> bool:
    slower, faster = max(latency, usual), min(latency, usual)
    return slower >= _TIMES * faster and slower - faster >= _MILLISECONDS
