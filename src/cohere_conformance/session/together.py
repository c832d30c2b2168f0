"""Puts exchanges together that are judged in the same way.

Judging an exchange takes a quarter less time after one of its kind: what it needs is in the caches of the
processor then.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import RecordingNote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ExchangeValue = Exchange | TrafficError | RecordingNote
_BATCH = 256
_BEGINNING = 6
"""Bytes of a body that distinguish a stream from a document."""


def batches(values: Iterable[ExchangeValue]) -> Iterator[list[ExchangeValue]]:
    """Yield the values in lists of bounded length, each with exchanges of one kind next to each other.

    Parsing goes on after each list, because it needs other things. Counts do not depend on the order.
    """
    iterator = iter(values)
    while batch := list(islice(iterator, _BATCH)):
        batch.sort(key=_kind)
        yield batch


def _kind(value: ExchangeValue) -> tuple[str, int, bytes]:
    """Return what exchanges of one kind have in common, more or less; errors and notes keep their order."""
    if not isinstance(value, Exchange):
        return "", 0, b""
    response = value.response
    return value.request.url, response.status, (response.body or b"")[:_BEGINNING]
