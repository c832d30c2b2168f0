"""Reference servers without a socket: an httpx transport that calls the application in this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx

from cohere_conformance.client.transport import TargetTransport
from cohere_conformance.reference.app import application
from cohere_conformance.reference.threads import handle_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.reference.app import Application
    from cohere_conformance.reference.state import ServerState

_STEP = 0.01
"""Seconds by which each chunk of a response counts as later than the one before."""


class InProcess(TargetTransport):
    """Hands requests to the application of a reference server and returns its responses.

    Time is counted instead of measured, so that the arrivals of a stream are the same in every run.

    Args:
        state: of the server that is called first.
    """

    def __init__(self, state: ServerState) -> None:
        self._loop = asyncio.Runner()
        self._seconds = 0.0
        self._application: Application
        self.restart(state)

    def restart(self, state: ServerState) -> None:
        """Call another server from now on.

        Args:
            state: of that server.
        """
        self._application = application(state)

    def now(self) -> float:
        """Return the counted time in seconds: one step for each chunk that was read."""
        return self._seconds

    def _tick(self) -> None:
        self._seconds += _STEP

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response of the application."""
        response = _Response(request.read())
        # Not `Runner.run`, which installs a signal handler for each request.
        self._loop.get_loop().run_until_complete(self._handle(_scope(request), response))
        return httpx.Response(
            response.status, headers=response.headers, stream=_Chunks(response.chunks, self._tick)
        )

    async def _handle(self, scope: dict[str, Any], response: _Response) -> None:
        handle_alone()
        await self._application(scope, response.receive, response.send)

    def close(self) -> None:
        """Close the event loop."""
        self._loop.close()


def _scope(request: httpx.Request) -> dict[str, Any]:
    """Return a request as ASGI describes it, in the form that uvicorn gives it."""
    target: bytes = request.extensions.get("target", request.url.raw_path)
    path, _, query = target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (request.url.host, request.url.port or 80),
        "state": {},
    }


class _Response:
    """What the application sends as the response to one request."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        """Return the request's body; after that the client just listens."""
        if self._body is None:
            await asyncio.get_running_loop().create_future()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        """Take a part of the response."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body" and message.get("body"):
            self.chunks.append(message["body"])


class _Chunks(httpx.SyncByteStream):
    def __init__(self, chunks: list[bytes], tick: Callable[[], None]) -> None:
        self._chunks = chunks
        self._tick = tick

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._tick()
            yield chunk
