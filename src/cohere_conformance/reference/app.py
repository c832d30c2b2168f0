"""The application: from an HTTP request to a handler and back."""

from __future__ import annotations

import logging
from email.utils import formatdate
from functools import cache, lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from cohere_conformance.reference import (
    browsers,
    crash_faults,
    keys,
    randomness,
    response_faults,
    storage,
    tokenizers,
)
from cohere_conformance.reference.coding import pack
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import (
    HANDLERS,
    IN_THREAD,
    ApiError,
    FileResponse,
    JsonResponse,
    StreamResponse,
)
from cohere_conformance.reference.http_messages import (
    ClientDisconnectError,
    HttpRequest,
    HttpResponse,
    file_response,
)
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.receiving import QUICK, receive
from cohere_conformance.reference.responding import (
    error_response,
    json_response,
    stream_response,
    unknown_path,
)
from cohere_conformance.reference.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.types import Receive, Scope, Send

    from cohere_conformance.reference.handling import Call, HandlerResult
    from cohere_conformance.reference.http_messages import Fields
    from cohere_conformance.reference.state import ServerState

    Application = Callable[[Scope, Receive, Send], Coroutine[None, None, None]]

UNAVAILABLE = fault("paths.unavailable", "Every call fails with 503.")
CLIENT_REFUSED = fault("headers.client-name-refused", "A call with the header X-Client-Name is rejected.")

_LOG = logging.getLogger("uvicorn.error")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_FILES = (storage.PREFIX, tokenizers.PREFIX)
"""How the paths of files begin."""


@cache
def _import_handlers() -> None:
    groups = import_module("cohere_conformance.reference.groups")
    for found in iter_modules(groups.__path__, f"{groups.__name__}."):
        import_module(found.name)


def handled_operations() -> frozenset[str]:
    """Return the labels of the operations that have a handler."""
    _import_handlers()
    return frozenset(HANDLERS)


def application(state: ServerState) -> Application:
    """Return the ASGI application of a reference server.

    Args:
        state: of the server; one application for each state.
    """
    _import_handlers()

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        randomness.use(state.randomness)
        request = HttpRequest(scope, receive)
        response = await _response(request, state)
        # From the clock of the state; uvicorn would use that of the machine.
        response.fields.insert(0, (b"date", _date(int(state.clock.now().timestamp()))))
        await response.send(request, send)

    return respond


@lru_cache(maxsize=16)
def _date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()


async def _response(request: HttpRequest, state: ServerState) -> HttpResponse:
    if request.method not in METHODS:
        response = file_response(405, b"Method Not Allowed", "text/plain")
        response.fields.append((b"allow", ", ".join(METHODS).encode()))
        return response
    if (preflight := browsers.preflight(request)) is not None:
        return preflight
    found = await _file(request, state) if request.scope["path"].startswith(_FILES) else None
    response = found or await _called(request, state)
    # The live API does not compress streams either.
    if found is None and response.chunks is None:
        await pack(response, request)
    return browsers.readable(response, request.headers)


async def _called(request: HttpRequest, state: ServerState) -> HttpResponse:
    if state.time_per_request:
        state.clock.advance(state.time_per_request)
    # The path as it was sent: an encoded slash belongs to a parameter.
    route = state.contract.route(request.method, f"http://localhost{request.raw_path}")
    declared = state.contract.operations[route.operation] if route.operation else None
    quota: Fields = []
    faults = state.faults
    try:
        authorization = request.headers.get("authorization")
        late = keys.LATE in faults
        key = state.keys.holder(authorization, faults | {keys.IGNORED} if late else faults)
        if UNAVAILABLE in faults:
            raise ApiError(503, "the service is overloaded")
        if faults:
            crash_faults.addressed(request.scope["raw_path"], route.methods, faults)
        if declared is None:
            return unknown_path(state)
        quota = key.quota(declared.label, state.clock.now, faults)
        if CLIENT_REFUSED in faults and "x-client-name" in request.headers:
            raise ApiError(400, "invalid request: the client has no name here")
        call, warnings = await receive(request, declared, key, state)
        if late:
            state.keys.holder(authorization, faults)
        outcome = inject(call, response_faults.RESPONSES, await _handled(call))
    except ApiError as error:
        return error_response(error, declared, quota, request.method, state)
    except ClientDisconnectError:
        return file_response(499, b"")
    except Exception:  # noqa: BLE001 - a mock responds to everything
        # The traceback is for the user of the mock; the caller gets what the API would respond.
        _LOG.exception("%s %s failed", request.method, request.scope["path"])
        internal = ApiError(500, "internal server error")
        return error_response(internal, declared, quota, request.method, state)
    match outcome:
        case JsonResponse():
            return json_response(outcome, warnings, quota, request.method, state)
        case StreamResponse():
            return stream_response(outcome, warnings, quota, state)
        case FileResponse():
            return file_response(200, outcome.content, outcome.media_type)


async def _handled(call: Call) -> HandlerResult:
    """Return the response of the handler; a call that is large, or reads much, is handled in a thread."""
    handler = HANDLERS[call.operation.label]
    threaded = IN_THREAD.get(call.operation.label)
    if threaded == "always" or (threaded == "large" and call.size > QUICK):
        made = await in_thread(handler, call)
    else:
        made = handler(call)
    # The state of the server is changed here only, where nothing else runs meanwhile.
    return made() if callable(made) else made


async def _file(request: HttpRequest, state: ServerState) -> HttpResponse | None:
    """Return the file at a path; `None` if it is not the path of a file."""
    path: str = request.scope["path"]
    if path.startswith(storage.PREFIX):
        found = storage.fetch(path, state)
        if found is None:
            return file_response(403, b"wrong address, or its time is over\n", "text/plain")
        return file_response(200, found.content, found.media_type)
    if path.startswith(tokenizers.PREFIX) and request.method in {"GET", "HEAD"}:
        content = await in_thread(tokenizers.fetch, path)
        if content is None:
            return file_response(404, b"no such tokenizer\n", "text/plain")
        return file_response(200, content, "application/json")
    return None
