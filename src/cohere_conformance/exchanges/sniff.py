"""Recognises what kind of recording a file is by its content; names lie."""

from __future__ import annotations

import enum
import re
from itertools import islice
from typing import TYPE_CHECKING

import ijson
import msgspec
import yaml

from cohere_conformance.exchanges.jsonstream import BROKEN
from cohere_conformance.inputs.jsontext import BoundedStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from cohere_conformance.exchanges.opening import Recording

HEAD = 64 * 1024
"""Bytes that are looked at first."""

FAR = 8 * 1024 * 1024
"""Bytes that the first JSON value may take until its keys must have told what it is."""

_CASSETTE = re.compile(rb"""["']?(?:http_)?interactions["']?[ \t]*:[ \t]*(?:$|[\[#&!])""")
_BEFORE = re.compile(rb"""[ \t]|#|%|---|- |$|["']?[\w.-]+["']?[ \t]*:""")
"""What a line of YAML may be before the list: prose that quotes a cassette starts otherwise."""
_ARCHIVE = frozenset({"version", "creator", "browser", "pages", "entries", "comment"})
_LISTS = frozenset({"interactions", "http_interactions"})


class Format(enum.StrEnum):
    """What a file is."""

    HAR = "HAR"
    VCR_YAML = "VCR cassette (YAML)"
    VCR_JSON = "VCR cassette (JSON)"
    RUBY_VCR_JSON = "Ruby VCR cassette (JSON)"
    JSONL = "JSON Lines"
    OTHER_LINES = "JSON Lines that tell no exchanges"
    OTHER_DOCUMENT = "a JSON or YAML document that tells no exchanges"
    UNKNOWN = "unknown"
    EMPTY = "empty"


_LINE = msgspec.json.Decoder(dict[str, msgspec.Raw])


def recognise(stream: Recording) -> Format:
    """Return what the stream holds and leave it at its first byte.

    Raises:
        OSError: it is a pipe, which cannot be read twice.
    """
    stream.rewind()
    head = stream.read(HEAD)
    stream.rewind()
    found = _of_head(stream, head)
    stream.rewind()
    return found


def _of_head(stream: Recording, head: bytes) -> Format:
    start = head.lstrip()
    if not start:
        return Format.EMPTY
    if start.startswith(b"{"):
        found = _of_value(stream)
        one_line = start.split(b"\n", 1)[0].strip() != b"{"
        if found is not None and (found is not Format.JSONL or one_line):
            return found
    if _is_cassette(head):
        return Format.VCR_YAML
    found = _of_lines(head)
    return Format.OTHER_DOCUMENT if found is Format.UNKNOWN and _is_document(stream, start) else found


def _of_value(stream: Recording) -> Format | None:
    """Judge by the keys of the first JSON value, wherever they stand in it."""
    try:
        return next((found for found in _verdicts(stream)), None)
    except BROKEN:
        return None


def _verdicts(stream: Recording) -> Iterator[Format]:
    depth = 0
    key = ""
    seen: set[str] = set()
    for event, value in ijson.basic_parse(_Capped(BoundedStream(stream), FAR), multiple_values=True):
        if event == "map_key":
            if depth == 1:
                key = value
                seen.add(key)
                if _tells(seen):
                    yield Format.JSONL
            elif depth == 2 and key == "log" and value in _ARCHIVE:
                yield Format.HAR
        elif event in {"start_map", "start_array"}:
            if event == "start_array" and depth == 1 and key in _LISTS:
                yield Format.VCR_JSON if key == "interactions" else Format.RUBY_VCR_JSON
            depth += 1
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
        events = yaml.parse(start.rpartition(b"\n")[0] or start, Loader=yaml.CSafeLoader)
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
    return ("url" in keys and ("method" in keys or "status" in keys)) or {"request", "response"} <= keys


class _Capped:
    """A stream that ends after so many bytes."""

    def __init__(self, stream: BoundedStream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)[: self._left]
        self._left -= len(piece)
        return piece
