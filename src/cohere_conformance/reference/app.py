"""The application: from an HTTP request to a handler and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from email.utils import format_datetime
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, cast

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, request_response

from cohere_conformance.reference import (
    browsers,
    crash_faults,
    http_faults,
    json_text,
    keys,
    randomness,
    response_faults,
    storage,
    tokenizers,
)
from cohere_conformance.reference.coding import packed
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import (
    HANDLERS,
    IN_THREAD,
    ApiError,
    Event,
    FileResponse,
    JsonResponse,
    StreamResponse,
    new_id,
)
from cohere_conformance.reference.injection import inject, inject_plain
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.receiving import QUICK, receive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from starlette.types import Send

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.handling import Call, HandlerResult
    from cohere_conformance.reference.state import ServerState

UNKNOWN_PATHS = fault("paths.catch-all", "Undeclared paths are an empty object with status 200.")
UNAVAILABLE = fault("paths.unavailable", "Every call fails with 503.")
CLIENT_REFUSED = fault("headers.client-name-refused", "A call with the header X-Client-Name is rejected.")
BUFFERED = fault("streams.buffered", "All events of a stream are sent at once, at its end.")

_LOG = logging.getLogger("uvicorn.error")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_HELD_BACK = 0.03
"""The seconds of an event in a stream that is sent at once."""
_NO_ID = frozenset({"batches", "finetuning"})
"""Groups whose errors have no id (E-01)."""


@cache
def _import_handlers() -> None:
    groups = import_module("cohere_conformance.reference.groups")
    for found in iter_modules(groups.__path__, f"{groups.__name__}."):
        import_module(found.name)


def handled_operations() -> frozenset[str]:
    """Return the labels of the operations that have a handler."""
    _import_handlers()
    return frozenset(HANDLERS)


def application(state: ServerState) -> Starlette:
    """Return the ASGI application of a reference server.

    Args:
        state: of the server; one application for each state.
    """
    _import_handlers()

    async def endpoint(request: Request) -> Response:
        randomness.use(state.randomness)
        response = await respond(request)
        # From the clock of the state; uvicorn would use that of the machine.
        response.raw_headers.insert(0, (b"date", format_datetime(state.clock.now(), usegmt=True).encode()))
        return response

    async def respond(request: Request) -> Response:
        if (preflight := browsers.preflight(request)) is not None:
            return preflight
        response = await _file(request, state)
        if response is None:
            response = await _called(request, state)
            # The live API does not compress streams either.
            if not isinstance(response, StreamingResponse):
                response = await packed(response, request)
        return browsers.readable(response, request.headers)

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=METHODS)])
    # The pattern of a route ends at a line break, which an id can contain.
    app.router.default = request_response(endpoint)
    return app


async def _called(request: Request, state: ServerState) -> Response:
    state.clock.advance(state.time_per_request)
    route = state.contract.route(request.method, _on_server(request.scope["raw_path"]))
    declared = state.contract.operations[route.operation] if route.operation else None
    quota: list[tuple[str, str]] = []
    try:
        authorization = request.headers.get("authorization")
        late = keys.LATE in state.faults
        key = state.keys.holder(authorization, state.faults | ({keys.IGNORED} if late else set()))
        if UNAVAILABLE in state.faults:
            raise ApiError(503, "the service is overloaded")
        crash_faults.addressed(request.scope["raw_path"], route.methods, state.faults)
        if declared is None:
            return _unknown_path(state)
        quota = key.quota(declared.label, state.clock.now(), state.faults)
        if CLIENT_REFUSED in state.faults and "x-client-name" in request.headers:
            raise ApiError(400, "invalid request: the client has no name here")
        call, warnings = await receive(request, declared, key, state)
        if late:
            state.keys.holder(authorization, state.faults)
        outcome = inject(call, response_faults.RESPONSES, await _handled(call))
    except ApiError as refusal:
        return _refused(refusal, declared, quota, request.method, state)
    except ClientDisconnect:
        return Response(status_code=499)
    except Exception:  # noqa: BLE001 - a mock responds to everything
        # The traceback is for the user of the mock; the caller gets what the API would respond.
        _LOG.exception("%s %s failed", request.method, request.url.path)
        return _refused(ApiError(500, "internal server error"), declared, quota, request.method, state)
    match outcome:
        case JsonResponse():
            return _json(outcome, warnings, quota, request.method, state)
        case StreamResponse():
            return _stream(outcome, warnings, quota, state)
        case FileResponse():
            return Response(outcome.content, media_type=outcome.media_type)


def _on_server(path: bytes) -> str:
    """Return a URL of the API with this path, for the router of the contract.

    Args:
        path: as it was sent, still encoded: an encoded slash belongs to a parameter.
    """
    return f"http://localhost{path.decode('ascii', 'replace')}"


async def _handled(call: Call) -> HandlerResult:
    """Return the response of the handler; a call that is large, or reads much, is handled in a thread."""
    handler = HANDLERS[call.operation.label]
    in_thread = IN_THREAD.get(call.operation.label)
    if in_thread == "always" or (in_thread == "large" and call.size > QUICK):
        made = await to_thread.run_sync(handler, call, abandon_on_cancel=True)
    else:
        made = handler(call)
    # The state of the server is changed here only, where nothing else runs meanwhile.
    return made() if callable(made) else made


def _headers(*further: tuple[str, str], traced: bool = True) -> list[tuple[str, str]]:
    """Return the header fields of every response (facts, 2.2)."""
    fields = [
        ("cache-control", "no-cache, no-store, no-transform, must-revalidate, private, max-age=0"),
        ("pragma", "no-cache"),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("x-accel-expires", "0"),
        ("vary", "Origin"),
        ("server", "cohere-conformance-reference"),
    ]
    if traced:
        fields += [
            ("access-control-expose-headers", "X-Debug-Trace-ID"),
            ("x-debug-trace-id", randomness.hex_token(16)),
        ]
    return [*fields, *further]


def _respond(code: int, content: bytes, fields: list[tuple[str, str]], state: ServerState) -> Response:
    response = Response(content, status_code=code)
    length = [("content-length", str(len(content)))]
    response.raw_headers = _encoded(inject_plain(state.faults, http_faults.HEADERS, fields) + length)
    return response


def _encoded(fields: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), text.encode("latin-1", "replace")) for name, text in fields]


def _json(
    response: JsonResponse, warnings: list[str], quota: list[tuple[str, str]], method: str, state: ServerState
) -> Response:
    fields = _headers(("content-type", "application/json"), *quota)
    fields += [("x-api-warning", text) for text in (*response.warnings, *warnings)]
    if response.tokens is not None:
        fields.append(("num_tokens", str(response.tokens)))
    if response.chars is not None:
        fields.append(("num_chars", str(response.chars)))
    content = http_faults.encoded(response.body, state.faults)
    return _respond(http_faults.status(200, method, state.faults), content, fields, state)


def _refused(
    refusal: ApiError,
    declared: Operation | None,
    quota: list[tuple[str, str]],
    method: str,
    state: ServerState,
) -> Response:
    code = http_faults.status(refusal.status, method, state.faults)
    if http_faults.HTML in state.faults:
        page = f"<!doctype html><title>{code}</title><h1>{code} Error</h1>".encode()
        return _respond(code, page, _headers(("content-type", "text/html"), traced=refusal.traced), state)
    body: dict[str, Any] = {"message": refusal.message}
    if declared is None or declared.group not in _NO_ID:
        body = {"id": new_id(), **body}
    # Undeclared, and observed on this operation only (E-03).
    typed = declared is not None and declared.label == "POST /v2/chat"
    if refusal.error_type and typed and state.profile is Profile.LIVE_2026:
        body["error_type"] = refusal.error_type
    content = json_text.spaced(inject_plain(state.faults, http_faults.ERRORS, body)).encode(
        "utf-8", "replace"
    )
    fields = _headers(("content-type", "application/json"), *quota, traced=refusal.traced)
    return _respond(code, content, fields, state)


def _unknown_path(state: ServerState) -> Response:
    """Return the 404 of the multiplexer in front of the live API (E-05)."""
    if UNKNOWN_PATHS in state.faults:
        return _respond(200, b"{}", _headers(("content-type", "application/json")), state)
    return _respond(404, b"404 page not found\n", _headers(("content-type", "text/plain")), state)


def _stream(
    stream: StreamResponse, warnings: list[str], quota: list[tuple[str, str]], state: ServerState
) -> Response:
    fields = _headers(("content-type", stream.media_type), *quota)
    fields += [("x-api-warning", text) for text in (*stream.warnings, *warnings)]
    fields += [("num_tokens", str(stream.tokens))] if stream.tokens is not None else []
    response = _Flow(_chunks(stream, state))
    response.raw_headers = _encoded(inject_plain(state.faults, http_faults.HEADERS, fields))
    return response


class _Flow(StreamingResponse):
    """A stream that is closed as soon as its client disconnects, instead of some time later."""

    async def stream_response(self, send: Send) -> None:
        """Send the events."""
        chunks = cast("AsyncGenerator[bytes, None]", self.body_iterator)
        async with aclosing(chunks):
            await super().stream_response(send)


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


async def _file(request: Request, state: ServerState) -> Response | None:
    """Return the file at a path; `None` if it is not the path of a file."""
    path = request.url.path
    if path.startswith(storage.PREFIX):
        found = storage.fetch(path, state)
        if found is None:
            return Response("wrong address, or its time is over\n", status_code=403, media_type="text/plain")
        return Response(found.content, media_type=found.media_type)
    if path.startswith(tokenizers.PREFIX) and request.method in {"GET", "HEAD"}:
        content = await to_thread.run_sync(tokenizers.fetch, path)
        if content is None:
            return Response("no such tokenizer\n", status_code=404, media_type="text/plain")
        return Response(content, media_type="application/json")
    return None
