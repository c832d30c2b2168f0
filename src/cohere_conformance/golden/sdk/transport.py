"""In place of the network: answers with what was recorded, event by event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from cohere_conformance.model import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Response

_FRAME = re.compile(rb".*?(?:(?:\r?\n){2}|\r\r)|.+", re.DOTALL)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_OF_THE_CONNECTION = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})
"""Headers that are about bytes which were not recorded: a body is kept decoded."""


def is_sse(response: Response) -> bool:
    """Tell whether an answer is a stream of server-sent events."""
    return any(name == "content-type" and "event-stream" in value for name, value in response.headers)


def cut(response: Response) -> tuple[bytes, ...]:
    """Return the body of a stream in pieces that each hold one event: frames or lines."""
    return tuple((_FRAME if is_sse(response) else _LINE).findall(response.body or b""))


class RecordedTransport(httpx.BaseTransport):
    """Answers every request with one recorded answer, and keeps the requests.

    Attributes:
        sent: the requests that came.
        told: how many pieces of the answer were read by now.
    """

    def __init__(self, response: Response, pieces: tuple[bytes, ...]) -> None:
        self.sent: list[Request] = []
        self.chunks_read = 0
        self._response = response
        self._pieces = pieces

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        headers = tuple((name.lower(), value) for name, value in request.headers.multi_items())
        self.sent.append(Request(request.method, str(request.url), headers, request.read()))
        kept = [(name, value) for name, value in self._response.headers if name not in _OF_THE_CONNECTION]
        raw = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in kept]
        return httpx.Response(self._response.status, headers=raw, stream=_ChunkStream(self))

    def pieces(self) -> Iterator[bytes]:
        """Yield the answer piece by piece, and count what was read."""
        for number, piece in enumerate(self._pieces, start=1):
            self.chunks_read = number
            yield piece


class _ChunkStream(httpx.SyncByteStream):
    def __init__(self, transport: RecordedTransport) -> None:
        self._transport = transport

    def __iter__(self) -> Iterator[bytes]:
        yield from self._transport.pieces()
