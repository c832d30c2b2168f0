"""Keeps the rate limits of a service before it complains, by the kind of the key and the operation."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cohere_conformance.recordings.fields import first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cohere_conformance.contract.tiers import LivePolicy
    from cohere_conformance.model import Response

_PERIOD = 60.0
"""Seconds in which calls are counted."""
_MARGIN = 0.5
"""Seconds more, because the clock of the service and the way to it differ."""
_LIMIT, _REMAINING = "x-trial-endpoint-call-limit", "x-trial-endpoint-call-remaining"


@dataclass
class _Calls:
    """The calls of one operation in the last minute, and what the service said about them."""

    times: deque[float] = field(default_factory=deque)
    limit: int | None = None
    closed_until: float = -math.inf


class Pacer:
    """Says how long to wait before the next call of an operation.

    The limits are the documented ones (`contracts/operations.yaml`) until the service says its own in the
    header `x-trial-endpoint-call-limit`, which also shows that the key is a trial key. Where the service says
    that no call remains, none is sent before the minute is over. Threads may
    share it.

    Args:
        policies: with the documented limits, by label of the operation.
        now: returns the time in seconds.
        share: of how many processes that send at the same time this one is one.

    Attributes:
        trial: whether the service has shown that the key is a trial key.
    """

    def __init__(
        self, policies: Mapping[str, LivePolicy], now: Callable[[], float], *, share: int = 1
    ) -> None:
        self.trial = False
        self._policies = policies
        self._now = now
        self._share = max(share, 1)
        self._calls: dict[str, _Calls] = {}
        self._lock = threading.Lock()

    def wait(self, operation: str | None) -> float:
        """Return the seconds to wait before a call, 0 for none, and count the call as sent then.

        Args:
            operation: its label; `None` if the contract declares no such operation.
        """
        if operation is None:
            return 0.0
        with self._lock:
            return self._due(operation)

    def _due(self, operation: str) -> float:
        calls, now = self._calls.setdefault(operation, _Calls()), self._now()
        while calls.times and calls.times[0] <= now - _PERIOD:
            calls.times.popleft()
        seconds = max(0.0, calls.closed_until - now)
        limit = self._limit(operation, calls)
        if limit is not None and len(calls.times) >= limit:
            oldest = calls.times[len(calls.times) - limit]
            seconds = max(seconds, oldest + _PERIOD + _MARGIN - now)
        calls.times.append(now + seconds)
        return seconds

    def note(self, operation: str | None, response: Response) -> None:
        """Note what a response says about the limit.

        Args:
            operation: label of what was called.
            response: to it.
        """
        limit, remaining = _number(response, _LIMIT), _number(response, _REMAINING)
        self.trial = self.trial or limit is not None or remaining is not None
        if operation is None:
            return
        with self._lock:
            calls = self._calls.setdefault(operation, _Calls())
            calls.limit = limit or calls.limit
            if remaining == 0:
                # Of the calls that the service counts these are the oldest that are known here.
                since = calls.times[0] if calls.times else self._now()
                calls.closed_until = since + _PERIOD + _MARGIN

    def _limit(self, operation: str, calls: _Calls) -> int | None:
        """Return how many calls this process may send in a minute; `None` without a known limit."""
        limit = calls.limit
        if limit is None and (policy := self._policies.get(operation)) is not None:
            known = policy.limit
            if known is not None and known.unit == "calls" and known.per == "minute":
                limit = known.trial if self.trial else known.production
        return None if limit is None else max(1, limit // self._share)


def _number(response: Response, name: str) -> int | None:
    value = first(response.headers, name) or ""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
