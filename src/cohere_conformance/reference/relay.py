"""A relay in front of the server, which passes requests on and injects faults into the responses."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

_PIECE = 2**16
_END = b"\r\n\r\n"
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class UpstreamResponse:
    """The response of the server; its body is read chunk by chunk.

    Attributes:
        target: the path and query of the request.
        status: the status line, without its line break.
        fields: the header lines, without their line breaks.
        length: the content length; `None` for a stream.
    """

    target: bytes
    status: bytes
    fields: tuple[bytes, ...]
    length: int | None
    _reader: asyncio.StreamReader

    @property
    def server_sent(self) -> bool:
        """Return whether the body consists of server-sent events."""
        return any(line.lower().startswith(b"content-type: text/event-stream") for line in self.fields)

    def without(self, *names: bytes) -> tuple[bytes, ...]:
        """Return the header lines without those of some names (in lower case)."""
        return tuple(line for line in self.fields if line.partition(b":")[0].lower() not in names)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in chunks of bounded size."""
        while piece := await self._reader.read(_PIECE):
            yield piece

    async def half(self) -> AsyncIterator[bytes]:
        """Yield the first half of the body; of a stream, half of its first chunk."""
        if self.length is None:
            first = await self._reader.read(_PIECE)
            yield first[: len(first) // 2]
            return
        left = self.length // 2
        while left and (piece := await self._reader.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece


class Client:
    """The connection to the client.

    Args:
        writer: of the connection.
        listening: a task that ends when the client has closed its side.
    """

    def __init__(self, writer: asyncio.StreamWriter, listening: asyncio.Task[None]) -> None:
        self._writer = writer
        self._listening = listening
        self._chunked = False
        # Without a buffer of asyncio, everything is sent before a reset.
        writer.transport.set_write_buffer_limits(high=0)

    async def raw(self, content: bytes) -> None:
        """Send bytes without framing.

        Raises:
            ConnectionError: the client has disconnected.
        """
        self._writer.write(content)
        await self._writer.drain()

    async def head(self, status: bytes, fields: Iterable[bytes], *, chunked: bool) -> None:
        """Send the head of a response; `chunked` selects the framing of the body."""
        self._chunked = chunked
        lines = (status, *fields, *((b"transfer-encoding: chunked",) if chunked else ()))
        await self.raw(b"\r\n".join(lines) + _END)

    async def piece(self, content: bytes) -> None:
        """Send a chunk of the body; an empty one is left out, because it would end the body."""
        if content:
            await self.raw(b"%x\r\n%b\r\n" % (len(content), content) if self._chunked else content)

    async def finish(self) -> None:
        """Send the end of a chunked body."""
        if self._chunked:
            await self.raw(b"0" + _END)

    async def silence(self) -> None:
        """Send nothing until the client disconnects."""
        await self._listening

    def reset(self) -> None:
        """End the connection with a reset instead of an orderly close."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()


Strategy = Callable[[UpstreamResponse, Client], Awaitable[None]]
"""Sends a response with a fault; the connection is closed when it returns."""


class Relay:
    """Accepts connections, passes requests on to the server, and lets a strategy send the responses.

    A connection carries one request. It is sent to the server as HTTP/1.0 without `accept-encoding`, so that
    the body of the response is neither chunked nor compressed, and ends with the connection. Only chunks of
    bounded size are held in memory.

    Args:
        strategy: sends each response.
        port: of the server, on the loopback interface.
    """

    def __init__(self, strategy: Strategy, port: int) -> None:
        self._strategy = strategy
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None

    def start(self, listening: socket.socket) -> None:
        """Accept connections from a listening socket, which the relay closes at the end."""
        # `asyncio.start_server` would lose connections that arrive while it is closed.
        listening.setblocking(False)
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)
        self._listening = listening

    async def close(self) -> None:
        """Accept no more connections, and abort the open ones."""
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
        # A task that has just been created has to start, as it closes its connection.
        await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except OSError:  # it is closed already, or there are too many
            return
        task = asyncio.create_task(self._relay(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
        except OSError:  # it was reset before
            connection.close()
            return
        try:
            # An error of either connection ends this exchange only.
            with suppress(OSError, EOFError, asyncio.LimitOverrunError):
                await self._exchange(reader, writer)
        except asyncio.CancelledError:
            # Closing would wait for a client that may never read.
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, fields = (await reader.readuntil(_END)).partition(b"\r\n")
        responses, upstream = await asyncio.open_connection("127.0.0.1", self._port)
        listening = asyncio.create_task(_pass_on(reader, upstream))
        try:
            requested, _, _ = line.rpartition(b" ")
            upstream.write(b"%b HTTP/1.0\r\n%b" % (requested, _without_codings(fields)))
            response = await _response(requested.partition(b" ")[2], responses)
            await self._strategy(response, Client(writer, listening))
        finally:
            listening.cancel()
            upstream.transport.abort()


def _without_codings(fields: bytes) -> bytes:
    """Return the header lines of a request without `accept-encoding`."""
    lines = fields.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"accept-encoding:"))


async def _pass_on(reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
    """Pass on what the client sends; when the server has closed its side, wait for the client to do so."""
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            with suppress(OSError):
                if not upstream.is_closing():
                    upstream.write(piece)
                    await upstream.drain()


async def _response(target: bytes, reader: asyncio.StreamReader) -> UpstreamResponse:
    status, *fields = (await reader.readuntil(_END)).removesuffix(_END).split(b"\r\n")
    lengths = [line for line in fields if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else None
    return UpstreamResponse(target, status, tuple(fields), length, reader)
