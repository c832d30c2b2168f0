"""Undoes the content codings of a body, with a bound on what may come out."""

from __future__ import annotations

import importlib
import zlib
from typing import TYPE_CHECKING

from cohere_conformance.inputs.bounds import LONGEST, MOST_CODINGS

if TYPE_CHECKING:
    from collections.abc import Iterable


_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW = zlib.MAX_WBITS | 16
_STEP = 64 * 1024
_MOST_MEMBERS = 100_000
"""Members of one gzip body: an empty one takes twenty bytes, and as much time as a large one."""


class CodecError(ValueError):
    """A body cannot be decoded; the message says why."""


def decode(body: bytes, codings: Iterable[str], limit: int | None = None) -> bytes:
    """Return the content of a body.

    Recorders often undo a coding and keep the header, so a body that does not look encoded is taken as it is.

    Args:
        body: the bytes as recorded.
        codings: the values of the content-encoding fields, in the order in which they were applied.
        limit: bytes that may come out; `LONGEST` if not given.

    Raises:
        CodecError: the body is encoded but damaged, too large, or in a coding that cannot be undone here.
    """
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if len(names) > MOST_CODINGS:
        raise CodecError(f"the body has {len(names)} content codings; at most {MOST_CODINGS} are undone")
    for name in reversed(names):
        body = _decode_one(body, name, LONGEST if limit is None else limit)
    return body


def _decode_one(body: bytes, coding: str, limit: int) -> bytes:
    if coding in {"gzip", "x-gzip"}:
        return _inflate(body, _GZIP_WINDOW, limit) if body.startswith(_GZIP) else body
    if coding == "deflate":
        if _is_zlib(body):
            return _inflate(body, zlib.MAX_WBITS, limit)
        # Some servers send deflate without the zlib header, which no magic number tells from text.
        return body if _is_text(body) else _inflate(body, -zlib.MAX_WBITS, limit)
    if coding == "br":
        return body if _is_text(body) else _brotli(body, limit)
    if coding == "zstd" and body.startswith(_ZSTD):
        raise CodecError("the body is compressed by zstd, which is not supported: record it decoded")
    return body


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    at, room, members = 0, limit, 1
    member = zlib.decompressobj(window)
    while True:
        # In steps: what is behind the end of a member is copied each time.
        step = body[at : at + _STEP]
        if not step:
            raise CodecError("the compressed body ends too early")
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
        if window != _GZIP_WINDOW or not body.startswith(_GZIP, at):
            return b"".join(pieces)
        members += 1
        if members > _MOST_MEMBERS:
            raise CodecError(f"the compressed body has more than {_MOST_MEMBERS:,} members")
        member = zlib.decompressobj(window)


def _brotli(body: bytes, limit: int) -> bytes:
    try:
        brotli = importlib.import_module("brotli")
    except ImportError:
        raise CodecError("the body is compressed by br: install the package brotli to read it") from None
    decoder = brotli.Decompressor()
    pieces: list[bytes] = []
    room = limit
    # Fed in small steps: the decoder has no bound of its own on what one call returns.
    for start in range(0, len(body), 64):
        try:
            piece: bytes = decoder.process(body[start : start + 64])
        except brotli.error as error:
            raise CodecError(f"the compressed body is damaged ({error})") from error
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        pieces.append(piece)
    if not decoder.is_finished():
        raise CodecError("the compressed body ends too early")
    return b"".join(pieces)


def _too_large(limit: int) -> CodecError:
    return CodecError(f"the body unpacks to more than {limit:,} bytes")


def _is_zlib(body: bytes) -> bool:
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
