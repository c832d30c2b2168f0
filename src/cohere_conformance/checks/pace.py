"""The pace of a stream: whether it came piece by piece, or was held back until it was whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohere_conformance.model import Response

_LONG = 1.0
"""Seconds before the first byte that something must have happened in."""
_AT_ONCE = 0.01
"""Part of these in which everything comes if it had been waiting."""
_MOST_SHORT = 1 / 3
"""Part of the wait that a much shorter stream may take, if the wait is for the words to be written."""


def first_byte(response: Response) -> float | None:
    """Return after how many seconds a stream began to come; `None` where nobody kept the time."""
    return response.arrivals[0][1] if response.arrivals else None


def at_once(response: Response) -> bool:
    """Tell whether a whole stream came in one moment, long after it was asked for.

    By itself that proves nothing: a client that was busy finds everything waiting too.
    """
    first = first_byte(response)
    if first is None or first < _LONG or response.failure is not None:
        return False
    return response.arrivals[-1][1] - first <= first * _AT_ONCE


def held_back(long: Response, short: Response) -> bool:
    """Tell whether somebody collects a stream before passing it on: a long one waits for its own end.

    Args:
        long: a stream of many events.
        short: a stream of the same request that was cut after a few.
    """
    whole, part = first_byte(long), first_byte(short)
    return at_once(long) and whole is not None and part is not None and part <= whole * _MOST_SHORT
