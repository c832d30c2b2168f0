"""Divides recordings into parts of bounded size, which several machines parse side by side.

JSON Lines are divided by bytes: a part has the lines that begin in its range. Parquet is divided by its row
groups. Every other recording, and what is compressed, is one part; it is parsed in bounded memory as well.
"""

from __future__ import annotations

import io
import os
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs.bounds import MOST_LINES
from cohere_conformance.recordings import jsonl, parquet
from cohere_conformance.recordings.formats import Format
from cohere_conformance.recordings.jsonstream import Share
from cohere_conformance.recordings.opening import describe, opened
from cohere_conformance.recordings.parse import parse_recording
from cohere_conformance.recordings.sniff import recognise
from cohere_conformance.recordings.storage import is_address, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.model import Exchange
    from cohere_conformance.recordings.notes import RecordingNote
    from cohere_conformance.recordings.opening import RecordingFile

PART = 32 * 2**20
"""Bytes of a part."""
_PIECE = 2**20
_MOST_LINES = MOST_LINES // 2
"""Lines of one range of bytes; more are no exchanges, and may be so many blank ones that parsing ends."""


class RecordingPart(msgspec.Struct, frozen=True):
    """A part of a recording.

    Attributes:
        file: path or address.
        unit: what it is a range of: `bytes`, `groups` of rows, or empty for the complete recording; `shares`
            for a share of the entries of an HTTP archive.
        start: the first byte or group; the number of the share.
        end: the first one that is not in it; the number of shares.
        before: lines or rows of the file before it; `None` if nobody has counted them yet.
    """

    file: str
    unit: str = ""
    start: int = 0
    end: int = 0
    before: int | None = 0

    @property
    def position(self) -> str:
        """Return where it is, for a reader."""
        return f"{self.unit} {self.start} to {self.end - 1}" if self.unit else "start"


def is_large(file: str, part: int) -> bool:
    """Return whether a recording may be more than one part. One that cannot be read is not."""
    try:
        # A pipe or a device has no size.
        return (size_of(file) if is_address(file) else os.stat(file).st_size) > part  # noqa: PTH116
    except OSError:
        return False


def divide(file: str, part: int, shares: int = 1) -> list[RecordingPart]:
    """Return the parts of a recording, in order.

    Args:
        file: path or address.
        part: bytes of a part.
        shares: how many processes read an HTTP archive; each reads all of it and parses its share.
    """
    try:
        with opened(file) as stream:
            found = recognise(stream).format
            if found is Format.JSONL and not stream.packed:
                ends = [*range(0, stream.seek(0, io.SEEK_END), part), stream.tell()]
                return [RecordingPart(file, "bytes", *both, None) for both in pairwise(ends)]
            if found is Format.HAR and shares > 1:
                return [RecordingPart(file, "shares", number, shares) for number in range(shares)]
            if found is Format.PARQUET and not stream.packed:
                groups = parquet.groups(stream, part)
                return [RecordingPart(file, "groups", *group) for group in groups]
    except (OSError, TrafficError):
        pass  # whoever parses it reports what is wrong
    return [RecordingPart(file)]


def count_lines(part: RecordingPart) -> int:
    """Return how many lines begin in a range of bytes.

    Raises:
        OSError: the file cannot be read.
    """
    with opened(part.file) as stream:
        # A line begins after each line feed, and at the first byte.
        found, at = int(part.start == 0), max(part.start - 1, 0)
        stream.seek(at)
        while at < part.end - 1 and (piece := stream.read(min(_PIECE, part.end - 1 - at))):
            found += piece.count(b"\n")
            at += len(piece)
    return found


def numbered(parts: Sequence[RecordingPart], lines: Sequence[int]) -> list[RecordingPart]:
    """Return the parts of one file of JSON Lines with the number of lines before each.

    Where a range has no line of its own, or very many, the file is one part: only a parser that has seen it
    from its beginning knows whether it ends there.

    Args:
        parts: all parts of the file, in order.
        lines: how many lines begin in each.
    """
    if any(not 0 < count <= _MOST_LINES for count in lines):
        return [RecordingPart(parts[0].file)]
    before = [sum(lines[:number]) for number in range(len(lines))]
    return [msgspec.structs.replace(part, before=count) for part, count in zip(parts, before, strict=True)]


def parse_part(part: RecordingPart) -> Iterator[Exchange | TrafficError | RecordingNote]:
    """Yield what `parse_recording` yields of the file, as far as it is in the part.

    A key that looks like a misspelt body gives a note in each part.
    """
    if part.unit in {"", "shares"}:
        yield from parse_recording(part.file, Share(part.start, part.end or 1))
        return
    before = part.before or 0
    try:
        with opened(part.file) as stream:
            if part.unit == "groups":
                yield from parquet.parse(stream, part.file, range(part.start, part.end), before)
            else:
                yield from jsonl.parse(_Lines(stream, part), part.file, before)
            if stream.failure is not None:
                yield TrafficError(part.file, *stream.failure)
    except OSError as error:
        yield TrafficError(part.file, part.position, describe(error))


class _Lines:
    """The lines of a stream that begin in a range of its bytes."""

    def __init__(self, stream: RecordingFile, part: RecordingPart) -> None:
        self._stream = stream
        self._end = part.end
        if part.start == 0:
            stream.rewind()
        else:
            stream.seek(part.start - 1)
            while (piece := stream.readline(_PIECE)) and not piece.endswith(b"\n"):
                pass
        self._at = stream.tell()
        self._begins = True

    def readline(self, size: int = -1, /) -> bytes:
        """Return the next line, or its next piece of a size; nothing at the end of the range."""
        if self._begins and self._at >= self._end:
            return b""
        line = self._stream.readline(size)
        self._at += len(line)
        self._begins = line.endswith(b"\n")
        return line
