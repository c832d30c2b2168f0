"""Parses the elements of one long JSON list one at a time, so that a huge file needs little memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ijson

from cohere_conformance.errors import TrafficError
from cohere_conformance.recordings.jsonitems import JsonItems
from cohere_conformance.recordings.scalars import UnusableError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from cohere_conformance.model import Exchange

    MakeExchange = Callable[[object, str, str], Exchange]

BROKEN = (ijson.JSONError, ValueError, ArithmeticError)
"""The exceptions for a broken document; the last two are for numbers that are too large."""


def parse(
    stream: io.BufferedReader, file: str, location: tuple[str, str], make: MakeExchange
) -> Iterator[Exchange | TrafficError]:
    """Yield the exchange of each element, an error for one that is unusable, a last error if the text breaks.

    Args:
        stream: the document.
        file: its path as given by the caller.
        location: location of the elements (`log.entries.item`, empty for the document), and the noun for one.
        make: returns the exchange of an element, a file and a position.
    """
    path, noun = location
    items = JsonItems(stream, path)
    return exchanges(items, items.read(), file, noun, make)


def exchanges(
    items: JsonItems, read: Iterator[tuple[int, object]], file: str, noun: str, make: MakeExchange
) -> Iterator[Exchange | TrafficError]:
    """Yield what `parse` yields of the elements that are read.

    Args:
        items: all elements of the document.
        read: the numbers and values of those to yield.
        file: path of the document as given by the caller.
        noun: for one element.
        make: returns the exchange of an element, a file and a position.
    """
    try:
        for number, value in read:
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
