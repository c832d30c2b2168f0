"""The state of something by which runs saw it; a pure function."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.changes import ChangeState

FLAPS = 3
RECENT = 10
"""What appeared and disappeared `FLAPS` times in so many runs is flapping."""


def state_of(timeline: Sequence[bool]) -> ChangeState | None:
    """Return the state of something by whether each run saw it; `None` if it has been gone for longer."""
    now, before = timeline[-1], list(timeline[:-1])
    if True not in before:
        return "new" if now else None
    recent = [*before[before.index(True) :], now][-RECENT:]
    switches = sum(one != other for one, other in pairwise(recent))
    if not now and not before[-1]:
        return None
    if switches >= FLAPS:
        return "flapping"
    if now:
        return "persisting" if before[-1] else "regressed"
    return "resolved"
