"""What a handler is given and what it returns: a call, an answer, a stream, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from cohere_conformance.reference.api_error import ApiError as ApiError
from cohere_conformance.reference.randomness import new_id as new_id

if TYPE_CHECKING:
    from datetime import datetime

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.profile import Profile
    from cohere_conformance.reference.state import Account, ServerState


@dataclass(frozen=True)
class UploadedPart:
    """One part of a multipart body, in the order in which it was sent.

    Attributes:
        name: the field's name.
        content: what it holds.
        filename: set for files.
        media_type: as the part says; `""` where it does not.
    """

    name: str
    content: bytes
    filename: str | None = None
    media_type: str = ""

    @property
    def text(self) -> str:
        """Return the content as text; what is no UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True)
class Call:
    """One authenticated, validated call.

    Attributes:
        operation: what is called.
        path: the path's parameters, decoded.
        query: the declared query parameters that were sent, as JSON values; a list where the name may repeat.
        headers: request headers by lower-case name (the last one counts).
        body: the JSON body, `{}` where there is none; nulls at its top count as not sent (G-17).
        form: the parts of a multipart body.
        base_url: the address under which the server was called, without a slash at its end.
        state: the server's memory.
        account: the caller's.
        size: bytes of the body.
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
    size: int = 0

    @cached_property
    def now(self) -> datetime:
        """The server's time when it was first looked at: one response does not mix what was with what is."""
        return self.state.clock.now()

    @property
    def profile(self) -> Profile:
        """Return which behaviour is shown."""
        return self.state.profile

    @property
    def v1(self) -> bool:
        """Tell whether the operation belongs to version 1."""
        return " /v1/" in self.operation.label

    def faulty(self, fault: Fault) -> bool:
        """Tell whether the fault is switched on."""
        return fault in self.state.faults


@dataclass(frozen=True)
class JsonResponse:
    """A successful JSON answer.

    Attributes:
        body: what is encoded as JSON.
        tokens: the value of the `num_tokens` header, where the operation has one (H-01).
        chars: the value of the `num_chars` header (H-02).
        warnings: `x-api-warning` headers.
    """

    body: Any
    tokens: int | None = None
    chars: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """One event of a stream: its payload (text is sent as it is), and its name where it is sent as SSE."""

    data: Any
    name: str | None = None


@dataclass(frozen=True)
class StreamResponse:
    """A successful streamed answer.

    Attributes:
        events: made and sent one by one.
        media_type: `text/event-stream` or `application/stream+json`.
        warnings: `x-api-warning` headers.
        tokens: the value of a `num_tokens` header, which no sound stream has (CH2-T10).
    """

    events: Iterable[Event]
    media_type: str = "text/event-stream"
    warnings: tuple[str, ...] = ()
    tokens: int | None = None


@dataclass(frozen=True)
class FileResponse:
    """A download: bytes and their media type."""

    content: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = field(default=())


HandlerResult = JsonResponse | StreamResponse | FileResponse
Handler = Callable[[Call], HandlerResult | Callable[[], HandlerResult]]
"""Returns an outcome, or a function that changes the server's memory and returns the outcome."""
HANDLERS: dict[str, Handler] = {}
"""By operation label."""
BESIDE: dict[str, Literal["large", "always"]] = {}
"""By operation label: which calls are handled in a thread, beside the others.

Such a handler reads the server's memory in one go at most; what it has to change is left to the function that
it returns, which runs where nothing else runs meanwhile.
"""


def operation(*labels: str, beside: Literal["large", "always"] | None = None) -> Callable[[Handler], Handler]:
    """Register a handler for operations of the contract.

    Args:
        labels: of the operations.
        beside: which calls are handled in a thread; by default none.
    """

    def register(handler: Handler) -> Handler:
        for label in labels:
            if label in HANDLERS:
                raise ValueError(f"{label} has two handlers")
            HANDLERS[label] = handler
            if beside is not None:
                BESIDE[label] = beside
        return handler

    return register


def meta(call: Call, **billed: int) -> dict[str, Any]:
    """Return the `meta` object of an answer: the version of the API and what is billed, if anything is."""
    version = {"version": "1" if call.v1 else "2"}
    return {"api_version": version, "billed_units": billed} if billed else {"api_version": version}
