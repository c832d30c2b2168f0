"""Parses the output of `curl -v`: the lines of requests and responses, and the bodies between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs.bounds import LONGEST
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.recordings.fields import assemble, first, status
from cohere_conformance.recordings.message import headers_of
from cohere_conformance.recordings.scalars import UnusableError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

_LEFT = re.compile(rb"\* (?:Connection|Closing|Connected|Excess|Re-using|Issue another)[^\n]*\n?\Z")
_PLAIN = re.compile(rb"\bport 80\b|^\* +Trying [^\n]*:80\.\.\.")
_METER = re.compile(rb"\s*(?:% Total|Dload|\d+ +\S+ +\d+ +\S+ +\d+ .*--:--)|[{}] \[\d+ bytes data\]")
"""What curl shows of its progress."""


class _Talk:
    """One request and what followed it."""

    def __init__(self, number: int, line: bytes, *, plain: bool) -> None:
        self.line = number
        self.start = line.decode("latin-1").split()
        self.plain = plain
        self.sent: list[str] = []
        self.status: list[str] = []
        self.received: list[str] = []
        self.body: list[bytes] = []


def parse(stream: io.BufferedReader, file: str) -> Iterator[Exchange | TrafficError]:
    """Yield the exchange of each request, or an error for one without a response."""
    talk: _Talk | None = None
    plain, size = False, 0
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST + 1), b""), 1):
        size += len(line)
        if size > LONGEST:
            yield TrafficError(file, f"line {number}", f"output of curl of more than {LONGEST // 2**20} MiB")
            return
        if line.startswith(b"> "):
            if talk is None or talk.status:
                if talk is not None:
                    yield _made(talk, file)
                talk, size = _Talk(number, line[2:], plain=plain), 0
            elif line.strip() != b">":
                talk.sent.append(line[2:].decode("latin-1").rstrip("\r\n"))
        elif line.startswith(b"<") and line[1:2] in {b" ", b"\r", b"\n"} and talk is not None:
            _received(talk, line[2:].decode("latin-1").rstrip("\r\n"))
        elif line.startswith(b"* ") and not (talk and talk.body):
            plain = _PLAIN.search(line) is not None if b"ort " in line or b"Trying" in line else plain
        elif talk is not None and talk.status and not _METER.match(line):
            talk.body.append(line)
    if talk is not None:
        yield _made(talk, file)


def _received(talk: _Talk, line: str) -> None:
    if line.startswith("HTTP/"):
        # After an interim response, such as 100, the final one follows.
        talk.status, talk.received = line.split(None, 2), []
    elif line:
        talk.received.append(line)


def _made(talk: _Talk, file: str) -> Exchange | TrafficError:
    position = f"line {talk.line}"
    try:
        return _exchange(talk, Source(file, position))
    except UnusableError as error:
        return TrafficError(file, position, str(error))


def _exchange(talk: _Talk, source: Source) -> Exchange:
    if len(talk.start) < 2 or len(talk.status) < 2:
        raise UnusableError("no response was recorded")
    sent, received = headers_of(talk.sent), headers_of(talk.received)
    host = first(sent, "host") or ""
    scheme = "http" if talk.plain else "https"
    # If the body has no line break at its end, the next message of curl follows on the same line.
    body = _LEFT.sub(b"", b"".join(talk.body))
    return assemble(
        Request(talk.start[0], f"{scheme}://{host}{talk.start[1]}" if host else talk.start[1], sent),
        Response(status(talk.status[1]), received, body.rstrip(b"\r\n") if body else None),
        source,
    )
