"""The time limit of a run, with some more time to remove what the run created."""

from __future__ import annotations

import math
import time

GRACE = 20.0
"""Seconds beyond the limit to remove what was created."""
TIME_UP = "the time limit is reached"


class Deadline:
    """The end of a run, for one of its processes.

    Args:
        seconds: that are left; `None` without a limit.

    Attributes:
        missed: whether a request was not sent, or was cut off, because the time was up.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._until = math.inf if seconds is None else time.monotonic() + seconds
        self.missed = False

    def left(self, *, removing: bool) -> float:
        """Return the seconds that are left; 0 or less when the time is up.

        Args:
            removing: for requests that remove what the run has created.
        """
        return self._until + (GRACE if removing else 0.0) - time.monotonic()
