"""Parses JSON Lines: one exchange in each line, with parsed bodies, as in logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs.bounds import LONGEST, MOST_LINES, MOST_VALUES
from cohere_conformance.inputs.jsontext import excess
from cohere_conformance.model import Exchange, Headers, Request, Response, Source, StreamEvent
from cohere_conformance.recordings import har, vcr
from cohere_conformance.recordings.bodies import encode, json_bytes
from cohere_conformance.recordings.fields import assemble, first, headers, status, timestamp
from cohere_conformance.recordings.notes import RecordingNote, misnamed_bodies
from cohere_conformance.recordings.scalars import UnusableError
from cohere_conformance.recordings.spellings import renamed

if TYPE_CHECKING:
    from collections.abc import Iterator

_NULL = msgspec.Raw(b"null")
_PIECE = 64 * 1024


class _Row(msgspec.Struct):
    """One line. Bodies stay as they were written: re-encoding would only cost time and fidelity."""

    method: str | None = None
    url: str | None = None
    request_headers: Any = None
    request_body: msgspec.Raw = _NULL
    status: Any = None
    response_headers: Any = None
    content_type: str | None = None
    streaming: bool | None = None
    response_body: msgspec.Raw = _NULL
    recorded_at: Any = None
    request: Any = None
    response: Any = None


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    data: msgspec.Raw
    event: str | None = None
    at: float | None = None


_ROW = msgspec.json.Decoder(_Row)
_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LONGEST_KEY = 100
_EVENTS = msgspec.json.Decoder(list[_Event])


class _LineReader(Protocol):
    def readline(self, size: int = -1, /) -> bytes: ...


def parse(
    stream: _LineReader, file: str, before: int = 0
) -> Iterator[Exchange | TrafficError | RecordingNote]:
    """Yield the exchange of each line, or an error for a line without one; blank lines are skipped.

    Keys that look like a misspelt body give a note, once for each file.

    Args:
        stream: the lines.
        file: path of the file as given by the caller.
        before: number of lines in the file before those of the stream.
    """
    blank = 0
    remarked: set[str] = set()
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST + 1), b""), before + 1):
        position = f"line {number}"
        if line.isspace() and len(line) <= LONGEST:
            blank += 1
            if blank > MOST_LINES:
                yield TrafficError(file, position, f"reading ends here: more than {MOST_LINES:,} blank lines")
                return
            continue
        blank = 0
        try:
            if len(line) > LONGEST:
                raise UnusableError(f"a line of more than {LONGEST // 2**20} MiB")
            exchange = exchange_of(line, file, position)
            yield exchange
            for key, name in _misnamed(line, exchange):
                if key not in remarked:
                    remarked.add(key)
                    yield RecordingNote(file, position, f"`{key}` is not read: did you mean `{name}`?")
        except UnusableError as error:
            yield TrafficError(file, position, str(error))
        if len(line) > LONGEST and not _passed_over(stream):
            most = 2 * LONGEST // 2**20
            yield TrafficError(file, position, f"reading ends here: a line of more than {most} MiB")
            return


def _misnamed(line: bytes, exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Yield keys that look like the bodies that a line does not have."""
    absent = [
        name
        for name, body in (
            ("request_body", exchange.request.body),
            ("response_body", exchange.response.body or exchange.response.events),
        )
        if body is None
    ]
    if not absent:
        return
    try:
        keys = [key[:_LONGEST_KEY] for key in _KEYS.decode(line)]
    except (msgspec.DecodeError, ValueError, RecursionError):
        return  # the line may have other mistakes, but its exchange was parsed
    yield from misnamed_bodies(keys, absent)


def _passed_over(stream: _LineReader) -> bool:
    """Skip to the end of a line that is too long; return whether it was found."""
    for _ in range(0, LONGEST, _PIECE):
        piece = stream.readline(_PIECE)
        if not piece or piece.endswith(b"\n"):
            return True
    return False


def exchange_of(line: bytes, file: str, position: str) -> Exchange:
    """Return the exchange of a line.

    Raises:
        UnusableError: it is not JSON, or no exchange.
    """
    if len(line) > MOST_VALUES and (found := excess(line)) is not None:
        raise UnusableError(found)
    row = _decode(line)
    if row.request is None and not (row.status and row.url and row.method and row.response_headers):
        row = _respelled(line) or row
    if row.request is not None:
        # A complete interaction on the line; an entry of an archive has its body in `content`.
        archived = isinstance(row.response, dict) and isinstance(row.response.get("content"), dict)
        nested = {"request": row.request, "response": row.response, "recorded_at": row.recorded_at}
        make = har.exchange_of if archived else vcr.exchange_of
        return make(nested, file, position)
    response_headers = headers(row.response_headers)
    if row.content_type and first(response_headers, "content-type") is None:
        response_headers = (*response_headers, ("content-type", row.content_type))
    raw = bytes(row.response_body)
    events = _events(raw) if _is_stream(row, raw, response_headers) else None
    return assemble(
        Request(
            method=row.method or "",
            url=row.url or "",
            headers=headers(row.request_headers),
            body=_body(bytes(row.request_body)),
        ),
        Response(
            status=status(row.status),
            headers=response_headers,
            body=_body(raw) if events is None else None,
            events=events,
        ),
        Source(file, position, timestamp(row.recorded_at)),
    )


def _decode(line: bytes) -> _Row:
    try:
        return _ROW.decode(line)
    except msgspec.ValidationError as error:
        raise UnusableError(f"expected the fields of an exchange: {error}") from error
    except (msgspec.DecodeError, ValueError, RecursionError):
        # Stricter than what Python's own recorders write: NaN and lone surrogates still are an exchange.
        return _decode_leniently(line)


def _respelled(line: bytes) -> _Row | None:
    """Return a row whose keys have other names than those of this project; `None` where none has."""
    try:
        keys = _KEYS.decode(line)
        found = renamed(keys)
        return None if found.keys() == keys.keys() else _ROW.decode(msgspec.json.encode(found))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _decode_leniently(line: bytes) -> _Row:
    values = _loads(line)
    if isinstance(values, dict):
        for name in ("request_body", "response_body"):
            values[name] = msgspec.Raw(json.dumps(values.get(name)).encode("ascii"))
    try:
        return msgspec.convert(values, _Row)
    except msgspec.ValidationError as error:
        raise UnusableError(f"expected the fields of an exchange: {error}") from error


def _loads(raw: bytes) -> Any:
    # The reason says only what and where: a decoder's message may quote the text, and that may be a key.
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise UnusableError(f"not JSON: {error.msg} (column {error.pos + 1})") from error
    except ValueError as error:
        raise UnusableError(f"not JSON: {type(error).__name__}") from error
    except RecursionError:
        raise UnusableError("nested too deeply: beyond every parser's limit") from None


def _is_stream(row: _Row, raw: bytes, fields: Headers) -> bool:
    if not raw.startswith(b"["):
        return False
    if row.streaming is not None:
        return row.streaming
    media_type = (first(fields, "content-type") or "").partition(";")[0].strip().lower()
    return media_type in {"text/event-stream", "application/stream+json", "application/x-ndjson"}


def _body(raw: bytes) -> bytes | None:
    if raw == b"null":
        return None
    return encode(_loads(raw)) if raw.startswith(b'"') else raw


def _events(raw: bytes) -> tuple[StreamEvent, ...]:
    try:
        return tuple(
            StreamEvent(_data(bytes(each.data)), each.event, each.at) for each in _EVENTS.decode(raw)
        )
    except (msgspec.DecodeError, ValueError, RecursionError):
        # Not the usual objects with name and data: each element is a frame as it was received.
        return tuple(map(_event, _loads(raw)))


def _data(raw: bytes) -> str:
    return str(_loads(raw)) if raw.startswith(b'"') else raw.decode("utf-8")


def _event(value: Any) -> StreamEvent:
    name = None
    if isinstance(value, dict) and "data" in value and value.keys() <= {"event", "data", "id", "retry", "at"}:
        name = value.get("event")
        value = value["data"]
    data = value if isinstance(value, str) else json_bytes(value).decode("utf-8")
    return StreamEvent(data, name if isinstance(name, str) else None)
