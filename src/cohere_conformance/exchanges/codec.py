"""Undoes the content codings of a body, with a bound on what may come out."""

from __future__ import annotations

import importlib
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 256 * 1024 * 1024
"""Bytes that one body may have when decoded: a few kilobytes can unpack to many gigabytes."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW = zlib.MAX_WBITS | 16


class CodecError(ValueError):
    """A body cannot be decoded; the message says why."""


def decode(body: bytes, codings: Iterable[str], limit: int | None = None) -> bytes:
    """Return the content of a body.

    Recorders often undo a coding and keep the header, so a body that does not look encoded is taken as it is.

    Args:
        body: the bytes as recorded.
        codings: the values of the content-encoding fields, in the order in which they were applied.
        limit: bytes that may come out; `LIMIT` unless told.

    Raises:
        CodecError: the body is encoded but damaged, too large, or in a coding that cannot be undone here.
    """
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    for name in reversed(names):
        body = _decode_one(body, name, LIMIT if limit is None else limit)
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
    room = limit
    while True:
        member = zlib.decompressobj(window)
        try:
            piece = member.decompress(body, room + 1)
        except zlib.error as error:
            raise CodecError(f"the compressed body is damaged ({error})") from error
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        if not member.eof:
            raise CodecError("the compressed body ends too early")
        pieces.append(piece)
        body = member.unused_data
        # A gzip body may be several members in a row; anything else behind the end is padding.
        if window != _GZIP_WINDOW or not body.startswith(_GZIP):
            return b"".join(pieces)


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
    return CodecError(f"the body unpacks to more than {limit} bytes")


def _is_zlib(body: bytes) -> bool:
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
