"""Passes the requests of one client connection on to the upstream, and the responses back, byte by byte.

Each connection of a client has one of its own to the upstream, so that no response has to be put together
anew: not even what is no valid HTTP is changed. A copy of them is parsed on the way.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Protocol

import h11

from cohere_conformance.proxy.capture import ExchangeCapture, Meter
from cohere_conformance.proxy.heads import head_of, is_chunked, target_of
from cohere_conformance.proxy.own_responses import bad_request, own_page, unreachable
from cohere_conformance.proxy.responses import LONGEST_HEAD, RESET, ResponseFollower
from cohere_conformance.proxy.upstream import UnreachableError

if TYPE_CHECKING:
    from cohere_conformance.model import Failure
    from cohere_conformance.proxy.observed import ObservedExchange
    from cohere_conformance.proxy.upstream import Upstream, UpstreamConnection

_CHUNK = 64 * 1024
_MOST_EARLY = 256 * 1024
"""Bytes that a client may send before the response to its last request has ended."""
_LINGER = 1.0
"""Seconds in which a client may finish a request that was responded to early."""

LEFT = "not judged, the client closed the connection before the end of the response"
BROKEN_REQUEST = "not passed on to the end, no HTTP/1.1 request; send it to the upstream directly"
STOPPED = "not judged, the proxy was stopped before the end of the response"


class ClientLeftError(Exception):
    """The client has closed its connection."""


class Watcher(Protocol):
    """Takes the copies of exchanges, and makes the pages of the proxy itself."""

    meter: Meter

    def number(self) -> int:
        """Return the number of the next exchange."""

    def judge(self, observed: ObservedExchange, held: int) -> None:
        """Judge an exchange; returns at once.

        Args:
            observed: the copy.
            held: bytes of the meter that it holds.
        """

    def unjudged(self, reason: str) -> None:
        """Count an exchange that is not judged."""

    async def page(self, form: Literal["json", "html"]) -> bytes:
        """Return the report so far, as `json` or `html`."""


class ClientConnection:
    """One connection of a client.

    Args:
        upstream: where requests go.
        watcher: takes copies.
        reader: of what the client sends.
        writer: of what is sent to it.
    """

    def __init__(
        self, upstream: Upstream, watcher: Watcher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._upstream = upstream
        self._watcher = watcher
        self._reader = reader
        self._writer = writer
        self._parser = _parser()
        self._early = bytearray()
        self._connection: UpstreamConnection | None = None

    async def run(self) -> None:
        """Pass on requests until one side closes the connection."""
        try:
            while await self._next():
                self._continue()
            self._close_upstream()
            self._writer.close()
            await self._writer.wait_closed()
        except (ClientLeftError, OSError):
            pass
        finally:
            # Whatever is left to be sent has nobody who reads it, and would keep the proxy from ending.
            self._close_upstream()
            self._writer.transport.abort()

    def _continue(self) -> None:
        """Get ready for the next request; its first bytes may have been received."""
        held, _ = self._parser.trailing_data
        self._parser = _parser()
        if held or self._early:
            self._parser.receive_data(held + bytes(self._early))
        self._early.clear()

    def _close_upstream(self) -> None:
        if self._connection is not None:
            # Nothing is left to be sent; a clean end of TLS would wait for the other side.
            self._connection.writer.transport.abort()
            self._connection = None

    async def _next(self) -> bool:
        """Pass on one exchange; return whether the client can send another request."""
        try:
            request = await self._head()
        except h11.RemoteProtocolError as error:
            self._watcher.unjudged(BROKEN_REQUEST)
            return await self._respond(bad_request(str(error)))
        if request is None:
            return False
        if (page := await own_page(request, self._watcher.page)) is not None:
            return await self._respond(page) and not _closes(request)
        if request.method == b"CONNECT":
            self._watcher.unjudged(BROKEN_REQUEST)
            return await self._respond(
                bad_request("CONNECT asks for a tunnel, in which nothing can be judged")
            )
        target = target_of(request, self._upstream.base)
        capture = ExchangeCapture(
            self._watcher.number(),
            request.method.decode("ascii"),
            target.decode("latin-1"),
            tuple(request.headers.raw_items()),
            self._watcher.meter,
        )
        return await self._exchange(request, target, capture)

    async def _head(self) -> h11.Request | None:
        """Return the head of the next request; `None` if the client has closed the connection."""
        while True:
            match event := self._parser.next_event():
                case h11.Request():
                    return event
                case h11.ConnectionClosed():
                    return None
            data = await self._reader.read(_CHUNK)
            if not data and not self._parser.trailing_data[0]:
                return None
            self._parser.receive_data(data)

    async def _respond(self, response: bytes) -> bool:
        """Send a response of the proxy itself; return whether the connection is open afterwards."""
        self._writer.write(response)
        await self._writer.drain()
        return b"\r\nConnection: close\r\n" not in response

    # -- one exchange

    async def _exchange(self, request: h11.Request, target: bytes, capture: ExchangeCapture) -> bool:
        follower = ResponseFollower(request.method, capture)
        try:
            connection = await self._connected()
            connection.writer.write(head_of(request, target, self._upstream.host))
            failure = await self._both_ways(request, connection, capture, follower)
        except UnreachableError as error:
            response = unreachable(self._upstream.address.shown, str(error))
            capture.head(502, ())
            self._deliver(capture, unreachable=str(error))
            self._close_upstream()
            await self._respond(response)
            await self._finish_request()
            return False
        except (ClientLeftError, ConnectionError):
            self._watcher.unjudged(LEFT)
            capture.drop()
            return False
        except h11.RemoteProtocolError:
            self._watcher.unjudged(BROKEN_REQUEST)
            capture.drop()
            return False
        except asyncio.CancelledError:
            self._watcher.unjudged(STOPPED)
            capture.drop()
            raise
        self._deliver(capture, failure)
        complete = self._parser.their_state is not h11.SEND_BODY
        return await self._finish_request() and complete and follower.reusable and failure is None

    def _deliver(
        self, capture: ExchangeCapture, failure: Failure | None = None, unreachable: str = ""
    ) -> None:
        for body in capture.too_large:
            self._watcher.unjudged(f"body of the {body} not judged, it is too large; raise --max-body")
        self._watcher.judge(capture.finish(failure, unreachable), capture.held)

    async def _connected(self) -> UpstreamConnection:
        """Return the connection to the upstream; a new one if it has closed the last one."""
        if self._connection is None or not self._connection.is_open:
            self._close_upstream()
            self._connection = await self._upstream.connect()
        return self._connection

    async def _both_ways(
        self,
        request: h11.Request,
        connection: UpstreamConnection,
        capture: ExchangeCapture,
        follower: ResponseFollower,
    ) -> Failure | None:
        """Pass on request and response at the same time; return why the response is incomplete."""
        sending = asyncio.create_task(self._send(request, connection, capture))
        receiving = asyncio.create_task(self._receive(connection, follower))
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done() and not isinstance(sending.exception(), ConnectionError):
                sending.result()  # the request is broken, or the client has left
                raise ClientLeftError
            # An upstream that takes no more of the request may have responded.
            return await receiving
        finally:
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _send(
        self, request: h11.Request, connection: UpstreamConnection, capture: ExchangeCapture
    ) -> None:
        """Pass on the body of a request, then wait until the client leaves.

        Raises:
            ConnectionError: the upstream has closed the connection.
            ClientLeftError: the client has.
        """
        chunked, writer = is_chunked(request), connection.writer
        while True:
            match event := self._parser.next_event():
                case h11.Data():
                    data = bytes(event.data)
                    capture.sent(data)
                    writer.write(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
                    await writer.drain()
                case h11.EndOfMessage():
                    if chunked:
                        trailers = b"".join(b"%s: %s\r\n" % one for one in event.headers.raw_items())
                        writer.write(b"0\r\n%s\r\n" % trailers)
                        await writer.drain()
                    break
                case _:
                    await self._more_of_request()
        while len(self._early) < _MOST_EARLY:
            data = await self._from_client()
            self._early += data
        await asyncio.Event().wait()

    async def _more_of_request(self) -> None:
        self._parser.receive_data(await self._from_client())

    async def _from_client(self) -> bytes:
        try:
            data = await self._reader.read(_CHUNK)
        except ConnectionError as error:
            raise ClientLeftError from error
        if not data:
            raise ClientLeftError
        return data

    async def _receive(self, connection: UpstreamConnection, follower: ResponseFollower) -> Failure | None:
        """Pass on a response; return why it is incomplete.

        Raises:
            UnreachableError: the upstream has sent nothing at all.
            ClientLeftError: the client has closed the connection.
        """
        begun = False
        while not follower.ended:
            try:
                data = await connection.reader.read(_CHUNK)
            except OSError as error:
                if not begun:
                    raise UnreachableError(
                        "the connection was reset before a response was received"
                    ) from error
                return follower.failure or RESET
            if not data and not begun:
                raise UnreachableError("the connection was closed before a response was received")
            begun = True
            if data:
                self._writer.write(data)
            follower.feed(data)
            if not data:
                break
            try:
                await self._writer.drain()
            except ConnectionError as error:
                raise ClientLeftError from error
        return follower.failure

    async def _finish_request(self) -> bool:
        """Let a client finish a request that was responded to early; return whether it did.

        A connection that is closed while the client still sends would be reset, and the response lost.
        """
        with suppress(ClientLeftError, ConnectionError, h11.RemoteProtocolError, TimeoutError):
            async with asyncio.timeout(_LINGER):
                while self._parser.their_state is h11.SEND_BODY:
                    if self._parser.next_event() is h11.NEED_DATA:
                        await self._more_of_request()
            return self._parser.their_state is h11.DONE
        return False


def _parser() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)


def _closes(request: h11.Request) -> bool:
    return any(name == b"connection" and b"close" in value.lower() for name, value in request.headers)
