"""One valid exchange as the checks of requirements see it: everything parsed, streams folded."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import unquote, urlsplit

from cohere_conformance.checks.fold import fold_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.checks.parsed import ParsedExchange
    from cohere_conformance.contract import Operation
    from cohere_conformance.contract.compile import Framing

Json = dict[str, Any]
_Found = TypeVar("_Found")
_UNKNOWN: Any = object()
"""Not an exception: raising one takes longer than most of what is found."""


def once(find: Callable[[Evidence], _Found]) -> Callable[[Evidence], _Found]:
    """Make a function look at each exchange once; callers share its result and must not change it."""

    @wraps(find)
    def found(evidence: Evidence) -> Any:
        result = evidence.found.get(find, _UNKNOWN)
        if result is _UNKNOWN:
            result = evidence.found[find] = find(evidence)
        return result

    return found


class Evidence:
    """The argument of a check. It must not be changed.

    Args:
        operation: of the request.
        parsed: the exchange.
        framing: of the response.

    Attributes:
        operation: of the request.
        status: HTTP status of the response.
        parsed: the exchange itself.
        streamed: whether the response is a stream.
        found: the results of functions that look at it once, by function.
        has_holes: whether some of the response cannot be read, because it is not as declared.
    """

    has_holes: ClassVar[bool] = False

    __slots__ = (
        "_events",
        "_framing",
        "_response",
        "_sent",
        "found",
        "operation",
        "parsed",
        "status",
        "streamed",
    )

    def __init__(self, operation: Operation, parsed: ParsedExchange, framing: Framing) -> None:
        self.operation = operation
        self.status = parsed.exchange.response.status
        self.parsed = parsed
        self.streamed = framing != "json"
        self._framing = framing
        self._events: list[Json] | None = None
        self._response: Json | None = None
        self._sent: Json | None = None
        self.found: dict[object, Any] = {}

    @property
    def sent(self) -> Json:
        """The JSON body of the request; empty if it is absent or not an object."""
        if self._sent is None:
            value, _ = self.parsed.request
            self._sent = value if isinstance(value, dict) else {}
        return self._sent

    @property
    def sends_valid(self) -> bool:
        """Whether the JSON body of the request is as declared; so is one that is absent, or not recorded."""
        declared = self.operation.request
        media = None if declared is None else declared.media.get("application/json")
        # An empty object may be a body that was not recorded.
        return media is None or not self.sent or self.parsed.sent.conforms(media)

    @property
    def response(self) -> Json:
        """The JSON body of the response, or the folded stream; empty if it is not an object."""
        if self._response is None:
            value = self._folded() if self.streamed else self.parsed.response[0]
            self._response = value if isinstance(value, dict) else {}
        return self._response

    @property
    def events(self) -> list[Json]:
        """The payloads of a stream in order, objects only: no terminator, nothing empty."""
        if self._events is None:
            pieces = self.parsed.events(self._framing) if self.streamed else ()
            payloads = [
                piece.payload[0] for piece in pieces if piece.event.data.strip() not in {"", "[DONE]"}
            ]
            self._events = [payload for payload in payloads if isinstance(payload, dict)]
        return self._events

    def _folded(self) -> object:
        grammar = next(
            (
                media.events.grammar
                for declared in (self.operation.response(self.status),)
                if declared is not None
                for media in declared.media.values()
                if media.events is not None
            ),
            None,
        )
        if grammar is None or not self.events:
            return None
        fold = fold_of(grammar)
        if fold.joins:
            return self.parsed.folded(fold.fold, self.events).response
        return fold.response(self.events)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query of the request: all values of each name."""
        found: dict[str, list[str]] = {}
        for name, value in self.parsed.query:
            found.setdefault(name, []).append(value)
        return found

    @property
    def last_segment(self) -> str:
        """The last segment of the path, decoded: usually the requested id."""
        return unquote(urlsplit(self.parsed.exchange.request.url).path.rstrip("/").rpartition("/")[2])

    @property
    def headers(self) -> dict[str, str]:
        """The response headers by (lower-case) name; of several of one name the first one."""
        return self.parsed.headers

    def header(self, name: str) -> str | None:
        """Return the first response header with this (lower-case) name."""
        return self.headers.get(name)

    def sent_header(self, name: str) -> str | None:
        """Return the first request header with this (lower-case) name."""
        return next((value for key, value in self.parsed.exchange.request.headers if key == name), None)
