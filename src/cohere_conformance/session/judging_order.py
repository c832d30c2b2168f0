"""Puts exchanges together that are judged in the same way.

Judging an exchange takes a quarter less time after one of its kind: what it needs is in the caches of the
processor then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import RecordingNote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ExchangeValue = Exchange | TrafficError | RecordingNote
_BATCH, _BYTES = 256, 4 * 2**20
"""Values and bytes of their bodies that a list has, but for the value that exceeds them."""
_BEGINNING = 6
"""Bytes of a body that distinguish a stream from a document."""


def batches(values: Iterable[ExchangeValue]) -> Iterator[list[ExchangeValue]]:
    """Yield the values in lists of bounded length, each with exchanges of one kind next to each other.

    Parsing goes on after each list, because it needs other things. Counts do not depend on the order.
    """
    batch: list[ExchangeValue] = []
    size = 0
    for value in values:
        batch.append(value)
        if isinstance(value, Exchange):
            size += len(value.request.body or b"") + len(value.response.body or b"")
        if len(batch) >= _BATCH or size >= _BYTES:
            yield sorted(batch, key=_kind)
            batch, size = [], 0
    if batch:
        yield sorted(batch, key=_kind)


def _kind(value: ExchangeValue) -> tuple[str, int, bytes]:
    """Return what exchanges of one kind have in common, more or less; errors and notes keep their order."""
    if not isinstance(value, Exchange):
        return "", 0, b""
    response = value.response
    return value.request.url, response.status, (response.body or b"")[:_BEGINNING]
