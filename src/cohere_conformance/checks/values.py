"""Helpers of the checks: items one by one, times, numbers, query parameters."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from cohere_conformance.checks.guarded import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cohere_conformance.checks.evidence import Evidence
    from cohere_conformance.checks.registry import Breach

_Item = TypeVar("_Item")

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def each(items: Iterable[_Item], judge: Callable[[_Item], Iterable[Breach]]) -> Iterator[Breach]:
    """Yield the breaches of the first item that has any; one that cannot be read does not hide the others.

    Raises:
        UnreadableError: no item has a breach, and one of them could not be read.
    """
    return _one_by_one(items, judge, only_first=True)


def every(items: Iterable[_Item], judge: Callable[[_Item], Iterable[Breach]]) -> Iterator[Breach]:
    """Yield the breaches of all items; one that cannot be read does not hide the others.

    Raises:
        UnreadableError: one of them could not be read.
    """
    return _one_by_one(items, judge, only_first=False)


def _one_by_one(
    items: Iterable[_Item], judge: Callable[[_Item], Iterable[Breach]], *, only_first: bool
) -> Iterator[Breach]:
    unreadable: UnreadableError | None = None
    iterator = iter(items)
    while True:
        breaches: list[Breach] = []
        try:
            # An item that cannot be read is skipped.
            breaches = list(judge(next(iterator)))
        except StopIteration:
            break
        except UnreadableError as error:
            unreadable = unreadable or error
        yield from breaches
        if breaches and only_first:
            return
    if unreadable is not None:
        raise unreadable


def moment(value: object) -> datetime | None:
    """Return the time in a text; `None` if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    # Without an offset it could not be compared with others.
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


_NUMBERS = (int, float)
"""Not written as a union: that would be made anew in each of many calls, and takes three times as long."""


def number(value: object) -> float | None:
    """Return a number of a body; `None` if it is not one."""
    return value if isinstance(value, _NUMBERS) and not isinstance(value, bool) else None


def asked(evidence: Evidence, name: str) -> str | None:
    """Return the value of a query parameter; `None` if it is absent or repeated."""
    values = evidence.query.get(name, [])
    return values[0] if len(values) == 1 else None


def asked_number(evidence: Evidence, name: str) -> float | None:
    """Return the value of a query parameter as a number; `None` if it is not a plain one."""
    text = asked(evidence, name)
    return float(text) if text is not None and _NUMBER.fullmatch(text) else None
