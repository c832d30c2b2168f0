"""The example of a finding: its order among others, its address and its command, without secrets."""

from __future__ import annotations

import codecs
import re
from itertools import islice
from typing import TYPE_CHECKING

from cohere_conformance.privacy import redact
from cohere_conformance.report.shape import Example

if TYPE_CHECKING:
    from cohere_conformance.curl import Command
    from cohere_conformance.model import Exchange, Headers, Request, Response, StreamEvent
    from cohere_conformance.report.sdk_effect import SdkParse

_LONGEST_REPEATED = 16_384
"""Requests are not repeated if body and command have more bytes: a report stays small, and half a body proves
nothing."""
LONGEST_EVIDENCE = 4096
"""Requests and answers above this many bytes are cut where they are shown side by side."""
LONGEST_PATH = 4096
"""Longer names of files are cut; no system has them."""
LONGEST_TEXT = 500
"""Texts above this are cut in a row."""

Order = tuple[str, tuple[tuple[str, int, str], ...], str, str]
"""What examples are ordered by: file, position by its numbers, position as written, time."""

Quality = tuple[bool, bool, int]
"""How good an example is; the best one is the smallest: meant to fail, one of several, size in bytes."""

Rank = tuple[bool, bool, int, Order]
"""What examples of one finding are ordered by: quality, order."""

_MOST_EVENTS = 1000
_USER = re.compile(r"(?<=://)[^/?#\s]*@")
_NUMBERS = re.compile(r"([0-9]+)")


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return `text` as it can be written in UTF-8, cut to `longest` characters.

    Recorded JSON may hold unpaired surrogates, and so may the name of a file.
    """
    if len(text) > longest:
        text = f"{text[:longest]}... (+{len(text) - longest} characters)"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def without_password(text: str) -> str:
    """Return `text` without the credentials of an address in it: a report is handed on."""
    return redact.text(_USER.sub("", text))


def order(exchange: Exchange) -> Order:
    """Return the place of an exchange in the one order that does not depend on who read it first."""
    source = exchange.source
    position = clean(source.position)
    return (clean(source.file, LONGEST_PATH), natural(position), position, source.recorded_at or "")


def quality_of(exchange: Exchange, meant_to_fail: bool, *, one_of_several: bool = False) -> Quality:
    """Return how good an example an exchange is.

    Args:
        exchange: with a finding.
        one_of_several: whether its test compares several exchanges: one alone may show nothing.
        meant_to_fail: whether the server should or may refuse the request: it shows best what is about
            refusals, and badly everything else.
    """
    sent, received = exchange.request, exchange.response
    size = len(sent.url) + len(sent.body or b"") + len(received.body or b"")
    size += sum(len(event.data) for event in received.events or ())
    size += sum(len(name) + len(value) for name, value in sent.headers)
    return meant_to_fail, one_of_several, size


def example(exchange: Exchange, *, curl: bool, sdks: tuple[SdkParse, ...] = ()) -> Example:
    """Return what a row keeps of an exchange; without `curl` nothing repeats the body of its request.

    Nothing of it shows a credential: it is about to be pasted into a ticket.

    Args:
        exchange: with a finding.
        curl: whether a command repeats its request.
        sdks: how official SDKs parsed its response, as far as that was asked for.
    """
    exchange = redact.exchange(exchange)
    source, request = exchange.source, exchange.request
    command = repeating(exchange) if curl else None
    return Example(
        file=clean(source.file, LONGEST_PATH),
        position=clean(source.position),
        recorded_at=clean(source.recorded_at) if source.recorded_at else None,
        request=clean(f"{request.method} {request.url}"),
        curl=command and command.line,
        inexact=tuple(map(clean, command.inexact)) if command else (),
        request_text=_request_text(request, bodies=curl),
        response_text=_response_text(exchange.response),
        sdks=sdks,
    )


def repeating(exchange: Exchange) -> Command | None:
    """Return the command that repeats the request of a redacted exchange; `None` if it is too long.

    A long body has a short command if it repeats one thing.
    """
    command = exchange.curl
    size = min(len(exchange.request.body or b""), len(command.line))
    return command if size <= _LONGEST_REPEATED else None


def _request_text(request: Request, *, bodies: bool) -> str:
    head = _head(f"{request.method} {request.url}", (*request.headers, *request.access.headers))
    return _evidence(head, request.body if bodies else None)


def _response_text(response: Response) -> str:
    first = f"HTTP {response.status}" if response.status else "no answer"
    if failure := response.failure:
        first += f" ({failure.kind}: {failure.detail})"
    body = response.body
    if body is None and response.events is not None:
        body = "".join(islice(map(_event, response.events), _MOST_EVENTS)).encode("utf-8", "backslashreplace")
    return _evidence(_head(first, response.headers), body)


def _event(event: StreamEvent) -> str:
    lines = [f"event: {event.event}"] if event.event is not None else []
    lines += [f"data: {line}" for line in event.data.split("\n")]
    return "\n".join(lines) + "\n\n"


def _head(first: str, headers: Headers) -> str:
    return "\n".join([first, *(f"{name}: {value}" for name, value in headers)])


def _evidence(head: str, body: bytes | None) -> str:
    """Return a request or a response as text, cut."""
    raw = head.encode("utf-8", "backslashreplace")
    size = len(raw)
    if body:
        raw, size = raw + b"\n\n" + body[:LONGEST_EVIDENCE], size + 2 + len(body)
    # Not final: the bytes of a character that was cut in two are left out instead of being shown as escapes.
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    text = decoder.decode(raw[:LONGEST_EVIDENCE], final=size <= LONGEST_EVIDENCE)
    return text if size <= LONGEST_EVIDENCE else f"{text}... (+{size - LONGEST_EVIDENCE} bytes)"


def natural(position: str) -> tuple[tuple[str, int, str], ...]:
    """Return what orders `line 9` before `line 10`: a number by its length, then by its digits."""
    parts = _NUMBERS.split(position)
    numbers = [part.lstrip("0") for part in parts[1::2]] + [""]
    return tuple((text, len(number), number) for text, number in zip(parts[::2], numbers, strict=True))
