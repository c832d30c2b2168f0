"""Converts an imported exchange for a cassette: with a complete body in bytes."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.golden.cassette import Origin
from cohere_conformance.recordings.bodies import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Contract, Media, ResponseDeclaration
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.model import Exchange, Headers, Response, StreamEvent

HOME = "http://localhost"
"""Replaces the address of any server but the API's own in a cassette."""
_LIVE_HOSTS = frozenset({"api.cohere.com", "api.cohere.ai"})
_BODILESS = frozenset({204, 205, 304})
"""Statuses without a body."""
_FRAMING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Header fields about the encoded body, while a cassette has the decoded one."""
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def origin_of(url: str) -> Origin:
    """Return the kind of server, by the URL of the request."""
    return Origin.LIVE if urlsplit(url).hostname in _LIVE_HOSTS else Origin.OTHER


def whole(contract: Contract, label: str, exchange: Exchange) -> Exchange | None:
    """Return the exchange for a cassette; `None` if the response is incomplete.

    A stream that was recorded as events becomes bytes with the same events, their times become arrivals.
    Fields about the transfer of the body are removed. The address of any server but the API's own becomes
    `http://localhost`, which always counts as a server of the API.

    Args:
        contract: with the framing of the streams of an operation.
        label: of the operation.
        exchange: as it was parsed.
    """
    response = exchange.response
    if response.failure is not None:
        return None
    if response.events is not None:
        declared = contract.operations[label].response(response.status)
        response = _written(exchange, response.events, declared)
    elif response.body is None and response.status in _BODILESS:
        response = replace(response, body=b"")
    elif response.body is None:
        return None
    request = exchange.request
    url = request.url if origin_of(request.url) is Origin.LIVE else _at_home(contract, label, exchange)
    return replace(
        exchange,
        request=replace(request, url=writable(url), headers=_kept(request.headers)),
        response=replace(response, headers=_kept(response.headers)),
    )


def writable(text: str) -> str:
    """Return the text with `?` for each lone surrogate, which UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _kept(headers: Headers) -> Headers:
    return tuple((writable(name), writable(value)) for name, value in headers if name not in _FRAMING)


def _at_home(contract: Contract, label: str, exchange: Exchange) -> str:
    """Return the URL without the server and without a prefix of its paths."""
    url = exchange.request.url
    parts = urlsplit(url)
    below = url[len(f"{parts.scheme}://{parts.netloc}") :]
    for slash in re.finditer("/", parts.path):
        home = f"{HOME}{below[slash.start() :]}"
        if contract.route(exchange.request.method, home).operation == label:
            return home
    return f"{HOME}{below}"


# -- events as bytes


def _written(
    exchange: Exchange, events: tuple[StreamEvent, ...], declared: ResponseDeclaration | None
) -> Response:
    """Return the response with its events as the bytes of a body."""
    response = exchange.response
    framing = _framing(response, events, declared)
    media = _stream(declared, framing)
    named = _named(exchange, events, media) if framing == "sse" and media is not None else events
    pieces = [encode(_frame(event) if framing == "sse" else _line(event)) for event in named]
    headers = response.headers
    if headers and media is not None and field(headers, "content-type") is None:
        # The recorder has split the response, so it had a content type of a stream.
        headers = (*headers, ("content-type", media.name))
    arrivals = tuple(_arrivals(pieces, events))
    return replace(response, headers=headers, body=b"".join(pieces), events=None, arrivals=arrivals)


def _framing(
    response: Response, events: tuple[StreamEvent, ...], declared: ResponseDeclaration | None
) -> Framing:
    """Return the framing of the content type, otherwise one that fits the events."""
    content_type = field(response.headers, "content-type")
    media = declared.media.get(media_type(content_type)) if content_type and declared is not None else None
    if media is not None and media.events is not None:
        return media.framing
    # A single line, and one that is no object, would be taken for a plain answer.
    lines = len(events) > 1 and all(event.data.lstrip().startswith("{") for event in events)
    return "ndjson" if lines and not any(event.event for event in events) else "sse"


def _stream(declared: ResponseDeclaration | None, framing: Framing) -> Media | None:
    medias = () if declared is None else declared.media.values()
    return next((one for one in medias if one.events is not None and one.framing == framing), None)


def _named(exchange: Exchange, events: tuple[StreamEvent, ...], media: Media) -> tuple[StreamEvent, ...]:
    """Return the events with their names, if the contract says that the name equals the type.

    Some recorders drop all names. In events that is unknown and not judged, but a body without names would
    mean that the server sent none.
    """
    stream = media.events
    if stream is None or stream.grammar is None or not stream.grammar.name_equals_tag:
        return events
    if any(event.event for event in events):
        return events
    payloads = [piece.payload[0] for piece in ParsedExchange(exchange).events("sse")]
    tags = [payload.get(stream.tag) if isinstance(payload, dict) else None for payload in payloads]
    return tuple(
        replace(event, event=tag) if isinstance(tag, str) else event
        for event, tag in zip(events, tags, strict=True)
    )


def _frame(event: StreamEvent) -> str:
    named = f"event: {_LINE_BREAK.sub(' ', event.event)}\n" if event.event else ""
    data = "".join(f"data: {line}\n" for line in _LINE_BREAK.split(event.data))
    return f"{named}{data}\n"


def _line(event: StreamEvent) -> str:
    return f"{_LINE_BREAK.sub(' ', event.data)}\n"


def _arrivals(pieces: list[bytes], events: tuple[StreamEvent, ...]) -> Iterator[tuple[int, float]]:
    """Yield how many bytes had arrived with each event, and when; nothing if the times decrease."""
    times = [event.at for event in events if event.at is not None]
    if any(later < earlier for earlier, later in pairwise(times)):
        return
    count = 0
    for piece, event in zip(pieces, events, strict=True):
        count += len(piece)
        if event.at is not None:
            yield count, event.at
