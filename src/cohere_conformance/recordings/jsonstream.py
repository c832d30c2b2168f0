"""Parses the elements of one long JSON list one at a time, so that a huge file needs little memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import ijson

from cohere_conformance.errors import TrafficError
from cohere_conformance.recordings.jsonitems import JsonItems
from cohere_conformance.recordings.scalars import UnusableError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from cohere_conformance.model import Exchange

BROKEN = (ijson.JSONError, ValueError, ArithmeticError)
"""The exceptions for a broken document; the last two are for numbers that are too large."""


class Share(NamedTuple):
    """Every so-manieth run of the elements, for one of several processes that read the same document.

    Attributes:
        number: of the share, from 0.
        shares: how many there are.
    """

    number: int = 0
    shares: int = 1

    def has(self, element: int) -> bool:
        """Return whether an element, counted from 1, is in the share."""
        return (element - 1) // _RUN % self.shares == self.number


WHOLE = Share()
_RUN = 64


def parse(
    stream: io.BufferedReader,
    file: str,
    location: tuple[str, str],
    make: Callable[[object, str, str], Exchange],
    share: Share = WHOLE,
) -> Iterator[Exchange | TrafficError]:
    """Yield the exchange of each element, an error for one that is unusable, a last error if the text breaks.

    Args:
        stream: the document.
        file: its path as given by the caller.
        location: location of the elements (`log.entries.item`, empty for the document), and the noun for one.
        make: returns the exchange of an element, a file and a position.
        share: the elements to yield; the others are passed over, which takes a fiftieth of the time.
    """
    path, noun = location
    items = JsonItems(stream, path)
    try:
        for number, value in items.read(share.has):
            position = f"{noun} {number}"
            try:
                yield make(value, file, position)
            except UnusableError as error:
                yield TrafficError(file, position, str(error))
    except BROKEN as error:
        where = f"{noun} {items.number + 1}"
        if items.exceeded is not None:
            yield TrafficError(file, where, f"reading ends here: {items.exceeded}")
        else:
            yield TrafficError(file, where, f"the JSON breaks off here: {_reason(error)}")


def _reason(error: Exception) -> str:
    # The lines that follow quote the document, and what is quoted may be somebody's key.
    return str(error).removeprefix("b'").replace("\\n", "\n").partition("\n")[0]
