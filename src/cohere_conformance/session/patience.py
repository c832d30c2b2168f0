"""Waits for what takes time on a target: polls until it is ready, or until the patience is used up."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cohere_conformance.report import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Wanted = TypeVar("_Wanted")
_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.05, 2.0, 1.6
_CURTAILED = 0.5
"""Seconds for each resource of a kind of which another one was never ready.

What keeps one of them from being ready (no worker on the queue, canned responses) keeps all of them, and the
time meant for one slow server would be spent once for each.
"""


class Timer:
    """The time of a target: real, or that of a clock that is moved ahead instead of waiting.

    Args:
        advance: moves the clock of the target ahead by so many seconds; real time if not given.
    """

    def __init__(self, advance: Callable[[float], None] | None = None) -> None:
        self._advance = advance
        self._ahead = 0.0

    def now(self) -> float:
        """Return the seconds since an arbitrary moment."""
        return time.monotonic() + self._ahead

    def wait(self, seconds: float) -> float:
        """Wait until so many seconds have passed on the target, and return those that passed here."""
        if self._advance is None:
            time.sleep(seconds)
            return seconds
        self._advance(seconds)
        self._ahead += seconds
        return 0.0


@dataclass
class _Waits:
    """The waits for one kind: how many, how long, how many in vain, and whether the last one was."""

    number: int = 0
    seconds: float = 0.0
    never_ready: int = 0
    hopeless: bool = False


class Patience:
    """Waits, and learns for each kind of resource whether waiting is of use.

    Args:
        seconds: the longest wait for one resource, if given.
        most: the longest wait otherwise; `None` without a limit.
        left: returns the seconds that are left of the run.
        timer: of the target; real time if not given.
    """

    def __init__(
        self,
        seconds: float | None = None,
        *,
        most: float | None = None,
        left: Callable[[], float] = lambda: math.inf,
        timer: Timer | None = None,
    ) -> None:
        self._left = left
        self._timer = timer or Timer()
        self._seconds = seconds
        self._most = most
        self._kinds: dict[str, _Waits] = {}

    def until(
        self, kind: str, look: Callable[[], _Wanted | None], seconds: float, *, growth: float = _GROWTH
    ) -> _Wanted | None:
        """Poll until something is there, at least once.

        Args:
            kind: of the resource, such as `/v1/datasets`.
            look: returns what is wanted, or `None` if it is not there yet.
            seconds: how long it may take.
            growth: how much longer each pause is than the one before.

        Returns:
            What `look` has returned; `None` if it was never there.
        """
        known = self._kinds.setdefault(kind, _Waits())
        known.number += 1
        until, pause, waited = self._timer.now() + self.limit(kind, seconds), _PAUSE, False
        while (found := look()) is None:
            if (left := until - self._timer.now()) <= 0:
                self.give_up(kind)
                return None
            self.pause(kind, min(pause, left))
            waited = True
            pause = min(pause * growth, _LONGEST_PAUSE)
        # What is there at once does not show that waiting is of use.
        known.hopeless = known.hopeless and not waited
        return found

    def limit(self, kind: str, seconds: float) -> float:
        """Return how long to wait for a resource of a kind.

        Args:
            kind: of the resource.
            seconds: how long it may take.
        """
        if self._seconds is not None:
            seconds = self._seconds
        elif self._most is not None:
            seconds = min(seconds, self._most)
        return min(seconds, _CURTAILED) if self.hopeless(kind) else seconds

    def hopeless(self, kind: str) -> bool:
        """Return whether the last resource of a kind was never ready."""
        return kind in self._kinds and self._kinds[kind].hopeless

    def pause(self, kind: str, seconds: float) -> None:
        """Pause between two polls for a resource of a kind."""
        seconds = max(0.0, min(seconds, self._left()))
        self._kinds.setdefault(kind, _Waits()).seconds += self._timer.wait(seconds)

    def give_up(self, kind: str) -> None:
        """Note that a resource of a kind was never ready."""
        known = self._kinds.setdefault(kind, _Waits())
        known.never_ready += 1
        known.number = max(known.number, known.never_ready)
        known.hopeless = True

    def waiting(self) -> Iterator[Waiting]:
        """Yield the waits of each kind."""
        for kind, known in sorted(self._kinds.items()):
            if known.seconds or known.never_ready:
                yield Waiting(
                    kind=kind,
                    number=known.number,
                    seconds=round(known.seconds, 3),
                    never_ready=known.never_ready,
                )
