"""Finds what a text repeats, such as ten thousand equal elements of an array, so that it can be shortened."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOW, _LONG_WINDOW = 32, 1024
"""Characters that have to recur; more of them are tried as well, to find what repeats a repetition."""
_LONGEST_UNIT = 4096
_SHORTEST = 512
"""A repetition below this many characters is written in full."""
_STRIDE = 127
"""Characters between the places that are tried; a prime, so that they differ in most repetitions."""
_BLOCK = 4096
"""Characters that are compared at once, at least."""


class Run(NamedTuple):
    """A part of a text.

    Attributes:
        unit: what is repeated.
        times: how often in a row.
    """

    unit: str
    times: int


def runs(text: str) -> Iterator[Run]:
    """Yield the parts of a text in order: what it repeats, and in one piece what is in between."""
    done = at = 0
    while at < len(text):
        if period := _period(text, at):
            begin, end = _extent(text, at, period, done)
            if (count := (end - begin) // period) > 1 and end - begin >= _SHORTEST:
                if begin > done:
                    yield Run(text[done:begin], 1)
                yield Run(text[begin : begin + period], count)
                done = at = begin + count * period
                continue
        at += _STRIDE
    if done < len(text):
        yield Run(text[done:], 1)


def _period(text: str, at: int) -> int:
    """Return after how many characters the text at a place recurs; 0 if it does not."""
    period = 0
    for window in (_WINDOW, _LONG_WINDOW):
        found = text.find(text[at : at + window], at + 1, at + _LONGEST_UNIT + window)
        if found < 0:
            break
        period = found - at
    return period


def _extent(text: str, at: int, period: int, first: int) -> tuple[int, int]:
    """Return where a repetition begins, which is not before `first`, and where it ends."""
    unit = text[at : at + period]
    end = at + period
    for block in (unit * (_BLOCK // period + 1), unit):
        while text.startswith(block, end):
            end += len(block)
    while end < len(text) and text[end] == text[end - period]:
        end += 1
    begin = at
    while begin > first and text[begin - 1] == text[begin - 1 + period]:
        begin -= 1
    return begin, end
