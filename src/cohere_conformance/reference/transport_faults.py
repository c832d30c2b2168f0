"""Faults of the transport: what can go wrong between a right answer and the client.

The server has done its work by then: what was to be created is created, though nobody is told.
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
"""A host that no name server knows, now or ever."""
DRIP = 1.0
"""Seconds between two bytes."""
BOMB = 512
"""MiB that a few hundred KiB are inflated to."""
FLOOD = 5000
"""Header lines that nobody asked for."""
_BLANKS = b" " * 2**20
_GARBAGE = bytes(range(1, 256))
_TEXT = re.compile(rb'(?<=:")[^"\\]|(?<=: ")[^"\\]')
_LETTER = re.compile(rb"[A-Za-z]")

_STRATEGIES: dict[Fault, Strategy] = {}


def switched_on(faults: frozenset[Fault]) -> Strategy | None:
    """Return what the transport does to answers, `None` if it leaves them alone.

    Raises:
        UsageError: several faults of the transport are on; each wants the whole connection.
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


async def _head(answer: UpstreamResponse, client: Client) -> None:
    await client.head(answer.status, answer.fields, chunked=answer.length is None)


async def _half(answer: UpstreamResponse, client: Client) -> None:
    await _head(answer, client)
    async for piece in answer.half():
        await client.piece(piece)


async def _body(answer: UpstreamResponse, client: Client) -> None:
    async for piece in answer.pieces():
        await client.piece(piece)
    await client.finish()


# -- silence and early ends ----------------------------------------------------------------------------------


@_when(fault("transport.hang", "Connections are accepted, but no response is sent."))
async def _hang(answer: UpstreamResponse, client: Client) -> None:
    await client.silence()


@_when(fault("transport.hang-in-body", "Nothing more is sent after half of the body."))
async def _hang_in_body(answer: UpstreamResponse, client: Client) -> None:
    await _half(answer, client)
    await client.silence()


@_when(fault("transport.reset", "The connection is reset without a response."))
async def _reset(answer: UpstreamResponse, client: Client) -> None:
    client.reset()


@_when(fault("transport.reset-in-body", "The connection is reset after half of the body."))
async def _reset_in_body(answer: UpstreamResponse, client: Client) -> None:
    await _half(answer, client)
    client.reset()


@_when(fault("transport.close-early", "The connection is closed without a response."))
async def _close_early(answer: UpstreamResponse, client: Client) -> None:
    """Do nothing: the connection is closed anyway."""


@_when(fault("transport.truncated", "The connection is closed after half of the declared body."))
async def _truncated(answer: UpstreamResponse, client: Client) -> None:
    await _half(answer, client)


@_when(fault("transport.stream-cut", "Streams end in the middle of an event, with a valid end of the body."))
async def _stream_cut(answer: UpstreamResponse, client: Client) -> None:
    await _head(answer, client)
    if answer.length is not None:
        await _body(answer, client)
        return
    end = b"\n\n" if answer.server_sent else b"\n"
    held = b""
    async for piece in answer.pieces():
        held += piece
        if held.count(end) > 2:
            ready, *last = held.rsplit(end, 3)
            held = end.join(last)
            await client.piece(ready + end)
    # The second event from the end: what is left of a mere `[DONE]` would say little.
    event = held.partition(end)[0]
    await client.piece(event[: len(event) // 2])
    await client.finish()


# -- lengths and pace ----------------------------------------------------------------------------------------


@_when(fault("transport.wrong-length-short", "The content length is smaller than the body."))
async def _wrong_length_short(answer: UpstreamResponse, client: Client) -> None:
    await _misdeclared(answer, client, 10 if answer.length is None else answer.length // 2)


@_when(fault("transport.wrong-length-long", "The content length is larger than the body."))
async def _wrong_length_long(answer: UpstreamResponse, client: Client) -> None:
    await _misdeclared(answer, client, 2**30 if answer.length is None else answer.length + 64)


async def _misdeclared(answer: UpstreamResponse, client: Client, length: int) -> None:
    fields = (*answer.without(b"content-length"), b"content-length: %d" % length)
    await client.head(answer.status, fields, chunked=False)
    await _body(answer, client)


@_when(fault("transport.slow-drip", "Bodies are sent at one byte a second."))
async def _slow_drip(answer: UpstreamResponse, client: Client) -> None:
    await _head(answer, client)
    async for piece in answer.pieces():
        for number in range(len(piece)):
            await client.piece(piece[number : number + 1])
            await asyncio.sleep(DRIP)
    await client.finish()


@_when(fault("transport.endless-body", "Bodies never end: spaces follow for as long as the client reads."))
async def _endless_body(answer: UpstreamResponse, client: Client) -> None:
    await client.head(answer.status, answer.without(b"content-length"), chunked=True)
    async for piece in answer.pieces():
        await client.piece(piece)
    while True:
        await client.piece(_BLANKS)
        # A fast reader must not keep everybody else waiting.
        await asyncio.sleep(0)


# -- bytes that are something else ---------------------------------------------------------------------------


@_when(fault("transport.gzip-garbage", "Bodies are declared as gzip but are not compressed."))
async def _gzip_garbage(answer: UpstreamResponse, client: Client) -> None:
    fields = (b"content-encoding: gzip", b"content-length: %d" % len(_GARBAGE))
    await client.head(answer.status, (*answer.without(b"content-length"), *fields), chunked=False)
    await client.piece(_GARBAGE)


@_when(
    fault("transport.gzip-bomb", f"Bodies are compressed with gzip and decompress to more than {BOMB} MiB.")
)
async def _gzip_bomb(answer: UpstreamResponse, client: Client) -> None:
    fields = (*answer.without(b"content-length"), b"content-encoding: gzip")
    await client.head(answer.status, fields, chunked=True)
    gzip = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    for _ in range(BOMB):
        await client.piece(gzip.compress(_BLANKS))
        await asyncio.sleep(0)
    async for piece in answer.pieces():
        await client.piece(gzip.compress(piece))
    await client.piece(gzip.flush())
    await client.finish()


@_when(fault("transport.invalid-utf8", "One byte in a string of the body is not valid UTF-8."))
async def _invalid_utf8(answer: UpstreamResponse, client: Client) -> None:
    await _head(answer, client)
    spoilt = False
    async for piece in answer.pieces():
        if not spoilt and (found := _TEXT.search(piece) or _LETTER.search(piece)):
            piece = piece[: found.start()] + b"\xff" + piece[found.start() + 1 :]
            spoilt = True
        await client.piece(piece)
    await client.finish()


@_when(fault("transport.chunked-garbage", "Bodies are declared as chunked but have no chunks."))
async def _chunked_garbage(answer: UpstreamResponse, client: Client) -> None:
    fields = (*answer.without(b"content-length"), b"transfer-encoding: chunked")
    await client.head(answer.status, fields, chunked=False)
    await client.piece(b"no size\r\n")
    await _body(answer, client)


# -- heads ---------------------------------------------------------------------------------------------------


@_when(fault("transport.garbage-status-line", "Responses start with an invalid status line."))
async def _garbage_status_line(answer: UpstreamResponse, client: Client) -> None:
    await client.head(b"\xfe\xff nonsense", answer.fields, chunked=answer.length is None)
    await _body(answer, client)


@_when(fault("transport.header-flood", f"Responses have {FLOOD} extra header fields."))
async def _header_flood(answer: UpstreamResponse, client: Client) -> None:
    flood = (b"x-flood-%d: %032d" % (number, number) for number in range(FLOOD))
    await client.head(answer.status, (*answer.fields, *flood), chunked=answer.length is None)
    await _body(answer, client)


@_when(fault("transport.redirect-elsewhere", "Every call is redirected to another host with 307."))
async def _redirect_elsewhere(answer: UpstreamResponse, client: Client) -> None:
    fields = (b"location: %b%b" % (ELSEWHERE, answer.target), b"content-length: 0", b"connection: close")
    await client.head(b"HTTP/1.1 307 Temporary Redirect", fields, chunked=False)
