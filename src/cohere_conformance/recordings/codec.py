"""Undoes the content codings of a body, with a bound on what may come out."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import brotli
import zstandard

from cohere_conformance.inputs.bounds import LONGEST, MOST_CODINGS
from cohere_conformance.inputs.codings import GZIP, GZIP_MAGIC, is_zlib, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW = zlib.MAX_WBITS | 16
_STEP = 64 * 1024
_MOST_MEMBERS = 100_000
"""Members of one gzip body: an empty one takes twenty bytes, and as much time as a large one."""
_ZSTD_WINDOW = 128 * 2**20
"""Memory that a frame of zstd may ask for; more is no coding that a server may use (RFC 9659: 8 MB)."""
_ZSTD_STEP = 256
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a]")
_ENDED = "the compressed body ends too early"


class CodecError(ValueError):
    """A body cannot be decoded; the message says why."""


class TooLargeError(CodecError):
    """A body, encoded or decoded, exceeds the size limit."""


def decode(body: bytes, codings: Iterable[str], limit: int | None = None) -> bytes:
    """Return the content of a body.

    Recorders often decode a body and keep the header, so a body that does not look encoded is unchanged.

    Args:
        body: the bytes as recorded.
        codings: the values of the content-encoding fields, in the order in which they were applied.
        limit: maximum bytes of the content; `LONGEST` if not given.

    Raises:
        CodecError: the body is encoded but damaged, or its coding is not supported.
        TooLargeError: it exceeds a limit.
    """
    names = names_of(codings)
    if len(names) > MOST_CODINGS:
        raise TooLargeError(f"the body has {len(names)} content codings; at most {MOST_CODINGS} are undone")
    for name in reversed(names):
        body = _decode_one(body, name, LONGEST if limit is None else limit)
    return body


def _decode_one(body: bytes, coding: str, limit: int) -> bytes:
    if coding in GZIP:
        return _inflate(body, _GZIP_WINDOW, limit) if body.startswith(GZIP_MAGIC) else body
    if coding == "zstd":
        return _zstd(body, limit) if body.startswith(_ZSTD) else body
    if coding == "deflate" and is_zlib(body):
        return _inflate(body, zlib.MAX_WBITS, limit)
    # None of the others has a magic number that distinguishes it from text.
    if _is_text(body):
        return body
    if coding == "deflate":
        # Some servers send it without the zlib header.
        return _inflate(body, -zlib.MAX_WBITS, limit)
    if coding == "br":
        return _brotli(body, limit)
    raise CodecError(f"the content coding {coding[:40]!r} is unknown")


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    at, room, members = 0, limit, 1
    member = zlib.decompressobj(window)
    while True:
        # In steps: what is behind the end of a member is copied each time.
        step = body[at : at + _STEP]
        if not step:
            raise CodecError(_ENDED)
        try:
            piece = member.decompress(step, room + 1)
        except zlib.error as error:
            raise CodecError(f"the compressed body is damaged ({error})") from error
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        pieces.append(piece)
        at += len(step) - len(member.unused_data)
        if not member.eof:
            continue
        # A gzip body may be several members in a row; anything else behind the end is padding.
        if window != _GZIP_WINDOW or not body.startswith(GZIP_MAGIC, at):
            return b"".join(pieces)
        members += 1
        if members > _MOST_MEMBERS:
            raise TooLargeError(f"the compressed body has more than {_MOST_MEMBERS:,} members")
        member = zlib.decompressobj(window)


def _brotli(body: bytes, limit: int) -> bytes:
    decoder = brotli.Decompressor()
    pieces: list[bytes] = []
    room, given = limit, body
    while not decoder.is_finished():
        try:
            piece: bytes = decoder.process(given, output_buffer_limit=min(room + 1, 2**20))
        except brotli.error as error:
            raise CodecError(f"the compressed body is damaged ({error})") from error
        given = b""
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        if not piece and decoder.can_accept_more_data():
            raise CodecError(_ENDED)
        pieces.append(piece)
    return b"".join(pieces)


def _zstd(body: bytes, limit: int) -> bytes:
    pieces: list[bytes] = []
    at, room = 0, limit
    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = decoder.decompressobj()
    while at < len(body):
        # In small steps: the decoder has no bound of its own on what one call returns.
        step = body[at : at + _ZSTD_STEP]
        try:
            piece = frame.decompress(step)
        except zstandard.ZstdError as error:
            raise CodecError(f"the compressed body is damaged ({error})") from error
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        pieces.append(piece)
        at += len(step) - len(frame.unused_data)
        if frame.eof and at < len(body):
            if not body.startswith(_ZSTD, at):
                break
            frame = decoder.decompressobj()
    if not frame.eof:
        raise CodecError(_ENDED)
    return b"".join(pieces)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the body unpacks to more than {limit:,} bytes")


def _is_text(body: bytes) -> bool:
    """Return whether this may be text; compressed bytes that are UTF-8 by chance have control characters."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(body)
