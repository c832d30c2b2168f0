"""The pace of a stream: whether its events were sent one by one, or buffered until it was complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohere_conformance.model import Response

_LONG = 1.0
"""Seconds before the first byte that indicate buffering."""
_AT_ONCE = 0.01
"""Fraction of this time in which a buffered stream is received."""
_MOST_SHORT = 1 / 3
"""Fraction of the wait that a much shorter stream may take, if the wait is for generation."""


def first_byte(response: Response) -> float | None:
    """Return the time to the first byte in seconds; `None` if it was not recorded."""
    return response.arrivals[0][1] if response.arrivals else None


def at_once(response: Response) -> bool:
    """Return whether a complete stream was received at once, long after the request.

    By itself this proves nothing: a busy client receives everything at once, too.
    """
    first = first_byte(response)
    if first is None or first < _LONG or response.failure is not None:
        return False
    return response.arrivals[-1][1] - first <= first * _AT_ONCE


def held_back(long: Response, short: Response) -> bool:
    """Return whether a stream is buffered before it is passed on: a long one waits for its own end.

    Args:
        long: a stream of many events.
        short: a stream of the same request that was cut after a few.
    """
    whole, part = first_byte(long), first_byte(short)
    return at_once(long) and whole is not None and part is not None and part <= whole * _MOST_SHORT
