"""An exchange whose bodies are parsed once, however often it is judged."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

from cohere_conformance.checks.framing import split
from cohere_conformance.checks.rawjson import NOTHING, Defect, parse, parse_plain
from cohere_conformance.checks.skeleton import Skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.contract.compile import Framing, Validator
    from cohere_conformance.model import Exchange, StreamEvent

Parsed = tuple[Any, tuple[Defect, ...]]
"""A value (or `NOTHING`), and the defects of its JSON text."""
_UNIQUE: set[bytes] = set()
"""The names in texts without defects."""
_MOST_NAMES = 4096
_LONGEST = 4 * 2**20
"""Bytes of a text that is worth a skeleton, which takes memory."""
_SHORT_TEXT = 1024
_Payload = dict[str, Any]
_Folded = TypeVar("_Folded")


class ParsedText:
    """A JSON text, parsed, and whether its value is valid by the schemas that were asked.

    Args:
        text: the JSON.
        alike: whether many texts with the same names are expected, as in a recording.

    Attributes:
        plain: whether it has the same names as an earlier one, no defects and no extreme numbers.
        parsed: the text as JSON.
    """

    __slots__ = ("_skeleton", "_text", "_valid", "parsed", "plain")

    def __init__(self, text: str | bytes, alike: bool = False) -> None:
        self._text = text
        self._skeleton: Skeleton | None = None
        self._valid: dict[Validator, bool] = {}
        # A short text is parsed in less time than its skeleton is found in.
        skeleton = self.skeleton if alike or len(text) > _SHORT_TEXT else None
        # Where one text has no name of an object twice, no other one with the same names has.
        value = parse_plain(text) if skeleton is not None and skeleton.names in _UNIQUE else NOTHING
        self.plain = value is not NOTHING
        self.parsed = (value, ()) if self.plain else parse(text)
        if skeleton is not None and not self.plain and self.parsed[0] is not NOTHING and not self.parsed[1]:
            if len(_UNIQUE) >= _MOST_NAMES:
                _UNIQUE.clear()
            _UNIQUE.add(skeleton.names)

    @property
    def skeleton(self) -> Skeleton | None:
        """The skeleton of the text; `None` if that is very long."""
        if self._skeleton is None and len(self._text) <= _LONGEST:
            self._skeleton = Skeleton(self._text)
        return self._skeleton

    def conforms(self, declared: Validator) -> bool:
        """Return whether the value is valid; each schema is asked once."""
        known = self._valid.get(declared)
        if known is None:
            known = self._valid[declared] = declared.compiled.is_valid(self.parsed[0])
        return known


_EMPTY = ParsedText(b"")
"""That of requests without a body, such as every GET."""
_remembered = lru_cache(maxsize=1024)(ParsedText)
_SHORT = 256
"""Characters of a payload that is remembered: streams repeat most of their short events."""


class ParsedEvent:
    """One event of a stream with its payload."""

    __slots__ = ("_alike", "_text", "event")

    def __init__(self, event: StreamEvent, alike: bool) -> None:
        self.event = event
        self._alike = alike
        self._text: ParsedText | None = None

    @property
    def text(self) -> ParsedText:
        """The event's data as JSON."""
        # Not `cached_property`, here and below: it takes a lock and costs as much as the parsing.
        if self._text is None:
            data = self.event.data
            self._text = (_remembered if len(data) <= _SHORT else ParsedText)(data, self._alike)
        return self._text

    @property
    def payload(self) -> Parsed:
        """The value of the event's data, and the defects of its text."""
        return self.text.parsed


class ParsedExchange:
    """An exchange with its bodies parsed on demand.

    The parsed values must not be changed: several judgements share them.

    Args:
        exchange: to parse.
        alike: whether it is one of many, so that what is known of the skeletons of others is used.
    """

    __slots__ = (
        "_alike",
        "_events",
        "_folds",
        "_headers",
        "_query",
        "_request",
        "_response",
        "_text",
        "exchange",
    )

    def __init__(self, exchange: Exchange, *, alike: bool = False) -> None:
        self.exchange = exchange
        self._alike = alike
        self._request: ParsedText | None = None
        self._response: ParsedText | None = None
        self._text: str | None = None
        self._headers: dict[str, str] | None = None
        self._query: list[tuple[str, str]] | None = None
        self._events: dict[Framing, tuple[ParsedEvent, ...]] = {}
        self._folds: dict[tuple[object, tuple[int, ...]], object] = {}

    @property
    def request(self) -> Parsed:
        """The body of the request as JSON."""
        return self.sent.parsed

    @property
    def query(self) -> list[tuple[str, str]]:
        """The names and values of the query of the request, decoded, in order."""
        if self._query is None:
            url = self.exchange.request.url
            self._query = parse_qsl(urlsplit(url).query, keep_blank_values=True) if "?" in url else []
        return self._query

    @property
    def sent(self) -> ParsedText:
        """The body of the request."""
        if self._request is None:
            body = self.exchange.request.body
            self._request = ParsedText(body, self._alike) if body else _EMPTY
        return self._request

    @property
    def response(self) -> Parsed:
        """The body of the response as JSON."""
        return self.received.parsed

    @property
    def received(self) -> ParsedText:
        """The body of the response."""
        if self._response is None:
            self._response = ParsedText(self.exchange.response.body or b"", self._alike)
        return self._response

    @property
    def headers(self) -> dict[str, str]:
        """The response headers by (lower-case) name; of several of one name the first one."""
        if self._headers is None:
            # Backwards, so that the first one of a name is used.
            self._headers = dict(reversed(self.exchange.response.headers))
        return self._headers

    @property
    def text(self) -> str:
        """The body of the response as text; invalid UTF-8 is replaced."""
        if self._text is None:
            self._text = (self.exchange.response.body or b"").decode("utf-8", "replace")
        return self._text

    def parsed_events(self) -> tuple[ParsedEvent, ...]:
        """Return the events of the response if it has already been parsed as a stream."""
        return next(iter(self._events.values()), ())

    def events(self, framing: Framing) -> tuple[ParsedEvent, ...]:
        """Return the events of the response, as recorded or split from the body."""
        if framing not in self._events:
            events = self.exchange.response.events
            events = split(self.text, framing) if events is None else events
            self._events[framing] = tuple([ParsedEvent(event, self._alike) for event in events])
        return self._events[framing]

    def folded(self, fold: Callable[[Sequence[_Payload]], _Folded], payloads: Sequence[_Payload]) -> _Folded:
        """Return the fold of events of this exchange; the same ones are folded once.

        Args:
            fold: joins them.
            payloads: of events of `events`, in order.
        """
        # They live as long as this exchange, so that their ids do not change.
        key = fold, tuple(map(id, payloads))
        if key not in self._folds:
            self._folds[key] = fold(payloads)
        return cast("_Folded", self._folds[key])
