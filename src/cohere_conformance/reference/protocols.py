"""What makes a server fast where it is installed (extra `fast`): httptools instead of h11, and uvloop."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn.server import ServerState as UvicornState

_LAST = b" HTTP/1.1\r\n"
_HEAD, _END = b"HTTP/1.1 ", b"\r\n\r\n"
"""How the head of a response begins and ends."""


class JoiningTransport:
    """A transport that sends the head of a response together with what follows it at once.

    Args:
        transport: sends.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        """Return what the transport has besides."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data; a head waits until the event loop goes on, if nothing follows it before."""
        if not self._head and data.startswith(_HEAD) and data.endswith(_END):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            head, self._head = self._head, b""
            self._transport.write(head + data)

    def close(self) -> None:
        """Send what waits, and close the connection."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")


class SelectingProtocol(asyncio.Protocol):
    """Lets httptools parse connections that start with a complete request line of HTTP/1.1, and h11 others.

    h11 keeps to more of the standard: clients of HTTP/1.0 get no chunks.

    Args:
        server_state: of uvicorn.
        given: what uvicorn gives to a protocol besides.
    """

    def __init__(self, *, server_state: UvicornState, **given: Any) -> None:
        self._given: dict[str, Any] = {"server_state": server_state, **given}
        self._connections: set[Any] = server_state.connections
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes."""
        self._transport = cast("asyncio.Transport", transport)  # that of uvloop is no instance
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Hand the connection over to the parser that fits its first bytes."""
        assert self._transport is not None
        self._connections.discard(self)
        line = data[: data.find(b"\n") + 1]
        parser = _quick()(**self._given) if line.endswith(_LAST) else H11Protocol(**self._given)
        self._transport.set_protocol(parser)
        parser.connection_made(cast("asyncio.Transport", JoiningTransport(self._transport)))
        parser.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection, which has not sent anything."""
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Close the connection: the server ends."""
        if self._transport is not None:
            self._transport.close()


def _quick() -> Any:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    return HttpToolsProtocol


def protocol() -> type[asyncio.Protocol]:
    """Return the quickest protocol for which everything is installed."""
    return H11Protocol if find_spec("httptools") is None else SelectingProtocol


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the quickest event loop that is installed; `None` for that of Python."""
    if find_spec("uvloop") is None:
        return None
    import uvloop

    made: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return made
