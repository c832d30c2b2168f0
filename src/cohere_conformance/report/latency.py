"""How long the responses of each operation took, in memory that does not grow with their number."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.report.coverage import Latency

if TYPE_CHECKING:
    from cohere_conformance.model import Response

_STEP = 1.02
"""Durations of one class differ by at most 2 %."""
_SHORTEST, _LONGEST = 0.01, 1e8
"""Milliseconds: a recording may claim any duration."""


class Latencies:
    """Counts durations by operation; merging is associative and commutative, as that of a tally."""

    def __init__(self) -> None:
        self._classes: dict[str, Counter[int]] = {}

    def add(self, operation: str, response: Response) -> None:
        """Count a response, if it is complete and its duration is known."""
        seconds = response.seconds
        if seconds is None or response.failure is not None or not seconds >= 0:
            return
        milliseconds = min(max(seconds * 1000, _SHORTEST), _LONGEST)
        counted = self._classes.setdefault(operation, Counter())
        counted[round(math.log(milliseconds, _STEP))] += 1

    def merge(self, other: Latencies) -> None:
        """Add everything that `other` has counted; `other` is not changed."""
        for operation, counted in other._classes.items():
            self._classes.setdefault(operation, Counter()).update(counted)

    def of(self, operation: str) -> Latency | None:
        """Return the figures of an operation; `None` if no duration is known."""
        counted = self._classes.get(operation)
        if not counted:
            return None
        return Latency(count=counted.total(), median=_rank(counted, 0.5), p95=_rank(counted, 0.95))


def _rank(counted: Counter[int], share: float) -> float:
    """Return the duration that at least this share of the responses does not exceed, in three digits."""
    left = math.ceil(counted.total() * share)
    for name in sorted(counted):
        left -= counted[name]
        if left <= 0:
            return float(f"{_STEP**name:.3g}")
    return 0.0
