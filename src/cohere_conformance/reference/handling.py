"""The interface of handlers: they get a call, and return a response or raise an `ApiError`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from cohere_conformance.reference.api_error import ApiError as ApiError
from cohere_conformance.reference.json_text import Written
from cohere_conformance.reference.randomness import new_id as new_id

if TYPE_CHECKING:
    from datetime import datetime

    # Nothing evaluates the annotations of `Call`, and importing them would be a circle.
    from cohere_conformance.contract import Operation  # noqa: TC004
    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.profile import Profile
    from cohere_conformance.reference.state import Account, ServerState  # noqa: TC004

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class UploadedPart:
    """One part of a multipart body.

    Attributes:
        name: the name of the field.
        content: its bytes.
        filename: the file name, for files.
        media_type: its content type; `""` if it has none.
    """

    name: str
    content: bytes
    filename: str | None = None
    media_type: str = ""

    @property
    def text(self) -> str:
        """Return the content as text; bytes that are not UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")


# Made for each call: a frozen data class would take ten times as long.
class Call(msgspec.Struct, frozen=True, dict=True):
    """One authenticated, validated call.

    Attributes:
        operation: the operation of the contract.
        path: the path parameters, decoded.
        query: the declared query parameters, as JSON values; a list where the name may repeat.
        headers: the request headers by lower-case name; of several with one name, the first.
        body: the JSON body, `{}` without one; properties that are null at its top are left out (G-17).
        form: the parts of a multipart body, in their order.
        base_url: the URL of the server, without a slash at its end.
        state: the state of the server.
        account: the account of the caller.
        results: results that depend on nothing but the body (see `once`).
        size: the size of the body in bytes.
    """

    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    body: dict[str, Any]
    form: tuple[UploadedPart, ...]
    base_url: str
    state: ServerState
    account: Account
    results: dict[object, Any]
    size: int = 0

    @cached_property
    def now(self) -> datetime:
        """The time of the call: the same one throughout its handling."""
        return self.state.clock.now()

    @property
    def profile(self) -> Profile:
        """Return the profile of the server."""
        return self.state.profile

    @property
    def v1(self) -> bool:
        """Return whether the operation belongs to version 1."""
        return " /v1/" in self.operation.label

    def once(self, make: Callable[[Call], _Made]) -> _Made:
        """Return what a function makes of the call: made once for a body that the server remembers.

        Args:
            make: depends only on the operation, the body, and the profile and faults of the server.
        """
        if make not in self.results:
            self.results[make] = make(self)
        made: _Made = self.results[make]
        return made

    def part(self, value: Any) -> Any:
        """Return a part of a response to calls with the same body: its text is written only once.

        Args:
            value: a JSON value, which nobody changes; faults may, so it has no text with them.
        """
        return value if self.state.faults else Written(value)

    def faulty(self, fault: Fault) -> bool:
        """Return whether the fault is switched on."""
        return fault in self.state.faults


@dataclass(frozen=True)
class JsonResponse:
    """A successful JSON response.

    Attributes:
        body: the JSON value.
        tokens: the value of the `num_tokens` header, if the operation has one (H-01).
        chars: the value of the `num_chars` header (H-02).
        warnings: the `x-api-warning` headers.
    """

    body: Any
    tokens: int | None = None
    chars: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """One event of a stream: its payload (a string is sent as it is), and its name in server-sent events."""

    data: Any
    name: str | None = None


@dataclass(frozen=True)
class StreamResponse:
    """A successful streamed response.

    Attributes:
        events: sent one by one.
        media_type: `text/event-stream` or `application/stream+json`.
        warnings: the `x-api-warning` headers.
        tokens: the value of a `num_tokens` header, which streams have only with a fault (CH2-T10).
    """

    events: Iterable[Event]
    media_type: str = "text/event-stream"
    warnings: tuple[str, ...] = ()
    tokens: int | None = None


@dataclass(frozen=True)
class FileResponse:
    """A file: bytes and their media type."""

    content: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = field(default=())


HandlerResult = JsonResponse | StreamResponse | FileResponse
Handler = Callable[[Call], HandlerResult | Callable[[], HandlerResult]]
"""Returns a response, or a function that changes the state of the server and returns the response."""
HANDLERS: dict[str, Handler] = {}
"""By operation label."""
IN_THREAD: dict[str, Literal["large", "always"]] = {}
"""By operation label: which calls are handled in a thread, concurrently with others.

Such a handler may read the state of the server once; changes are made by the function that it returns, which
runs in the event loop, where nothing else runs meanwhile.
"""


def operation(
    *labels: str, in_thread: Literal["large", "always"] | None = None
) -> Callable[[Handler], Handler]:
    """Register a handler for operations of the contract.

    Args:
        labels: of the operations.
        in_thread: which calls are handled in a thread; none by default.
    """

    def register(handler: Handler) -> Handler:
        for label in labels:
            if label in HANDLERS:
                raise ValueError(f"{label} has two handlers")
            HANDLERS[label] = handler
            if in_thread is not None:
                IN_THREAD[label] = in_thread
        return handler

    return register


def meta(call: Call, **billed: int) -> dict[str, Any]:
    """Return the `meta` object of a response: the version of the API, and billed units if there are any."""
    version = {"version": "1" if call.v1 else "2"}
    return {"api_version": version, "billed_units": billed} if billed else {"api_version": version}
