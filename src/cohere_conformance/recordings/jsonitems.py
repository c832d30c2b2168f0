"""Parses the elements of a list in a JSON document as fast as they can be decoded, in bounded memory.

Each element is delimited and decoded as a whole. From the first one on that is not plain, because it is
broken or exceeds a limit, the rest of the document is left to an incremental parser, which knows what is
wrong.
"""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import ijson
import msgspec

from cohere_conformance.inputs.bounds import LONGEST
from cohere_conformance.inputs.jsontext import BoundedStream, within_limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIECE = 64 * 1024
_RAW = msgspec.json.Decoder(msgspec.Raw)
_SEVERAL = msgspec.json.Decoder(list[msgspec.Raw])
# Not as `float`: a number that no float can represent must not end the parsing.
_VALUE = msgspec.json.Decoder(float_hook=Decimal)
_PROBLEM = re.compile(r"(.*) \(byte (\d+)\)")
"""What the decoder says of a value that something follows, or of a broken one; the byte is one too many."""
_CUT = 16
"""Bytes at the end of a text in which a mistake may be a number, a word or an escape that goes on."""
_OBJECT = re.compile(rb"\s*\{\s*")
_KEY = re.compile(rb'"([^"\\\x00-\x1f]{0,100})"\s*:\s*')
_COMMA = re.compile(rb"\s*,\s*")
_LIST = re.compile(rb"\s*\[\s*")
_FIRST_KEY = re.compile(rb'\{\s*"[^"\\]{1,100}"')
_ENOUGH = 1024
"""Bytes in which a match is complete, or there is none."""


class _UnclearError(Exception):
    """The text is broken, unusual or too long, or ends."""


class JsonRun(NamedTuple):
    """Elements that follow each other.

    Attributes:
        before: number of elements before them.
        start: the first byte of the first one in the stream.
        spans: where each begins and ends, from there.
    """

    before: int
    start: int
    spans: list[tuple[int, int]]


class JsonItems:
    """The elements of a list in a document.

    Args:
        stream: the document, from its first byte.
        path: location of the elements in the notation of ijson: `log.entries.item`; empty for the document.

    Attributes:
        number: of complete elements so far.
    """

    def __init__(self, stream: io.BufferedReader, path: str) -> None:
        self._stream = stream
        self._path = path
        self.number = 0
        self._offset = stream.tell()  # of the text in the stream
        self._text = b""
        self._at = 0  # the beginning of the current element
        self._opening = b""
        self._alike = True  # whether elements begin as no other object does
        self._rest: BoundedStream | None = None

    @property
    def exceeded(self) -> str | None:
        """The limit that the document exceeds after the last element; `None` if it exceeds none."""
        return None if self._rest is None else self._rest.exceeded

    def read(self) -> Iterator[tuple[int, object]]:
        """Yield the number, from 1, and the value of each element.

        Raises:
            ijson.JSONError: the document is broken.
            ValueError: likewise, by a number.
            ArithmeticError: likewise.
        """
        try:
            for text, following in self._plain_elements():
                value = self._decoded(text)
                self.number += 1
                self._at = following
                yield self.number, value
        except _UnclearError:
            pass
        yield from self.rest()

    def runs(self, most: int, size: int) -> Iterator[JsonRun]:
        """Yield runs of plain elements, without decoding them; what is left afterwards is in `rest`.

        Args:
            most: number of elements that a run has at most.
            size: bytes from which a run ends.
        """
        start = 0
        spans: list[tuple[int, int]] = []
        try:
            for text, following in self._plain_elements():
                at = self._offset + self._at
                start = start if spans else at
                spans.append((at - start, at - start + len(text)))
                self.number += 1
                self._at = following
                if len(spans) >= most or spans[-1][1] >= size:
                    yield JsonRun(self.number - len(spans), start, spans)
                    spans = []
        except _UnclearError:
            pass
        if spans:
            yield JsonRun(self.number - len(spans), start, spans)

    def rest(self) -> Iterator[tuple[int, object]]:
        """Yield the elements from the first one on that is not plain, or is the last one.

        Raises:
            ijson.JSONError: as `read`.
            ValueError: likewise.
            ArithmeticError: likewise.
        """
        self._rest = BoundedStream(_Chain(self._opening + self._text[self._at :], self._stream))
        for value in ijson.items(self._rest, self._path):
            self._rest.begin()
            self.number += 1
            yield self.number, value

    def _plain_elements(self) -> Iterator[tuple[bytes, int]]:
        """Yield the text of the current element, and the beginning of the next one."""
        self._enter()
        while True:
            for end, following in self._delimited():
                yield self._plain(end), following

    def _enter(self) -> None:
        """Go to the first element of the list."""
        *names, last = self._path.split(".")
        if last != "item":
            raise _UnclearError
        at, opening = 0, b""
        for name in names:
            at = self._matched(_OBJECT, at).end()
            while (key := self._matched(_KEY, at))[1] != name.encode():
                while (end := self._end(key.end())) is None:
                    self._more()
                at = self._matched(_COMMA, end).end()
            at, opening = key.end(), opening + b'{"%s":' % key[1]
        at = self._matched(_LIST, at).end()
        self._plain(at)
        self._at, self._opening = at, opening + b"["

    def _matched(self, pattern: re.Pattern[bytes], at: int) -> re.Match[bytes]:
        while (match := pattern.match(self._text, at)) is None or match.end() == len(self._text):
            if len(self._text) - at > _ENOUGH:
                raise _UnclearError
            self._more()
        return match

    def _delimited(self) -> Iterator[tuple[int, int]]:
        """Yield the end of the current element and the beginning of the next one, then those of others."""
        end, following = self._delimit()
        yield end, following
        yield from self._further(end, following)

    def _further(self, end: int, following: int) -> Iterator[tuple[int, int]]:
        """Yield the same of the elements that were read already, delimited at once in a quarter of the time.

        Args:
            end: of the last element.
            following: the beginning of the next one.
        """
        key = _FIRST_KEY.match(self._text, following)
        if not self._alike or key is None:
            return
        # What is between two elements, with the first key. A list of elements ends before the last of these.
        last = self._text.rfind(self._text[end - 1 : key.end()], following)
        try:
            several = _SEVERAL.decode(b"[%s]" % self._text[following : last + 1]) if last > 0 else []
        except (msgspec.DecodeError, RecursionError):
            self._alike = False
            return
        for one in several:
            end = following + len(memoryview(one))
            comma = _COMMA.match(self._text, end)
            if comma is None:
                return
            following = comma.end()
            yield end, following

    def _delimit(self) -> tuple[int, int]:
        """Return the end of the current element, and the beginning of the next one."""
        while True:
            end = self._end(self._at)
            comma = None if end is None else _COMMA.match(self._text, end)
            if end is not None and comma is not None and comma.end() < len(self._text):
                return end, comma.end()
            if end is not None and comma is None:
                raise _UnclearError  # the last one
            self._more()

    def _end(self, at: int) -> int | None:
        """Return where the first character after a value and white space is; `None` if it is not read yet."""
        try:
            _RAW.decode(memoryview(self._text)[at:])
        except msgspec.DecodeError as error:
            problem = _PROBLEM.search(str(error))
            where = at + int(problem[2]) - 1 if problem is not None else len(self._text)
            if problem is not None and problem[1].endswith("trailing characters"):
                return where
            if where < len(self._text) - _CUT:
                raise _UnclearError from error
        except RecursionError as error:
            raise _UnclearError from error
        return None

    def _more(self) -> None:
        """Read more, each time as much again, and forget what is before the current element."""
        left = self._text[self._at :]
        piece = self._stream.read(max(_PIECE, len(left))) if len(left) <= LONGEST else b""
        if not piece:
            raise _UnclearError
        self._offset += self._at
        self._text, self._at = left + piece, 0

    def _plain(self, end: int) -> bytes:
        """Return the text up to an offset; what is wrong with it is seen without decoding it, too."""
        text = self._text[self._at : end]
        try:
            if not text.isascii():
                text.decode()
        except UnicodeDecodeError as error:
            raise _UnclearError from error
        if not within_limits(text):
            raise _UnclearError
        return text

    def _decoded(self, text: bytes) -> object:
        try:
            return _VALUE.decode(text)
        except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
            raise _UnclearError from error


class RunItems(JsonItems):
    """The elements of a `JsonRun`, which were delimited and checked before.

    Args:
        text: from the first byte of the run to its last one.
        before: as of the run.
        spans: likewise.
    """

    def __init__(self, text: bytes, before: int, spans: Sequence[tuple[int, int]]) -> None:
        super().__init__(io.BufferedReader(io.BytesIO(b"]")), "item")
        self.number = before
        self._text = text
        self._opening = b"["
        self._spans = spans

    def _plain_elements(self) -> Iterator[tuple[bytes, int]]:
        following = [*(start for start, _ in self._spans[1:]), len(self._text)]
        for (start, end), next_start in zip(self._spans, following, strict=True):
            yield self._text[start:end], next_start


class _Chain:
    """Some bytes, and then those of a stream."""

    def __init__(self, first: bytes, stream: io.BufferedReader) -> None:
        self._first = io.BytesIO(first)  # shares the bytes, and what is read of them is copied once
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; none at the end."""
        return self._first.read(size) or self._stream.read(size)
