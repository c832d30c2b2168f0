"""Compares a JSON value with what is left of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator


def differences(recorded: object, left: object, location: str = "") -> Iterator[str]:
    """Yield the locations of what is gone or has another value; `*` is any array index.

    A number in another notation and a time in another notation are the same value.

    Args:
        recorded: the value.
        left: what is left of it.
        location: of the value.
    """
    match recorded, left:
        case dict(), dict():
            for name, value in recorded.items():
                below = f"{location}/{escaped(name)}"
                if name in left:
                    yield from differences(value, left[name], below)
                else:
                    yield below
        case list(), list() if len(recorded) == len(left):
            for one, other in zip(recorded, left, strict=True):
                yield from differences(one, other, f"{location}/*")
        case _ if not _same(recorded, left):
            yield location


def _same(one: object, other: object) -> bool:
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if one == other:
        return True
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return False
