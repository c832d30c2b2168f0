"""A relay in front of the server: requests go through unharmed, what comes back is in a fault's hands."""

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
    """What the server answers; its body is read as it comes.

    Attributes:
        target: what was asked for: path and query.
        status: the status line, without its end.
        fields: the header lines, without their ends.
        length: bytes of the body as the head says; `None` for a stream.
    """

    target: bytes
    status: bytes
    fields: tuple[bytes, ...]
    length: int | None
    _reader: asyncio.StreamReader

    @property
    def server_sent(self) -> bool:
        """Tell whether the body is server-sent events."""
        return any(line.lower().startswith(b"content-type: text/event-stream") for line in self.fields)

    def without(self, *names: bytes) -> tuple[bytes, ...]:
        """Return the header lines except those of some names (in lower case)."""
        return tuple(line for line in self.fields if line.partition(b":")[0].lower() not in names)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, in pieces of bounded size."""
        while piece := await self._reader.read(_PIECE):
            yield piece

    async def half(self) -> AsyncIterator[bytes]:
        """Yield the first half of the body; of a stream, half of what comes first."""
        if self.length is None:
            first = await self._reader.read(_PIECE)
            yield first[: len(first) // 2]
            return
        left = self.length // 2
        while left and (piece := await self._reader.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece


class Client:
    """Whoever asked, and the ways in which something reaches them.

    Args:
        writer: the connection.
        listening: ends when the client has closed its side.
    """

    def __init__(self, writer: asyncio.StreamWriter, listening: asyncio.Task[None]) -> None:
        self._writer = writer
        self._listening = listening
        self._chunked = False
        # Without a buffer of our own, what is sent is on its way before a reset can overtake it.
        writer.transport.set_write_buffer_limits(high=0)

    async def raw(self, content: bytes) -> None:
        """Send bytes as they are.

        Raises:
            ConnectionError: the client has gone.
        """
        self._writer.write(content)
        await self._writer.drain()

    async def head(self, status: bytes, fields: Iterable[bytes], *, chunked: bool) -> None:
        """Send a head; `chunked` says how the pieces that follow are framed."""
        self._chunked = chunked
        lines = (status, *fields, *((b"transfer-encoding: chunked",) if chunked else ()))
        await self.raw(b"\r\n".join(lines) + _END)

    async def piece(self, content: bytes) -> None:
        """Send a piece of the body; an empty one is left out, as it would mean the end."""
        if content:
            await self.raw(b"%x\r\n%b\r\n" % (len(content), content) if self._chunked else content)

    async def finish(self) -> None:
        """Send what says that the body is complete, where something does."""
        if self._chunked:
            await self.raw(b"0" + _END)

    async def silence(self) -> None:
        """Send nothing until the client gives up."""
        await self._listening

    def reset(self) -> None:
        """End the connection with a reset instead of an orderly close."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()


Strategy = Callable[[UpstreamResponse, Client], Awaitable[None]]
"""What a fault makes of an answer; when it returns, the connection is closed."""


class Relay:
    """Takes connections, passes each request on and leaves the answer to a strategy.

    A connection carries one request: the server is asked as by a client of HTTP/1.0 that reads nothing
    compressed, so that bodies come as they are, without chunks, and end with the connection. Nothing is held
    but pieces of bounded size.

    Args:
        strategy: what is made of each answer.
        port: where the server listens, on the loopback interface.
    """

    def __init__(self, strategy: Strategy, port: int) -> None:
        self._strategy = strategy
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None

    def start(self, listening: socket.socket) -> None:
        """Take connections from a listening socket, which then belongs to the relay."""
        # Not by `asyncio.start_server`: that loses connections which come while it is closed.
        listening.setblocking(False)
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)
        self._listening = listening

    async def close(self) -> None:
        """Take no more connections and cut those that are open."""
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
        # What was just accepted is only closed by a task that has begun.
        await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except OSError:  # it has gone already, or there are too many
            return
        task = asyncio.create_task(self._relay(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
        except OSError:  # it was reset before it was looked at
            connection.close()
            return
        try:
            # Whatever either side does to its connection ends the exchange, and nothing else.
            with suppress(OSError, EOFError, asyncio.LimitOverrunError):
                await self._exchange(reader, writer)
        except asyncio.CancelledError:
            # A close would wait for a client that may never read.
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, fields = (await reader.readuntil(_END)).partition(b"\r\n")
        answers, upstream = await asyncio.open_connection("127.0.0.1", self._port)
        listening = asyncio.create_task(_pass_on(reader, upstream))
        try:
            asked, _, _ = line.rpartition(b" ")
            upstream.write(b"%b HTTP/1.0\r\n%b" % (asked, _without_codings(fields)))
            answer = await _answer(asked.partition(b" ")[2], answers)
            await self._strategy(answer, Client(writer, listening))
        finally:
            listening.cancel()
            upstream.transport.abort()


def _without_codings(fields: bytes) -> bytes:
    """Return the header lines of a request without those that ask for a compressed body."""
    lines = fields.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"accept-encoding:"))


async def _pass_on(reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
    """Pass on what the client sends; once the server wants no more of it, only wait for the client's end."""
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            with suppress(OSError):
                if not upstream.is_closing():
                    upstream.write(piece)
                    await upstream.drain()


async def _answer(target: bytes, reader: asyncio.StreamReader) -> UpstreamResponse:
    status, *fields = (await reader.readuntil(_END)).removesuffix(_END).split(b"\r\n")
    lengths = [line for line in fields if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else None
    return UpstreamResponse(target, status, tuple(fields), length, reader)
