"""Coverage, latencies and models that differ from those of earlier runs; a pure function."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.report.changes import MeasureChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.history.past import PastRun

_ENOUGH = 3
"""Earlier runs that are needed to say what an operation usually takes: one slow night is not usual."""
_TIMES, _MILLISECONDS = 2.0, 100.0
"""How many times slower or faster an operation has to be, and by how much: a faster machine or a busy minute
changes less, and nobody acts upon less."""


class _Measure(NamedTuple):
    name: str
    was: str
    now: str


def measures(run: PastRun, past: Sequence[PastRun]) -> tuple[MeasureChange, ...]:
    """Return what differs from the runs before, and since when.

    Runs of another command, or of other cases, have other measures for other reasons.

    Args:
        run: the new run.
        past: earlier runs of the same target and contract with a verdict, the oldest first.
    """
    like = [one for one in past if (one.method, one.only_cases) == (run.method, run.only_cases)]
    return tuple(_since(one, run, like) for one in _differing(run, like))


def _differing(run: PastRun, like: Sequence[PastRun]) -> Iterator[_Measure]:
    """Yield what differs from what was usual in earlier runs, of which there may be none."""
    if (was := _usual([_coverage(one) for one in like])) and (now := _coverage(run)) and was != now:
        yield _Measure("coverage", was, now)
    for role, model in run.models.items():
        was = _usual([one.models.get(role, "") for one in like])
        if was and was != model:
            yield _Measure(f"model of role {role}", was, model)
    for operation, latency in run.latencies.items():
        known = [one.latencies[operation] for one in like if operation in one.latencies]
        if len(known) >= _ENOUGH and _is_another(latency, median(known)):
            yield _Measure(f"latency of {operation}", f"{median(known):.0f} ms", f"{latency:.0f} ms")


def _coverage(one: PastRun) -> str:
    return f"{one.figures.seen} of {one.figures.declared} declarations" if one.figures is not None else ""


def _usual(values: Sequence[str]) -> str:
    """Return the value that most runs have had, of several the latest; empty without one."""
    known = [one for one in values if one]
    return max(reversed(known), key=known.count) if known else ""


def _is_another(latency: float, usual: float) -> bool:
    slower, faster = max(latency, usual), min(latency, usual)
    return slower >= _TIMES * faster and slower - faster >= _MILLISECONDS


def _since(one: _Measure, run: PastRun, like: Sequence[PastRun]) -> MeasureChange:
    """Return a measure with the runs in a row that differ from those before them in the same way."""
    first, runs = run, 1
    for number in range(len(like) - 1, 0, -1):
        if one.name not in {other.name for other in _differing(like[number], like[:number])}:
            break
        first, runs = like[number], runs + 1
    return MeasureChange(
        name=one.name,
        was=one.was,
        now=one.now,
        state="new" if runs == 1 else "persisting",
        first_seen=first.started_at,
        runs=runs,
    )
