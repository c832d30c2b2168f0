"""Requests and responses of HTTP, on top of ASGI."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import Receive, Scope, Send

VARIES = (b"vary", b"Origin")
"""The header field of a response that is not compressed for any client."""
Fields = list[tuple[bytes, bytes]]
"""The header fields of a response, in the order in which they are sent."""


class ClientDisconnectError(Exception):
    """The client has disconnected before its request was complete."""


class RequestHead:
    """What a request says before its body.

    Args:
        method: in upper case.
        scheme: of the URL.
        path: as it was sent, still encoded.
        query: as it was sent.
        fields: the header fields, their names in lower case.

    Attributes:
        method: in upper case.
        raw_path: the path as it was sent, still encoded.
        headers: by lower-case name; of several with one name, the first.
        base_url: the URL of the server as the client knows it, without a slash at its end.
    """

    def __init__(
        self, method: str, scheme: str, path: bytes, query: bytes, fields: tuple[tuple[bytes, bytes], ...]
    ) -> None:
        self.method = method
        self.raw_path = path.decode("ascii", "replace")
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(fields)
        }
        self.base_url = f"{scheme}://{self.headers.get('host', 'localhost')}"
        self._query = query
        self._fields = fields

    def values(self, name: str) -> list[str]:
        """Return the values of all headers with a name."""
        if name not in self.headers:
            return []
        wanted = name.encode("latin-1")
        return [value.decode("latin-1") for field, value in self._fields if field == wanted]

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The query parameters, decoded, in their order."""
        return parse_qsl(self._query.decode("latin-1"), keep_blank_values=True) if self._query else []


_head = lru_cache(maxsize=256)(RequestHead)
"""Most clients send few different heads."""


class HttpRequest:
    """One request.

    Args:
        scope: of ASGI.
        receive: returns the parts of the body.

    Attributes:
        scope: of ASGI.
        head: what it says before its body.
        method: of the head.
        raw_path: of the head.
        headers: of the head.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.head = _head(
            scope["method"],
            scope["scheme"],
            scope["raw_path"],
            scope["query_string"],
            tuple(scope["headers"]),
        )
        self.method = self.head.method
        self.raw_path = self.head.raw_path
        self.headers = self.head.headers
        self._receive = receive

    async def part(self) -> tuple[bytes, bool]:
        """Return the next part of the body, and whether there are more.

        Raises:
            ClientDisconnectError: the client has disconnected.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectError
        return message.get("body", b""), message.get("more_body", False)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the parts of the body as they are received.

        Raises:
            ClientDisconnectError: the client has disconnected.
        """
        more = True
        while more:
            content, more = await self.part()
            if content:
                yield content

    async def disconnected(self) -> None:
        """Return when the client has disconnected; for when the body has been read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


@dataclass
class HttpResponse:
    """One response.

    Attributes:
        status: of HTTP.
        fields: the header fields.
        content: the body.
        chunks: the chunks of a body that is sent as it is made, instead of `content`.
    """

    status: int
    fields: Fields
    content: bytes = b""
    chunks: AsyncGenerator[bytes, None] | None = None

    async def send(self, request: HttpRequest, send: Send) -> None:
        """Send the response.

        Args:
            request: that it belongs to.
            send: of ASGI.
        """
        await send({"type": "http.response.start", "status": self.status, "headers": self.fields})
        if self.chunks is not None:
            await _send_chunks(self.chunks, request, send)
        await send({"type": "http.response.body", "body": self.content})


async def _send_chunks(chunks: AsyncGenerator[bytes, None], request: HttpRequest, send: Send) -> None:
    """Send chunks until there are no more, or the client disconnects, which ends the one being made."""

    async def sent() -> None:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async with aclosing(chunks):
        # At once: as a task, it would wait for the first chunks of all other streams.
        first = await anext(chunks, b"")
        await send({"type": "http.response.body", "body": first, "more_body": True})
        tasks = [asyncio.ensure_future(sent()), asyncio.ensure_future(request.disconnected())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    if not tasks[0].cancelled():
        tasks[0].result()


def file_response(status: int, content: bytes, media_type: str | None = None) -> HttpResponse:
    """Return a response with just a body, its length and its media type; that of a text says UTF-8."""
    fields = [(b"content-length", str(len(content)).encode())]
    if media_type is not None:
        text = media_type.startswith("text/") and "charset=" not in media_type.lower()
        fields.append((b"content-type", f"{media_type}{'; charset=utf-8' if text else ''}".encode("latin-1")))
    return HttpResponse(status, fields, content)
