"""When a run has to end: a limit for everything that it sends, and some time more to remove what it made."""

from __future__ import annotations

import math
import time

GRACE = 20.0
"""Seconds beyond the limit in which what was made is removed."""
TIME_UP = "the time limit is reached"


class Deadline:
    """The end of a run, for one of its processes.

    Args:
        seconds: that are left; `None` without a limit.

    Attributes:
        missed: whether anything was not sent, or cut off, because the time was up.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._until = math.inf if seconds is None else time.monotonic() + seconds
        self.missed = False

    def left(self, *, removing: bool) -> float:
        """Return how many seconds are left; not above 0 when the time is up.

        Args:
            removing: for what removes what the run has made.
        """
        return self._until + (GRACE if removing else 0.0) - time.monotonic()
