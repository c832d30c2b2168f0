"""The figures of the last runs of a target, for the trend in a report; a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.history.measures import median

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.history.past import PastRun
    from cohere_conformance.report.changes import RunFigures

LONGEST = 30
"""Runs of a trend: with one a night, a month."""


def trend(run: PastRun, past: Iterable[PastRun]) -> tuple[RunFigures, ...]:
    """Return the figures of the last runs that are like a run, and of the run itself if it has a verdict.

    Runs of another command, or of another part of the API, have other figures for other reasons.

    Args:
        run: the new run.
        past: earlier runs of the same target and contract, the oldest first.
    """
    like = [one for one in past if one.is_comparable(run)]
    return tuple(
        msgspec.structs.replace(one.figures, latency=_latency(one, run))
        for one in [*like, run][-LONGEST:]
        if one.figures is not None and one.ended
    )


def _latency(one: PastRun, run: PastRun) -> float | None:
    """Return the latency of a run in figures that compare: of the operations that both have called."""
    both = [latency for operation, latency in one.latencies.items() if operation in run.latencies]
    return float(f"{median(both):.3g}") if both else None
