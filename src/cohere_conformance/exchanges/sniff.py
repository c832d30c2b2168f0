"""Recognises what kind of recording a file is by its content; names lie."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

import ijson
import msgspec
import yaml

from cohere_conformance.exchanges.formats import Format, Found, by_signature
from cohere_conformance.exchanges.jsonstream import BROKEN
from cohere_conformance.exchanges.spellings import canonical
from cohere_conformance.inputs.jsontext import BoundedStream
from cohere_conformance.inputs.yamlevents import LOADER

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from cohere_conformance.exchanges.opening import Recording

HEAD = 64 * 1024
"""Bytes that are looked at first."""

FAR = 8 * 1024 * 1024
"""Bytes that the first JSON value may take until its keys must have told what it is."""

_DEEPEST = 4
"""Levels of a JSON document down to which records are looked for."""

_CASSETTE = re.compile(rb"""["']?(?:http_)?interactions["']?[ \t]*:[ \t]*(?:$|[\[#&!])""")
_BEFORE = re.compile(rb"""[ \t]|#|%|---|- |$|["']?[\w.-]+["']?[ \t]*:""")
"""What a line of YAML may be before the list: prose that quotes a cassette starts otherwise."""
_ARCHIVE = frozenset({"version", "creator", "browser", "pages", "entries", "comment"})
_LISTS = {"interactions": Format.VCR_JSON, "http_interactions": Format.RUBY_VCR_JSON}
_RECORDS = (
    frozenset({"request", "response"}),
    frozenset({"scope", "path", "response"}),
    frozenset({"when", "then"}),
    frozenset({"method", "url", "status"}),
)
"""Keys that make an object of a JSON document a record, whatever else it has."""

_LINE = msgspec.json.Decoder(dict[str, msgspec.Raw])


def recognise(stream: Recording) -> Found:
    """Return what the stream holds and leave it at its first byte.

    Raises:
        OSError: it cannot be read twice.
    """
    stream.rewind()
    head = stream.read(HEAD)
    stream.rewind()
    found = _of_head(stream, head)
    stream.rewind()
    return found


def _of_head(stream: Recording, head: bytes) -> Found:
    start = head.lstrip()
    if not start:
        return Found(Format.EMPTY)
    if (signed := by_signature(head)) is not None:
        return Found(signed)
    if start.startswith((b"{", b"[")):
        found = _of_value(stream)
        one_line = start.split(b"\n", 1)[0].strip() != b"{"
        if found is not None:
            # An object of a record's keys is the first line of many, or a document of its own.
            lines = found == (Format.RECORDS, "") and one_line
            return Found(Format.JSONL) if lines else found
    if _is_cassette(head):
        return Found(Format.VCR_YAML)
    lines_of = _of_lines(head)
    if lines_of is Format.UNKNOWN and _is_document(stream, start):
        return Found(Format.OTHER_DOCUMENT)
    return Found(lines_of)


def _of_value(stream: Recording) -> Found | None:
    """Judge by the keys of the first JSON value, wherever they stand in it."""
    try:
        return next((found for found in _verdicts(stream)), None)
    except BROKEN:
        return None


def _verdicts(stream: Recording) -> Iterator[Found]:
    seen: dict[str, set[str]] = {}
    depth = 0
    for path, event, value in ijson.parse(_Capped(BoundedStream(stream), FAR), multiple_values=True):
        if event == "start_map":
            depth += 1
            seen[path] = set()
        elif event == "map_key" and depth <= _DEEPEST:
            keys = seen[path]
            keys.add(value)
            if path == "log" and value in _ARCHIVE:
                yield Found(Format.HAR)
            elif not path and keys >= {"info", "item"}:
                yield Found(Format.POSTMAN)
            elif _is_record(keys) or (not path and _tells(keys)):
                yield Found(Format.RECORDS, path)
        elif event == "start_array":
            depth += 1
            if path in _LISTS:
                yield Found(_LISTS[path])
        elif event in {"end_map", "end_array"}:
            depth -= 1
            if depth == 0:
                return


def _is_cassette(head: bytes) -> bool:
    for line in head.splitlines():
        if _CASSETTE.match(line):
            return True
        if not _BEFORE.match(line):
            return False
    return False


def _is_document(stream: Recording, start: bytes) -> bool:
    """Tell whether this is a whole JSON value or a YAML mapping about something else; damage is neither."""
    if start.startswith((b"{", b"[")):
        stream.rewind()
        try:
            for _ in ijson.basic_parse(_Capped(BoundedStream(stream), FAR)):
                pass
        except BROKEN:
            return False
        return True
    try:
        events = yaml.parse(start.rpartition(b"\n")[0] or start, Loader=LOADER)
        return any(isinstance(event, yaml.MappingStartEvent) for event in islice(events, 3))
    except yaml.YAMLError:
        return False


def _of_lines(head: bytes) -> Format:
    """Judge by the lines that are there whole, since the first of them may be the broken one."""
    found = Format.UNKNOWN
    for line in head.splitlines():
        try:
            keys = _LINE.decode(line).keys() if line.startswith(b"{") else frozenset()
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
        if _tells(keys):
            return Format.JSONL
        if keys:
            found = Format.OTHER_LINES
    return found


def _tells(keys: Set[str]) -> bool:
    """Tell whether a line with these keys tells an exchange."""
    names = set(map(canonical, keys))
    return ("url" in names and ("method" in names or "status" in names)) or {"request", "response"} <= names


def _is_record(keys: Set[str]) -> bool:
    """Tell whether an object with these keys, anywhere in a document, tells an exchange."""
    names = set(map(canonical, keys))
    return any(wanted <= names for wanted in _RECORDS)


class _Capped:
    """A stream that ends after so many bytes."""

    def __init__(self, stream: BoundedStream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)[: self._left]
        self._left -= len(piece)
        return piece
