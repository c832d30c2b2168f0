"""From the result of a handler, or an error, to the response that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cohere_conformance.reference import http_faults, json_text, randomness, response_faults
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, Event, JsonResponse, StreamResponse, new_id
from cohere_conformance.reference.http_messages import VARIES, HttpResponse
from cohere_conformance.reference.injection import inject_plain
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.http_messages import Fields
    from cohere_conformance.reference.state import ServerState

UNKNOWN_PATHS = fault("paths.catch-all", "Undeclared paths are an empty object with status 200.")
BUFFERED = fault("streams.buffered", "All events of a stream are sent at once, at its end.")

_HELD_BACK = 0.03
"""The seconds of an event in a stream that is sent at once."""
_NO_ID = frozenset({"batches", "finetuning"})
"""Groups whose errors have no id (E-01)."""
_ALWAYS: Final[Fields] = [
    (b"cache-control", b"no-cache, no-store, no-transform, must-revalidate, private, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"x-accel-expires", b"0"),
    VARIES,
    (b"server", b"cohere-conformance-reference"),
]
"""The header fields of every response (facts, 2.2)."""
_EXPOSED = (b"access-control-expose-headers", b"X-Debug-Trace-ID")
_JSON = (b"content-type", b"application/json")


def _headers(*further: tuple[bytes, bytes], traced: bool = True) -> Fields:
    trace = (_EXPOSED, (b"x-debug-trace-id", randomness.hex_token(16).encode())) if traced else ()
    return [*_ALWAYS, *trace, *further]


def _respond(code: int, content: bytes, fields: Fields, state: ServerState) -> HttpResponse:
    fields = inject_plain(state.faults, http_faults.HEADERS, fields)
    fields.append((b"content-length", b"%d" % len(content)))
    return HttpResponse(code, fields, content)


def _warned(warnings: tuple[str, ...]) -> Fields:
    return [(b"x-api-warning", text.encode("latin-1", "replace")) for text in warnings]


def json_response(
    result: JsonResponse, warnings: tuple[str, ...], quota: Fields, method: str, state: ServerState
) -> HttpResponse:
    """Return the response for a JSON body.

    Args:
        result: of the handler.
        warnings: about the request.
        quota: header fields about the key.
        method: of the request.
        state: of the server.
    """
    fields = _headers(_JSON, *quota, *_warned(result.warnings + warnings))
    if result.tokens is not None:
        fields.append((b"num_tokens", b"%d" % result.tokens))
    if result.chars is not None:
        fields.append((b"num_chars", b"%d" % result.chars))
    content = http_faults.encoded(result.body, state.faults)
    return _respond(http_faults.status(200, method, state.faults), content, fields, state)


def error_response(
    error: ApiError, declared: Operation | None, quota: Fields, method: str, state: ServerState
) -> HttpResponse:
    """Return the response for an error.

    Args:
        error: the error.
        declared: the operation, if the contract declares it.
        quota: header fields about the key.
        method: of the request.
        state: of the server.
    """
    code = http_faults.status(error.status, method, state.faults)
    if http_faults.HTML in state.faults:
        page = f"<!doctype html><title>{code}</title><h1>{code} Error</h1>".encode()
        return _respond(code, page, _headers((b"content-type", b"text/html"), traced=error.traced), state)
    body: dict[str, Any] = {"message": error.message}
    if declared is None or declared.group not in _NO_ID:
        body = {"id": new_id(), **body}
    # Undeclared, and observed on this operation only (E-03).
    typed = declared is not None and declared.label == "POST /v2/chat"
    if error.error_type and typed and state.profile is Profile.LIVE_2026:
        body["error_type"] = error.error_type
    text = json_text.spaced(inject_plain(state.faults, http_faults.ERRORS, body))
    fields = _headers(_JSON, *quota, traced=error.traced)
    return _respond(code, text.encode("utf-8", "replace"), fields, state)


def unknown_path(state: ServerState) -> HttpResponse:
    """Return the 404 of the multiplexer in front of the live API (E-05)."""
    if UNKNOWN_PATHS in state.faults:
        return _respond(200, b"{}", _headers(_JSON), state)
    return _respond(404, b"404 page not found\n", _headers((b"content-type", b"text/plain")), state)


def stream_response(
    stream: StreamResponse, warnings: tuple[str, ...], quota: Fields, state: ServerState
) -> HttpResponse:
    """Return the response for a stream.

    Args:
        stream: of the handler.
        warnings: about the request.
        quota: header fields about the key.
        state: of the server.
    """
    media_type = (b"content-type", stream.media_type.encode())
    fields = _headers(media_type, *quota, *_warned(stream.warnings + warnings))
    fields += [(b"num_tokens", b"%d" % stream.tokens)] if stream.tokens is not None else []
    fields = inject_plain(state.faults, http_faults.HEADERS, fields)
    return HttpResponse(200, fields, chunks=_chunks(stream, state))


async def _chunks(stream: StreamResponse, state: ServerState) -> AsyncGenerator[bytes, None]:
    """Yield one chunk for each event; each is sent before the next is made."""
    waiting = b""
    with _closed(stream.events) as events:
        for event in events:
            chunk = _framed(event, stream.media_type).encode("utf-8", "replace")
            chunk = response_faults.chunk(chunk, state.faults)
            if BUFFERED in state.faults:
                waiting += chunk
            else:
                yield chunk
            # Even 0 seconds let the event loop send. A buffered stream has to take some time to be noticed,
            # as it does with a model at work.
            await asyncio.sleep(max(state.pause, _HELD_BACK) if BUFFERED in state.faults else state.pause)
    if waiting:
        yield waiting


@contextmanager
def _closed(events: Iterable[Event]) -> Iterator[Iterable[Event]]:
    """Close the generator of the events, even if the client has disconnected."""
    try:
        yield events
    finally:
        if isinstance(events, Generator):
            events.close()


def _framed(event: Event, media_type: str) -> str:
    data = event.data if isinstance(event.data, str) else json_text.spaced(event.data)
    if media_type != "text/event-stream":
        return f"{data}\n"
    name = f"event: {event.name}\n" if event.name is not None else ""
    return f"{name}data: {data}\n\n"
