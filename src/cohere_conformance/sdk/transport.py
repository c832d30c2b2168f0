"""In place of the network: answers with what was recorded, event by event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import msgspec

from cohere_conformance.model import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Response, StreamEvent

_FRAME = re.compile(rb".*?(?:(?:\r?\n){2}|\r\r)|.+", re.DOTALL)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_STREAM = re.compile(r"event-stream|stream\+json|ndjson|jsonl", re.IGNORECASE)
OF_THE_CONNECTION = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})
"""Headers about the encoded body, while a cassette has the decoded one."""


def is_sse(response: Response) -> bool:
    """Return whether a response is a stream of server-sent events."""
    return any(name == "content-type" and "event-stream" in value for name, value in response.headers)


def is_stream(response: Response) -> bool:
    """Return whether a response is a stream of events or lines, as far as its media type says."""
    return any(name == "content-type" and _STREAM.search(value) for name, value in response.headers)


def is_other_media(response: Response) -> bool:
    """Return whether a response has a media type that only some clients ask for: a stream, or no JSON."""
    media = next((value.lower() for name, value in response.headers if name == "content-type"), "")
    return bool(media) and (is_stream(response) or "json" not in media)


def with_body(response: Response) -> Response | None:
    """Return a response with the bytes of its body; `None` if it is incomplete, or they are not known.

    A recording may have the events of a stream instead of its bytes.
    """
    if response.failure is not None or response.undecoded or not response.status:
        return None
    if response.body is not None or response.events is None:
        return response if response.body is not None else None
    sse = is_sse(response)
    body = "".join(_written(one, sse=sse) for one in response.events)
    return msgspec.structs.replace(response, body=body.encode("utf-8", "replace"), events=None)


def _written(event: StreamEvent, *, sse: bool) -> str:
    if not sse:
        return f"{event.data}\n"
    lines = [f"event: {event.event}"] if event.event else []
    lines += [f"data: {line}" for line in event.data.split("\n")]
    return "\n".join([*lines, "", ""])


def cut(response: Response) -> tuple[bytes, ...]:
    """Return the body of a stream in chunks of one event each: frames or lines."""
    return tuple((_FRAME if is_sse(response) else _LINE).findall(response.body or b""))


class RecordedTransport(httpx.BaseTransport):
    """Responds to every request with one recorded response, and stores the requests.

    Attributes:
        sent: the requests that were received.
        chunks_read: how many chunks of the response were read so far.
    """

    def __init__(self, response: Response, pieces: tuple[bytes, ...]) -> None:
        self.sent: list[Request] = []
        self.chunks_read = 0
        self._response = response
        self._pieces = pieces

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded response."""
        headers = tuple((name.lower(), value) for name, value in request.headers.multi_items())
        self.sent.append(Request(request.method, str(request.url), headers, request.read()))
        kept = [(name, value) for name, value in self._response.headers if name not in OF_THE_CONNECTION]
        raw = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in kept]
        return httpx.Response(self._response.status, headers=raw, stream=_ChunkStream(self))

    def pieces(self) -> Iterator[bytes]:
        """Yield the response chunk by chunk, and count them."""
        for number, piece in enumerate(self._pieces, start=1):
            self.chunks_read = number
            yield piece


class _ChunkStream(httpx.SyncByteStream):
    def __init__(self, transport: RecordedTransport) -> None:
        self._transport = transport

    def __iter__(self) -> Iterator[bytes]:
        yield from self._transport.pieces()
