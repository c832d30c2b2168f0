"""An exchange whose response violates the contract, as the checks of requirements see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.evidence import Evidence, Json
from cohere_conformance.checks.fold import fold_of
from cohere_conformance.checks.guarded import guarded, read
from cohere_conformance.checks.holes import Hole, punched
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.checks.parsed import ParsedEvent, ParsedExchange
    from cohere_conformance.contract import Events, Operation, ResponseDeclaration, Validator
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.model import Finding

_HEADER = "header:"


class DamagedEvidence(Evidence):
    """Evidence with holes: reading a value that is missing or is not as declared raises `UnreadableError`.

    Args:
        operation: of the request.
        parsed: the exchange.
        framing: of the response.
        declared: what the response is compared with; `None` if the contract has nothing about its status.
        findings: its deviations from the contract.
    """

    has_holes = True
    __slots__ = ("_broken_headers", "_declared", "_guarded", "_payloads")

    def __init__(
        self,
        operation: Operation,
        parsed: ParsedExchange,
        framing: Framing,
        declared: ResponseDeclaration | None,
        findings: Iterable[Finding],
    ) -> None:
        super().__init__(operation, parsed, framing)
        self._declared = declared
        self._broken_headers = {
            one.location.removeprefix(_HEADER): Hole(one.location, f"{one.kind}")
            for one in findings
            if one.location.startswith(_HEADER)
        }
        self._guarded: Any = None
        self._payloads: list[Any] | None = None

    @property
    def response(self) -> Json:
        """The JSON body of the response, or the folded stream, with holes.

        Raises:
            UnreadableError: the body is one hole.
        """
        if self._guarded is None:
            self._guarded = guarded(self._folded() if self.streamed else self._body())
        found = read(self._guarded)
        return found if isinstance(found, dict) else {}

    @property
    def events(self) -> list[Json]:
        """The payloads of a stream in order, with holes."""
        found: list[Json] = guarded(self._holed())
        return found

    def header(self, name: str) -> str | None:
        """Return the first response header with this (lower-case) name.

        Raises:
            UnreadableError: it is missing, or not as declared.
        """
        read(self._broken_headers.get(name))
        return super().header(name)

    def _body(self) -> object:
        response = self.parsed.exchange.response
        if response.failure is not None:
            return Hole("", "not complete")
        if response.body is None:
            return {}  # it was not recorded
        value, defects = self.parsed.response
        if value is NOTHING:
            return Hole("", "not JSON")
        if self._declared is None:
            return Hole("", "of a status that is not declared")
        validator = self._plain()
        return value if validator is None else punched(validator, value, defects=defects)

    def _plain(self) -> Validator | None:
        media = self._declared.media.values() if self._declared is not None else ()
        return next((one.body for one in media if one.body is not None), None)

    def _stream(self) -> Events | None:
        media = self._declared.media.values() if self._declared is not None else ()
        ours = (one.events for one in media if one.events is not None and one.framing == self._framing)
        return next(ours, None) or next((one.events for one in media if one.events is not None), None)

    def _holed(self) -> list[Any]:
        if self._payloads is None:
            self._payloads = list(self._read_events()) if self.streamed else []
        return self._payloads

    def _read_events(self) -> Iterator[Any]:
        declared = self._stream()
        for piece in self.parsed.events(self._framing):
            if piece.event.data.strip() not in {"", "[DONE]"}:
                yield _event(declared, piece)
        if self.parsed.exchange.response.failure is not None:
            yield Hole("", "a stream that is not complete")

    def _folded(self) -> object:
        events, declared = self._holed(), self._stream()
        if not events:
            return {}
        if declared is None or declared.grammar is None:
            return Hole("", "a stream that is not declared")
        response = fold_of(declared.grammar).response(events)
        if response is None:
            return Hole("", "a stream without its last event")
        validator = self._plain()
        return response if validator is None or isinstance(response, Hole) else punched(validator, response)


def _event(declared: Events | None, piece: ParsedEvent) -> Any:
    if declared is None:
        return Hole("", "an event that is not declared")
    payload, defects = piece.payload
    if not isinstance(payload, dict):
        name = piece.event.event
        lost = Hole(f"<{escaped(name)}>" if name else "", "an event that is not an object")
        # If the event line names it, the properties that the lost payload could have changed are known.
        return {declared.tag: name, "index": lost, "delta": lost} if name in declared.branches else lost
    tag = payload.get(declared.tag)
    branch = declared.branches.get(tag) if isinstance(tag, str) else None
    if branch is None:
        unknown = Hole(f"/{escaped(declared.tag)}", "not the type of a declared event")
        delta = payload.get("delta")
        message = delta.get("message") if isinstance(delta, dict) else None
        # Nothing else of it is known to have the form that a fold expects.
        named = {"message": message} if isinstance(message, dict) else {}
        return {**payload, declared.tag: unknown, "delta": named}
    return punched(branch, payload, f"<{escaped(tag)}>", defects)
