"""Faults of the transport: a correct response does not reach the client as it should.

The operation has been executed by then: something may have been created although the client gets no response.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import TYPE_CHECKING

from cohere_conformance.errors import UsageError
from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.relay import Client, Strategy, UpstreamResponse

ELSEWHERE = b"https://elsewhere.invalid"
"""A host that never exists (RFC 2606)."""
DRIP = 1.0
"""The seconds between two bytes."""
BOMB = 512
"""The size in MiB that a body of a few hundred KiB decompresses to."""
FLOOD = 5000
"""The number of extra header lines."""
_BLANKS = b" " * 2**20
_GARBAGE = bytes(range(1, 256))
_TEXT = re.compile(rb'(?<=:")[^"\\]|(?<=: ")[^"\\]')
_LETTER = re.compile(rb"[A-Za-z]")

_STRATEGIES: dict[Fault, Strategy] = {}


def switched_on(faults: frozenset[Fault]) -> Strategy | None:
    """Return the strategy of the fault that is switched on, `None` without one.

    Raises:
        UsageError: several faults of the transport are on; only one can own the connection.
    """
    found = sorted(faults & _STRATEGIES.keys(), key=lambda one: one.name)
    if len(found) > 1:
        names = " and ".join(one.name for one in found)
        raise UsageError(f"expected at most one fault of the transport at a time, got {names}; leave one")
    return _STRATEGIES[found[0]] if found else None


def _when(on: Fault) -> Callable[[Strategy], Strategy]:
    def register(strategy: Strategy) -> Strategy:
        _STRATEGIES[on] = strategy
        return strategy

    return register


async def _head(response: UpstreamResponse, client: Client) -> None:
    await client.head(response.status, response.fields, chunked=response.length is None)


async def _half(response: UpstreamResponse, client: Client) -> None:
    await _head(response, client)
    async for piece in response.half():
        await client.piece(piece)


async def _body(response: UpstreamResponse, client: Client) -> None:
    async for piece in response.pieces():
        await client.piece(piece)
    await client.finish()


# -- silence and early ends ----------------------------------------------------------------------------------


@_when(fault("transport.hang", "Connections are accepted, but no response is sent."))
async def _hang(response: UpstreamResponse, client: Client) -> None:
    await client.silence()


@_when(fault("transport.hang-in-body", "Nothing more is sent after half of the body."))
async def _hang_in_body(response: UpstreamResponse, client: Client) -> None:
    await _half(response, client)
    await client.silence()


@_when(fault("transport.reset", "The connection is reset without a response."))
async def _reset(response: UpstreamResponse, client: Client) -> None:
    client.reset()


@_when(fault("transport.reset-in-body", "The connection is reset after half of the body."))
async def _reset_in_body(response: UpstreamResponse, client: Client) -> None:
    await _half(response, client)
    client.reset()


@_when(fault("transport.close-early", "The connection is closed without a response."))
async def _close_early(response: UpstreamResponse, client: Client) -> None:
    """Do nothing: the connection is closed afterwards."""


@_when(fault("transport.truncated", "The connection is closed after half of the declared body."))
async def _truncated(response: UpstreamResponse, client: Client) -> None:
    await _half(response, client)


@_when(fault("transport.stream-cut", "Streams end in the middle of an event, with a valid end of the body."))
async def _stream_cut(response: UpstreamResponse, client: Client) -> None:
    await _head(response, client)
    if response.length is not None:
        await _body(response, client)
        return
    end = b"\n\n" if response.server_sent else b"\n"
    held = b""
    async for piece in response.pieces():
        held += piece
        if held.count(end) > 2:
            ready, *last = held.rsplit(end, 3)
            held = end.join(last)
            await client.piece(ready + end)
    # The second last event: the last one may be `[DONE]`, which is too short.
    event = held.partition(end)[0]
    await client.piece(event[: len(event) // 2])
    await client.finish()


# -- lengths and pace ----------------------------------------------------------------------------------------


@_when(fault("transport.wrong-length-short", "The content length is smaller than the body."))
async def _wrong_length_short(response: UpstreamResponse, client: Client) -> None:
    await _misdeclared(response, client, 10 if response.length is None else response.length // 2)


@_when(fault("transport.wrong-length-long", "The content length is larger than the body."))
async def _wrong_length_long(response: UpstreamResponse, client: Client) -> None:
    await _misdeclared(response, client, 2**30 if response.length is None else response.length + 64)


async def _misdeclared(response: UpstreamResponse, client: Client, length: int) -> None:
    fields = (*response.without(b"content-length"), b"content-length: %d" % length)
    await client.head(response.status, fields, chunked=False)
    await _body(response, client)


@_when(fault("transport.slow-drip", "Bodies are sent at one byte a second."))
async def _slow_drip(response: UpstreamResponse, client: Client) -> None:
    await _head(response, client)
    async for piece in response.pieces():
        for number in range(len(piece)):
            await client.piece(piece[number : number + 1])
            await asyncio.sleep(DRIP)
    await client.finish()


@_when(fault("transport.endless-body", "Bodies never end: spaces follow for as long as the client reads."))
async def _endless_body(response: UpstreamResponse, client: Client) -> None:
    await client.head(response.status, response.without(b"content-length"), chunked=True)
    async for piece in response.pieces():
        await client.piece(piece)
    while True:
        await client.piece(_BLANKS)
        # A fast client must not block the event loop.
        await asyncio.sleep(0)


# -- bytes that are something else ---------------------------------------------------------------------------


@_when(fault("transport.gzip-garbage", "Bodies are declared as gzip but are not compressed."))
async def _gzip_garbage(response: UpstreamResponse, client: Client) -> None:
    fields = (b"content-encoding: gzip", b"content-length: %d" % len(_GARBAGE))
    await client.head(response.status, (*response.without(b"content-length"), *fields), chunked=False)
    await client.piece(_GARBAGE)


@_when(
    fault("transport.gzip-bomb", f"Bodies are compressed with gzip and decompress to more than {BOMB} MiB.")
)
async def _gzip_bomb(response: UpstreamResponse, client: Client) -> None:
    fields = (*response.without(b"content-length"), b"content-encoding: gzip")
    await client.head(response.status, fields, chunked=True)
    gzip = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    for _ in range(BOMB):
        await client.piece(gzip.compress(_BLANKS))
        await asyncio.sleep(0)
    async for piece in response.pieces():
        await client.piece(gzip.compress(piece))
    await client.piece(gzip.flush())
    await client.finish()


@_when(fault("transport.invalid-utf8", "One byte in a string of the body is not valid UTF-8."))
async def _invalid_utf8(response: UpstreamResponse, client: Client) -> None:
    await _head(response, client)
    replaced = False
    async for piece in response.pieces():
        if not replaced and (found := _TEXT.search(piece) or _LETTER.search(piece)):
            piece = piece[: found.start()] + b"\xff" + piece[found.start() + 1 :]
            replaced = True
        await client.piece(piece)
    await client.finish()


@_when(fault("transport.chunked-garbage", "Bodies are declared as chunked but have no chunks."))
async def _chunked_garbage(response: UpstreamResponse, client: Client) -> None:
    fields = (*response.without(b"content-length"), b"transfer-encoding: chunked")
    await client.head(response.status, fields, chunked=False)
    await client.piece(b"no size\r\n")
    await _body(response, client)


# -- heads ---------------------------------------------------------------------------------------------------


@_when(fault("transport.garbage-status-line", "Responses start with an invalid status line."))
async def _garbage_status_line(response: UpstreamResponse, client: Client) -> None:
    await client.head(b"\xfe\xff nonsense", response.fields, chunked=response.length is None)
    await _body(response, client)


@_when(fault("transport.header-flood", f"Responses have {FLOOD} extra header fields."))
async def _header_flood(response: UpstreamResponse, client: Client) -> None:
    flood = (b"x-flood-%d: %032d" % (number, number) for number in range(FLOOD))
    await client.head(response.status, (*response.fields, *flood), chunked=response.length is None)
    await _body(response, client)


@_when(fault("transport.redirect-elsewhere", "Every call is redirected to another host with 307."))
async def _redirect_elsewhere(response: UpstreamResponse, client: Client) -> None:
    fields = (b"location: %b%b" % (ELSEWHERE, response.target), b"content-length: 0", b"connection: close")
    await client.head(b"HTTP/1.1 307 Temporary Redirect", fields, chunked=False)
