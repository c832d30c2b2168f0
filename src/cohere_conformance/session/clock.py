"""The time of a run: that of this machine, unless a simulation has another one."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class RunClock:
    """The clock of this machine. A simulation overrides all three methods."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


REAL = RunClock()
"""The clock of this machine."""
