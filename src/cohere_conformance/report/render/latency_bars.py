"""A picture of how long the responses of each operation took, as one bar for each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cohere_conformance.report.coverage import Latency
    from cohere_conformance.report.shape import Report

WIDTH = 400
_MARGIN = 6


class Bar(NamedTuple):
    """One operation; positions are in the picture's units."""

    operation: str
    latency: Latency
    median: float
    p95: float


class Tick(NamedTuple):
    """One mark of the scale."""

    label: str
    at: float


class LatencyPicture(NamedTuple):
    """The bars with their scale, which is logarithmic: operations differ by orders of magnitude."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    width: int = WIDTH


def picture(report: Report) -> LatencyPicture | None:
    """Return the picture, the slowest operation first; `None` if no duration is known."""
    known = [(one.operation, one.latency) for one in report.coverage.operations if one.latency is not None]
    if not known:
        return None
    low = math.floor(math.log10(min(one.median for _, one in known)))
    high = math.ceil(math.log10(max(one.p95 for _, one in known)))
    high = max(high, low + 1)

    def at(milliseconds: float) -> float:
        share = (math.log10(milliseconds) - low) / (high - low)
        return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)

    slowest = sorted(known, key=lambda one: (-one[1].p95, one[0]))
    bars = tuple(Bar(label, one, at(one.median), at(one.p95)) for label, one in slowest)
    return LatencyPicture(
        bars, tuple(Tick(duration(10.0**power), at(10.0**power)) for power in range(low, high + 1))
    )


def duration(milliseconds: float) -> str:
    """Return a duration for a reader."""
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"
