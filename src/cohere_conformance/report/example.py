"""The example of a finding: its order among others, its address and its command, without secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.report.shape import Example

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

LONGEST_BODY = 16_384
"""Bodies above this many bytes are not repeated: a report stays small, and half a body proves nothing."""
LONGEST_PATH = 4096
"""Longer names of files are cut; no system has them."""
LONGEST_TEXT = 500
"""Texts above this are cut in a row."""

Order = tuple[str, tuple[tuple[str, int, str], ...], str, str]
"""What examples are ordered by: file, position by its numbers, position as written, time."""

_NUMBERS = re.compile(r"([0-9]+)")
_SECRET = re.compile(
    rb'(?i)("(?:api_?key|(?:access_|refresh_)?token|(?:client_)?secret|password|authorization)"\s*:\s*)"(?:[^"\\]|\\.)*"'
)


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return `text` as it can be written in UTF-8, cut to `longest` characters.

    Recorded JSON may hold unpaired surrogates, and so may the name of a file.
    """
    if len(text) > longest:
        text = f"{text[:longest]}... (+{len(text) - longest} characters)"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def order(exchange: Exchange) -> Order:
    """Return the place of an exchange in the one order that does not depend on who read it first."""
    source = exchange.source
    position = clean(source.position)
    return (clean(source.file, LONGEST_PATH), _natural(position), position, source.recorded_at or "")


def example(exchange: Exchange, *, curl: bool) -> Example:
    """Return what a row keeps of an exchange."""
    source, request = exchange.source, exchange.request
    return Example(
        file=clean(source.file, LONGEST_PATH),
        position=clean(source.position),
        recorded_at=clean(source.recorded_at) if source.recorded_at else None,
        request=clean(f"{request.method} {request.url}"),
        curl=_command(exchange) if curl and len(request.body or b"") <= LONGEST_BODY else None,
    )


def _command(exchange: Exchange) -> str:
    """Return the command that repeats the request, with what looks like a secret in its body replaced.

    Addresses and headers lost their credentials when they were read. Bodies are left alone there, because
    they are judged; here they are about to be pasted into a ticket.
    """
    if exchange.request.body:
        body = _SECRET.sub(rb'\1"REDACTED"', exchange.request.body)
        exchange = msgspec.structs.replace(
            exchange, request=msgspec.structs.replace(exchange.request, body=body)
        )
    command = exchange.as_curl()
    return clean(command, len(command))


def _natural(position: str) -> tuple[tuple[str, int, str], ...]:
    """Order `line 9` before `line 10`: a number by its length, then by its digits."""
    parts = _NUMBERS.split(position)
    numbers = [part.lstrip("0") for part in parts[1::2]] + [""]
    return tuple((text, len(number), number) for text, number in zip(parts[::2], numbers, strict=True))
