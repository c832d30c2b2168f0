"""Checks the limits of JSON text before it is parsed, so that no document can exhaust the memory."""

from __future__ import annotations

import re
from bisect import bisect
from itertools import accumulate
from typing import NamedTuple, Protocol

from cohere_conformance.inputs.bounds import (
    DEEPEST,
    LONGEST,
    LONGEST_NUMBER,
    MOST_BODY_CONTAINERS,
    MOST_BODY_VALUES,
    MOST_VALUES,
    TOO_DEEP,
    TOO_LONG,
    TOO_LONG_NUMBER,
    TOO_MANY,
)

_PIECE = 64 * 1024
_BUT_MARKS = bytes(set(range(256)) - set(b'[]{},"'))
_OF_NUMBERS = b"0123456789+-.eE"
_SAMPLE = LONGEST_NUMBER // 40
_SAMPLED = re.compile(rb"[0-9+.eE-]{40}")
"""Distance of the samples that find a number that is too long; checking each byte takes much longer."""
_LONG_NUMBER = re.compile(rb"[0-9+.eE-]{%d}" % (LONGEST_NUMBER + 1))
_STEP = [0] * 256
_STEP[ord("[")] = _STEP[ord("{")] = 1
_STEP[ord("]")] = _STEP[ord("}")] = -1


class Readable(Protocol):
    """Bytes that can be read."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most as many as wanted; none at the end."""


class BoundedStream:
    """A JSON document that ends, for its parser, where it exceeds a limit.

    The text before that location is parsed as usual, so that no exchange before it is lost.

    Args:
        stream: the document.

    Attributes:
        exceeded: the limit that was exceeded, in words; `None` if none was.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._scan = _Scan()
        self.exceeded: str | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, of any number; none at the end, or after a limit is exceeded."""
        if self.exceeded is not None or not size:
            return b""
        # Return more and more of a long text: a parser starts again with a token that is cut off.
        length = self._scan.length
        piece = self._stream.read(max(_PIECE, min(length, LONGEST + 1 - length)))
        for start in range(0, len(piece), _PIECE):
            part = piece[start : start + _PIECE]
            scan = self._scan.after(part)
            self.exceeded = scan.exceeded()
            if self.exceeded is not None:
                return piece[: start + self._within(part)]
            self._scan = scan
        return piece

    def begin(self) -> None:
        """Start to count values again: an exchange is complete."""
        self._scan = self._scan.begun()

    def _within(self, piece: bytes) -> int:
        """Return how many bytes of a piece are within the limits."""

        def exceeds(size: int) -> bool:
            return self._scan.after(piece[:size]).exceeded() is not None

        return bisect(range(1, len(piece)), False, key=exceeds)


def within_limits(text: bytes) -> bool:
    """Return whether the complete JSON text of one exchange exceeds no limit."""
    opened = text.count(b"[") + text.count(b"{")
    short = len(text) <= LONGEST_NUMBER or (len(text) <= MOST_VALUES and not _SAMPLED.search(text[::_SAMPLE]))
    if opened <= DEEPEST and short:
        return True
    # What was counted may be inside of strings.
    scan = _Scan()
    for start in range(0, len(text), _PIECE):
        scan = scan.after(text[start : start + _PIECE])
        if scan.exceeded() is not None:
            return False
    return True


def excess(text: bytes) -> str | None:
    """Return which limit the JSON in a body exceeds; `None` if none.

    The parser itself checks the depth, which does not exhaust the memory.
    """
    if _fits(text.count(b"[") + text.count(b"{"), text.count(b",")):
        return None
    # That count includes characters inside strings.
    scan = _Scan()
    for start in range(0, len(text), _PIECE):
        scan = scan.after(text[start : start + _PIECE])
        if scan.containers > MOST_BODY_CONTAINERS:
            return f"more than {MOST_BODY_CONTAINERS:,} arrays and objects in one body"
        if scan.values > MOST_BODY_VALUES:
            return f"more than {MOST_BODY_VALUES:,} values in one body"
    return None


def _fits(containers: int, commas: int) -> bool:
    return containers <= MOST_BODY_CONTAINERS and containers + commas <= MOST_BODY_VALUES


class _Scan(NamedTuple):
    """The state of a scan at a position of a document.

    Attributes:
        depth: number of open lists and mappings.
        deepest: maximum number of open ones, if it exceeds the limit.
        text: whether the position is inside a string.
        escaped: whether the next character belongs to an escape.
        length: bytes since the beginning of the last token.
        number: characters of the number at the end; above the limit if a number in the piece was too long.
        containers: number of lists and mappings.
        values: number of values, by the number of commas.
    """

    depth: int = 0
    deepest: int = 0
    text: bool = False
    escaped: bool = False
    length: int = 0
    number: int = 0
    containers: int = 0
    values: int = 0

    def after(self, piece: bytes) -> _Scan:
        """Return the state after a piece of the document."""
        rest = piece[1:] if self.escaped else piece
        escaped = False
        if b"\\" in rest:
            if b"\\\\" in rest:
                rest = rest.replace(b"\\\\", b"")
            rest = rest.replace(b'\\"', b"")
            escaped = rest.endswith(b"\\")
        parts = rest.translate(None, _BUT_MARKS).split(b'"')
        structure = b"".join(parts[self.text :: 2])
        opened = structure.count(b"[") + structure.count(b"{")
        commas = structure.count(b",")
        deepest = self.depth + opened
        if deepest > DEEPEST:
            brackets = structure.translate(None, b",")
            deepest = max(accumulate(map(_STEP.__getitem__, brackets), initial=self.depth))
        one_token = len(parts) == 1 and not structure
        return _Scan(
            depth=self.depth + 2 * opened + commas - len(structure),
            deepest=deepest,
            text=self.text ^ (len(parts) % 2 == 0),
            escaped=escaped,
            length=self.length + len(piece) if one_token else len(rest) - rest.rfind(b'"') - 1,
            number=self._number(rest),
            containers=self.containers + opened,
            values=self.values + opened + commas,
        )

    def _number(self, rest: bytes) -> int:
        """Return the length of the number at the end, or of a number in the piece that is too long."""
        last = len(rest) - len(rest.rstrip(_OF_NUMBERS))
        if last == len(rest):
            return 0 if self.text else self.number + last
        if not self.number and not _SAMPLED.search(rest[::_SAMPLE]):
            return last
        bare = b" ".join(rest.split(b'"')[self.text :: 2])
        first = 0 if self.text else len(bare) - len(bare.lstrip(_OF_NUMBERS))
        longer = self.number + first > LONGEST_NUMBER or _LONG_NUMBER.search(bare) is not None
        return LONGEST_NUMBER + 1 if longer else min(last, LONGEST_NUMBER)

    def begun(self) -> _Scan:
        """Return the same state with all counts at zero."""
        return self._replace(containers=0, values=0)

    def exceeded(self) -> str | None:
        """Return the limit of one exchange that is exceeded."""
        if self.deepest > DEEPEST:
            return TOO_DEEP
        if self.length > LONGEST:
            return TOO_LONG
        if self.number > LONGEST_NUMBER:
            return TOO_LONG_NUMBER
        return TOO_MANY if self.values > MOST_VALUES else None
