"""Parses requests and responses that were recorded as the text of HTTP/1."""

from __future__ import annotations

import re

import msgspec

from cohere_conformance.model import Headers
from cohere_conformance.recordings.scalars import UnusableError

_END = re.compile(rb"\r?\n\r?\n")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]*\r?\n")


class Message(msgspec.Struct, frozen=True):
    """An HTTP/1 message.

    Attributes:
        start: the words of its first line.
        headers: its header fields.
        body: without chunked framing.
    """

    start: tuple[str, ...]
    headers: Headers
    body: bytes


def parse(data: bytes) -> Message:
    """Parse a message.

    Raises:
        UnusableError: the bytes are no message.
    """
    match = _END.search(data)
    head, body = (data, b"") if match is None else (data[: match.start()], data[match.end() :])
    first, *lines = head.decode("latin-1").splitlines() or [""]
    start = tuple(first.split(None, 2))
    if len(start) < 2:
        raise UnusableError(f"expected the first line of an HTTP message, found {first[:40]!r}")
    fields = headers_of(lines)
    if any(name == "transfer-encoding" and "chunked" in value.lower() for name, value in fields):
        body = _unchunked(body)
    return Message(start, fields, body)


def headers_of(lines: list[str]) -> Headers:
    """Return the fields of header lines."""
    pairs = (line.partition(":") for line in lines)
    return tuple((name.strip().lower(), value.strip()) for name, colon, value in pairs if colon and name)


def _unchunked(body: bytes) -> bytes:
    """Return a body without chunked framing, which recorders may have removed already."""
    pieces: list[bytes] = []
    at = 0
    while (match := _SIZE.match(body, at)) is not None:
        size = int(match[1], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(body[match.end() : match.end() + size])
        at = match.end() + size
        at += 2 if body.startswith(b"\r\n", at) else 1 if body.startswith(b"\n", at) else 0
    return body if not pieces else b"".join(pieces)
