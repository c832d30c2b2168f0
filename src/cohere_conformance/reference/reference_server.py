"""The reference server for the tests of users: a context manager with a journal and errors on request."""

from __future__ import annotations

import json
import threading
import uuid
from copy import copy
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from cohere_conformance.errors import UsageError
from cohere_conformance.names import unknown
from cohere_conformance.reference.app import application
from cohere_conformance.reference.faults import chosen
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.reference.state import ServerState
from cohere_conformance.reference.transport_faults import switched_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from starlette.types import Message, Receive, Scope, Send


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as the reference server received it.

    Attributes:
        method: the HTTP method in upper case.
        path: the path without its query, percent-encoded as it was sent.
        query: what follows the question mark; empty if nothing does.
        headers: the header fields in the order in which they were sent, with names in lower case.
        body: the body, before any content coding is decoded.
        operation: the operation of the contract, such as `POST /v2/chat`; `None` if none matches.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    operation: str | None

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return the first value of a header field, whatever the case of its name; `None` if it is absent."""
        return next((value for field, value in self.headers if field == name.lower()), None)


@dataclass
class _Failure:
    """Errors that are still to be sent: with this status, or by the server with this fault."""

    status: int | None
    fault: str | None
    times: int
    operation: str | None


class ReferenceServer:
    """A server that speaks the Cohere REST API, in a thread of this process.

    Use it as a context manager. It listens on a free port of the loopback interface:

        with ReferenceServer(profile="live-2026") as server:
            client = cohere.ClientV2(api_key=server.key, base_url=server.url)

    Args:
        profile: `contract` (everything that the contract declares works) or `live-2026` (as the live service
            in 2026: retired operations and models are gone).
        faults: names of faults to inject, such as `rerank.unsorted`; `cohere-conformance list faults` lists
            them.
        step: seconds that each step of a job, a validation or a training takes.
        pause: seconds between two events of a stream.
        time_per_request: seconds by which each request moves the server's clock ahead.
        keys: API keys to accept in addition to `key`.

    Attributes:
        key: an API key that the server accepts.

    Raises:
        UsageError: there is no such profile or fault, or a number of seconds is negative.
    """

    key: str = PRODUCTION

    def __init__(
        self,
        profile: str = "contract",
        faults: Iterable[str] = (),
        *,
        step: float = 0.1,
        pause: float = 0.0,
        time_per_request: float = 0.0,
        keys: Iterable[str] = (),
    ) -> None:
        names, further = tuple(faults), tuple(keys)
        self._new_state: Callable[[], ServerState] = lambda: ServerState(
            profile=profile,
            faults=names,
            step=step,
            pause=pause,
            time_per_request=time_per_request,
            keys=further,
        )
        self._lock = threading.Lock()
        self._received: list[ReceivedRequest] = []
        self._failures: list[_Failure] = []
        self._state = self._new_state()
        self._app = application(self._state)
        self._thread = ServerThread(self._state, self._respond)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return self._thread.url

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All requests since the start or the last `reset`, in the order in which they were received."""
        with self._lock:
            return tuple(self._received)

    def fail_next(
        self,
        status: int | None = None,
        *,
        fault: str | None = None,
        times: int = 1,
        operation: str | None = None,
    ) -> None:
        """Answer the next requests with an error, or with a fault of the server.

        An error is sent before the server looks at the request. Several calls add up: what was asked for
        first is sent first.

        Args:
            status: the HTTP status, from 400 to 599; 503 if neither a status nor a fault is given.
            fault: name of a fault instead, such as `rerank.unsorted`; those of the transport cannot be
                injected into single requests.
            times: how many requests fail.
            operation: fail only requests to this operation, such as `POST /v2/chat`.

        Raises:
            UsageError: the status is no error, there is no such fault, both are given, `times` is less than
                1, or the contract has no such operation.
        """
        if fault is not None:
            _check_fault(fault, status)
        elif not 400 <= (status := 503 if status is None else status) <= 599:
            raise UsageError(f"status: expected an HTTP error from 400 to 599, got {status!r}")
        if times < 1:
            raise UsageError(f"times: expected a number from 1 on, got {times!r}")
        if operation is not None and operation not in self._state.contract.operations:
            raise UsageError(unknown("operation", operation, self._state.contract.operations))
        with self._lock:
            self._failures.append(_Failure(status, fault, times, operation))

    def reset(self) -> None:
        """Forget everything: received requests, stored datasets and jobs, used quotas, errors to be sent."""
        state = self._new_state()
        app = application(state)
        with self._lock:
            self._received.clear()
            self._failures.clear()
            self._state, self._app = state, app

    def __enter__(self) -> Self:
        self._thread.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.__exit__(kind, error, trace)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be the ASGI application: note the request, then fail as asked for, or let the server respond."""
        body, messages = await _read(receive)
        received = self._noted(scope, body)
        with self._lock:
            self._received.append(received)
            failure, app, state = self._next_failure(received.operation), self._app, self._state
        if failure is not None and failure.status is not None:
            await _fail(send, failure.status)
            return
        if failure is not None and failure.fault is not None:
            app = application(_with_fault(state, failure.fault))

        async def replayed() -> Message:
            return messages.pop(0) if messages else await receive()

        await app(scope, replayed, send)

    def _noted(self, scope: Scope, body: bytes) -> ReceivedRequest:
        path = scope["raw_path"].decode("ascii", "replace")
        route = self._state.contract.route(scope["method"], f"http://localhost{path}")
        headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        return ReceivedRequest(
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("ascii", "replace"),
            headers=tuple(headers),
            body=body,
            operation=route.operation,
        )

    def _next_failure(self, operation: str | None) -> _Failure | None:
        """Return the failure of the request that is handled now, and count it."""
        for failure in self._failures:
            if failure.operation in (None, operation):
                failure.times -= 1
                if not failure.times:
                    self._failures.remove(failure)
                return failure
        return None


def _check_fault(fault: str, status: int | None) -> None:
    """Check that a fault can be injected into single requests.

    Raises:
        UsageError: there is no such fault, it is one of the transport, or a status is given as well.
    """
    if status is not None:
        raise UsageError(f"expected a status or a fault, got both: {status!r} and {fault!r}; leave one out")
    if switched_on(chosen([fault], "fault")) is not None:
        raise UsageError(
            f"fault: expected a fault of responses, got {fault}, which is one of the transport; pass it to "
            "ReferenceServer(faults=...) instead"
        )


def _with_fault(state: ServerState, fault: str) -> ServerState:
    """Return a server that stores what another one stores, and has one more fault."""
    faulty = copy(state)
    faulty.faults = chosen([fault], "fault") | state.faults
    return faulty


async def _read(receive: Receive) -> tuple[bytes, list[Message]]:
    """Return the body of a request, and the messages that it consists of."""
    body, messages = bytearray(), []
    while True:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body), messages


async def _fail(send: Send, status: int) -> None:
    """Send an error in the form of the API."""
    reason = HTTPStatus(status).phrase.lower() if status in [*HTTPStatus] else "error"
    content = json.dumps({"id": str(uuid.uuid4()), "message": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
