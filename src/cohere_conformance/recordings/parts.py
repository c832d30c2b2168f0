"""Divides recordings into parts of bounded size, which several processes parse side by side.

JSON Lines are divided by bytes: a part has the lines that begin in its range. Parquet is divided by its row
groups. The processes of one machine get runs of the entries of an HTTP archive. Every other recording, and
what is compressed, is one part; it is parsed in bounded memory as well.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs.bounds import LONGEST, MOST_LINES
from cohere_conformance.recordings import har, jsonl, parquet
from cohere_conformance.recordings.formats import Format
from cohere_conformance.recordings.jsonitems import RunItems
from cohere_conformance.recordings.opening import describe, opened
from cohere_conformance.recordings.parse import parse_recording
from cohere_conformance.recordings.sniff import recognise
from cohere_conformance.recordings.storage import is_address, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.model import Exchange
    from cohere_conformance.recordings.notes import RecordingNote
    from cohere_conformance.recordings.opening import RecordingFile

PART = 32 * 2**20
"""Bytes of a part."""
_SMALL_PART = 2**20
"""Bytes of a part for the processes of one machine, so that all of them end at about the same time."""
_LARGEST = 8 * 2**20
"""Bytes up to which a file that cannot be divided is left to one process; larger ones are parsed here."""
_PIECE = 2**17
"""Bytes that are read at once; memory for larger pieces is fetched from the system anew for each of them."""
_MOST_LINES = MOST_LINES // 2
"""Lines of one range of bytes; more are no exchanges, and may be so many blank ones that parsing ends."""
_UNCOUNTED = _MOST_LINES + 1
"""Lines of a range that cannot be read."""


class RecordingPart(msgspec.Struct, frozen=True):
    """A part of a recording.

    Attributes:
        file: path or address.
        unit: what it is a range of: `bytes` of lines or of `entries`, `groups` of rows, or empty for the
            complete recording.
        start: the first byte or group.
        end: the first one that is not in it.
        before: lines, entries or rows of the file before it; `None` if nobody has counted them yet.
        spans: where each of the entries begins and ends, from the first byte.
    """

    file: str
    unit: str = ""
    start: int = 0
    end: int = 0
    before: int | None = 0
    spans: Sequence[tuple[int, int]] = ()

    @property
    def position(self) -> str:
        """Return where it is, for a reader."""
        unit = "bytes" if self.unit == "entries" else self.unit
        return f"{unit} {self.start} to {self.end - 1}" if unit else "start"


def is_large(file: str, part: int) -> bool:
    """Return whether a recording may be more than one part. One that cannot be read is not."""
    try:
        # A pipe or a device has no size.
        return (size_of(file) if is_address(file) else os.stat(file).st_size) > part  # noqa: PTH116
    except OSError:
        return False


def pieces(file: str) -> Iterator[RecordingPart | Iterator[Exchange | TrafficError | RecordingNote]]:
    """Yield small parts of a recording for other processes, and then the values that only this one can parse.

    Args:
        file: path or address of a recording that is worth dividing.
    """
    if is_address(file):
        yield parse_recording(file)  # to read it once
        return
    try:
        with opened(file) as stream:
            if recognise(stream).format is Format.HAR and not stream.packed:
                runs, rest = har.divide(stream, file)
                for before, start, spans in runs:
                    yield RecordingPart(file, "entries", start, start + spans[-1][1], before, spans)
                yield _to_the_end(rest, stream, file)
                return
    except OSError:
        yield RecordingPart(file)  # whoever parses it reports what is wrong
        return
    parts = divide(file, _SMALL_PART)
    if len(parts) > 1:
        yield from numbered(parts, map(_lines, parts)) if parts[0].before is None else parts
    elif is_large(file, _LARGEST):
        yield parse_recording(file)
    else:
        yield RecordingPart(file)


def _to_the_end(
    rest: Iterator[Exchange | TrafficError], stream: RecordingFile, file: str
) -> Iterator[Exchange | TrafficError]:
    yield from rest
    if stream.failure is not None:
        yield TrafficError(file, *stream.failure)


def _lines(part: RecordingPart) -> int:
    try:
        return count_lines(part)
    except OSError:
        return _UNCOUNTED


def divide(file: str, part: int) -> list[RecordingPart]:
    """Return the parts of a recording, in order.

    Args:
        file: path or address.
        part: bytes of a part.
    """
    try:
        with opened(file) as stream:
            found = recognise(stream).format
            if found is Format.JSONL and not stream.packed:
                ends = [*range(0, stream.seek(0, io.SEEK_END), part), stream.tell()]
                return [RecordingPart(file, "bytes", *both, None) for both in pairwise(ends)]
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


def numbered(parts: Sequence[RecordingPart], lines: Iterable[int]) -> Iterator[RecordingPart]:
    """Yield the parts of one file of JSON Lines with the number of lines before each.

    A range without a line of its own belongs to the part before it. Where a line may be so long, or blank
    lines so many, that parsing ends there, the rest of the file is one part.

    Args:
        parts: all parts of the file, in order.
        lines: how many lines begin in each; each number is taken shortly before its part is yielded.
    """
    before = without = 0
    last = parts[0]
    for part, count in zip(parts, lines, strict=True):
        without = 0 if count else without + part.end - part.start
        if count > _MOST_LINES or without > LONGEST:
            whole = last.start == 0
            yield RecordingPart(part.file) if whole else replace(last, end=parts[-1].end)
            return
        if part is last:
            last = replace(part, before=0)
        elif count:
            yield last
            last = replace(part, before=before)
        else:
            last = replace(last, end=part.end)
        before += count
    yield last


def parse_part(part: RecordingPart) -> Iterator[Exchange | TrafficError | RecordingNote]:
    """Yield what `parse_recording` yields of the file, as far as it is in the part.

    A key that looks like a misspelt body gives a note in each part.
    """
    if not part.unit:
        yield from parse_recording(part.file)
        return
    before = part.before or 0
    try:
        with opened(part.file) as stream:
            if part.unit == "entries":
                stream.seek(part.start)
                text = stream.read(part.end - part.start)
                yield from har.parse_run(RunItems(text, before, part.spans), part.file)
            elif part.unit == "groups":
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
