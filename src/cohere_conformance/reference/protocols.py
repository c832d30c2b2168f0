"""HTTP/1.1 parsed by httptools, which is many times faster than h11, where it is installed (extra `fast`)."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn.server import ServerState as UvicornState

_LAST = b" HTTP/1.1\r\n"


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
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Hand the connection over to the parser that fits its first bytes."""
        assert self._transport is not None
        self._connections.discard(self)
        line = data[: data.find(b"\n") + 1]
        parser = _quick()(**self._given) if line.endswith(_LAST) else H11Protocol(**self._given)
        self._transport.set_protocol(parser)
        parser.connection_made(self._transport)
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
