"""Recognises the format of a recording by its content, because names are unreliable."""

from __future__ import annotations

import contextlib
import re
from itertools import islice
from typing import TYPE_CHECKING

import ijson
import msgspec

from cohere_conformance.inputs.jsontext import BoundedStream, Readable
from cohere_conformance.recordings.formats import DetectedFormat, Format, by_keys, by_signature
from cohere_conformance.recordings.jsonstream import BROKEN
from cohere_conformance.recordings.spellings import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    from cohere_conformance.recordings.opening import RecordingFile

HEAD = 64 * 1024
"""Number of bytes that are inspected first."""

NEAR = 1024
"""Number of bytes of the first JSON value in which its keys nearly always show the format."""

FAR = 8 * 1024 * 1024
"""Number of bytes of the first JSON value within which its keys must show the format."""

_DEEPEST = 5
"""Levels of a JSON document that are searched for records."""

_CASSETTE = re.compile(rb"""["']?(?:http_)?interactions["']?[ \t]*:[ \t]*(?:$|[\[#&!])""")
_BEFORE = re.compile(rb"""[ \t]|#|%|---|- |$|["']?[\w.-]+["']?[ \t]*:""")
"""Lines of YAML that may precede the list; prose that quotes a cassette begins differently."""
_ARCHIVE = frozenset({"version", "creator", "browser", "pages", "entries", "comment"})
_TOP = frozenset({"", "item"})
"""Where a JSON document has its first object, in the notation of ijson."""
_LISTS = {"interactions": Format.VCR_JSON, "http_interactions": Format.RUBY_VCR_JSON}
_RECORDS = (
    frozenset({"scope", "path", "response"}),
    frozenset({"when", "then"}),
    frozenset({"method", "url", "status"}),
)
"""Keys that make an object of a JSON document a record, whatever other keys it has."""
_ADDRESSES = frozenset({"url", "urlPath", "path"})
"""Keys for the URL of a request, which has one of them in addition to its method."""

_LINE = msgspec.json.Decoder(dict[str, msgspec.Raw])


def recognise(stream: RecordingFile) -> DetectedFormat:
    """Return the format of a stream, and rewind it to its first byte.

    Raises:
        OSError: it cannot be read twice.
    """
    stream.rewind()
    head = stream.read(HEAD)
    stream.rewind()
    found = _of_head(stream, head)
    stream.rewind()
    return found


def _of_head(stream: RecordingFile, head: bytes) -> DetectedFormat:
    start = head.lstrip()
    if not start:
        return DetectedFormat(Format.EMPTY)
    if (signed := by_signature(head)) is not None:
        return DetectedFormat(signed)
    if start.startswith((b"{", b"[")):
        # An object that does not end its first line early may be the first line of many.
        found = _of_value(stream, lines=start.split(b"\n", 1)[0].strip() not in {b"{", b"["})
        if found is not None:
            return found
    if _is_cassette(head):
        return DetectedFormat(Format.VCR_YAML)
    lines_of = _of_lines(head)
    if lines_of is Format.UNKNOWN and _is_document(stream, start):
        return DetectedFormat(Format.OTHER_DOCUMENT)
    return DetectedFormat(lines_of)


def _of_value(stream: RecordingFile, *, lines: bool) -> DetectedFormat | None:
    """Return the format by the keys of the first JSON value, in any order."""
    for limit in (NEAR, FAR):
        stream.rewind()
        with contextlib.suppress(*BROKEN):
            if found := next(_verdicts(_Capped(stream, limit), lines=lines), None):
                return found
    return None


def _verdicts(stream: Readable, *, lines: bool) -> Iterator[DetectedFormat]:
    seen: dict[str, set[str]] = {}
    depth = 0
    for path, event, value in ijson.parse(BoundedStream(stream), multiple_values=True):
        if event == "start_map":
            depth += 1
            seen[path] = set()
        elif event == "map_key" and depth <= _DEEPEST:
            keys = seen[path]
            keys.add(value)
            if path == "log" and value in _ARCHIVE:
                yield DetectedFormat(Format.HAR)
            elif path in _TOP and (foreign := by_keys(keys)) is not None:
                yield DetectedFormat(foreign)
            elif lines and not path and _is_exchange(keys):
                yield DetectedFormat(Format.JSONL)
            elif (record := _record(seen, path)) is not None:
                yield DetectedFormat(Format.RECORDS, record)
        elif event == "start_array":
            depth += 1
            if path in _LISTS:
                yield DetectedFormat(_LISTS[path])
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


def _is_document(stream: RecordingFile, start: bytes) -> bool:
    """Return whether this is a complete JSON value or YAML mapping of another kind, not a damaged one."""
    if start.startswith((b"{", b"[")):
        stream.rewind()
        try:
            for _ in ijson.basic_parse(BoundedStream(_Capped(stream, FAR))):
                pass
        except BROKEN:
            return False
        return True
    import yaml  # slow to import, and hardly any file needs it

    from cohere_conformance.inputs.yamlevents import LOADER

    try:
        events = yaml.parse(start.rpartition(b"\n")[0] or start, Loader=LOADER)
        return any(isinstance(event, yaml.MappingStartEvent) for event in islice(events, 3))
    except yaml.YAMLError:
        return False


def _of_lines(head: bytes) -> Format:
    """Return the format by all complete lines, because the first one may be broken."""
    found = Format.UNKNOWN
    for line in head.splitlines():
        try:
            keys = _LINE.decode(line).keys() if line.startswith(b"{") else frozenset()
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
        if _is_exchange(keys):
            return Format.JSONL
        if keys:
            found = Format.OTHER_LINES
    return found


def _is_exchange(keys: Set[str]) -> bool:
    """Return whether a line with these keys is an exchange."""
    names = set(map(canonical, keys))
    return ("url" in names and ("method" in names or "status" in names)) or {"request", "response"} <= names


def _record(seen: Mapping[str, Set[str]], path: str) -> str | None:
    """Return the location of the record that has these keys, alone or together with the level above.

    A document may use the words request and response without being a recording: a request has a method and
    a URL.
    """
    if any(wanted <= set(map(canonical, seen[path])) for wanted in _RECORDS):
        return path
    above = path.removesuffix("request").removesuffix(".") if path.endswith("request") else path
    sent = {canonical(key) for key in seen.get(f"{above}.request".lstrip("."), ())}
    if {"request", "response"} <= seen.get(above, set()) and "method" in sent and sent & _ADDRESSES:
        return above
    return None


class _Capped:
    """A stream that ends after a number of bytes."""

    def __init__(self, stream: RecordingFile, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1, /) -> bytes:
        piece = self._stream.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(piece)
        return piece
