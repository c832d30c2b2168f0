"""An exchange while it is judged: what is parsed once, however often it is judged."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.framing import split
from cohere_conformance.checks.rawjson import Defect, parse

if TYPE_CHECKING:
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.model import Exchange, StreamEvent

Parsed = tuple[Any, tuple[Defect, ...]]
"""A value (or `NOTHING`), and what is wrong with its text."""


class Piece:
    """One event of a stream with its payload."""

    def __init__(self, event: StreamEvent) -> None:
        self.event = event

    @cached_property
    def payload(self) -> Parsed:
        """The event's data as JSON."""
        return parse(self.event.data)


class Reading:
    """An exchange with its bodies parsed on demand.

    Nothing may change what is parsed: two judgements share it.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._pieces: dict[Framing, tuple[Piece, ...]] = {}

    @cached_property
    def request(self) -> Parsed:
        """The body of the request as JSON."""
        return parse(self.exchange.request.body or b"")

    @cached_property
    def response(self) -> Parsed:
        """The body of the response as JSON."""
        return parse(self.exchange.response.body or b"")

    @cached_property
    def text(self) -> str:
        """The body of the response as text; what is no UTF-8 is replaced."""
        return (self.exchange.response.body or b"").decode("utf-8", "replace")

    def pieces(self, framing: Framing) -> tuple[Piece, ...]:
        """Return the events of the response, as recorded or cut out of the body."""
        if framing not in self._pieces:
            events = self.exchange.response.events
            events = split(self.text, framing) if events is None else events
            self._pieces[framing] = tuple(map(Piece, events))
        return self._pieces[framing]
