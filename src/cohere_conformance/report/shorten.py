"""Cuts exchanges that are too long for a journal, and describes what was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Exchange, StreamEvent

_MOST_ARRIVALS = 10_000
"""Times of chunks of a stream that are stored; later ones show nothing new."""


def shorten(exchange: Exchange, most: int) -> Exchange:
    """Return the exchange with at most so many bytes of each body, and characters of all events."""
    request, response = exchange.request, exchange.response
    body = response.body and response.body[:most]
    events = None if response.events is None else tuple(_first(response.events, most))
    arrivals = response.arrivals[:_MOST_ARRIVALS]
    if body is not None and len(body) < len(response.body or b""):
        arrivals = tuple(arrival for arrival in arrivals if arrival[0] <= len(body))
    return replace(
        exchange,
        request=replace(request, body=request.body and request.body[:most]),
        response=replace(response, body=body, events=events, arrivals=arrivals),
    )


def _first(events: tuple[StreamEvent, ...], most: int) -> Iterator[StreamEvent]:
    for event in events:
        most -= len(event.data)
        if most < 0:
            return
        yield event


def what_is_cut(before: Exchange, after: Exchange, most: int) -> tuple[str, ...]:
    """Return what is missing of an exchange, for a reader.

    Args:
        before: the exchange as it was.
        after: the exchange as it is written, without credentials, which may have changed its length.
        most: bytes of each body that were stored.
    """
    sizes = (
        ("request body", len(before.request.body or b""), len(after.request.body or b""), "bytes"),
        ("response body", len(before.response.body or b""), len(after.response.body or b""), "bytes"),
    )
    cut = [f"{what}: {kept} of {size} {unit}" for what, size, kept, unit in sizes if size > most]
    events, kept = (len(one.response.events or ()) for one in (before, after))
    return (*cut, *([f"response: {kept} of {events} events"] if kept < events else []))
