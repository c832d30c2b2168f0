"""Compares a stream with the golden one: the order of the events, each event, and the folded response."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from cohere_conformance.checks.exercised import media_of
from cohere_conformance.checks.fold import fold_of
from cohere_conformance.checks.frame import cut
from cohere_conformance.checks.framing import sniff
from cohere_conformance.checks.judge import judge_parsed
from cohere_conformance.model import Severity
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cohere_conformance.checks.parsed import ParsedEvent, ParsedExchange
    from cohere_conformance.contract import Contract, Events
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.golden.compare.rules import Masks
    from cohere_conformance.golden.compare.values import Differences

_TAG = "type"
"""The property with the type of an event, unless the contract declares another one."""
_END = "the end of the stream"


class _Event(NamedTuple):
    """One event.

    Attributes:
        tag: its type; its text if that is not an object with a type.
        payload: the object; `None` if it is not one.
        name: on its `event:` line.
    """

    tag: str
    payload: dict[str, Any] | None
    name: str | None


class _Run(NamedTuple):
    """Consecutive events whose number does not matter.

    Attributes:
        tags: their types; one alone is an event that counts.
        events: all of them.
        free: whether their number does not matter.
    """

    tags: frozenset[str]
    events: tuple[_Event, ...]
    free: bool

    @property
    def words(self) -> str:
        """What it is, for a reader."""
        *others, last = sorted(self.tags)
        listed = f"{', '.join(others)} and {last}" if others else last
        return f"{listed} in any number" if self.free else listed


def framing_of(contract: Contract, label: str, parsed: ParsedExchange) -> tuple[Framing, Events | None]:
    """Return the framing of a response, and the declared events of a stream."""
    response = parsed.exchange.response
    operation = contract.operations.get(label)
    answer = operation.response(response.status) if operation is not None else None
    media = media_of(answer, parsed) if answer is not None else None
    if media is not None:
        return media.framing, media.events
    return ("sse" if response.events is not None else sniff(parsed.text)), None


class Streamed:
    """One stream, cut into its events.

    Args:
        parsed: the exchange.
        declared: its events; `None` where no stream is declared.
        framing: of the body.
    """

    def __init__(self, parsed: ParsedExchange, declared: Events | None, framing: Framing) -> None:
        self._parsed = parsed
        self._declared = declared
        tag = _TAG if declared is None else declared.tag
        named = framing == "sse" and parsed.exchange.response.events is None
        self.events = tuple(
            _event(piece, tag, named=named)
            for piece in parsed.events(framing)
            if piece.event.data.strip()  # otherwise it keeps the connection alive
        )

    def runs(self, masks: Masks) -> list[_Run]:
        """Return the events, grouped where their number does not matter."""
        found: list[_Run] = []
        for tags, group in groupby(self.events, key=lambda event: masks.run(event.tag)):
            events = tuple(group)
            if tags:
                found.append(_Run(frozenset(event.tag for event in events), events, free=True))
            else:
                found += [_Run(frozenset({event.tag}), (event,), free=False) for event in events]
        return found

    def folded(self, contract: Contract) -> dict[str, Any] | None:
        """Return the events folded into one response; `None` if that is undefined or they are invalid."""
        grammar = None if self._declared is None else self._declared.grammar
        if grammar is None or any(
            finding.severity is Severity.BREAKING
            for finding in judge_parsed(contract, self._parsed, requirements=False)
        ):
            return None
        known = grammar.events() - set(grammar.ignore)
        payloads = [
            event.payload for event in self.events if event.payload is not None and event.tag in known
        ]
        return fold_of(grammar).fold(payloads).response if payloads else None


def compare_streams(
    contract: Contract, differences: Differences, masks: Masks, golden: Streamed, fresh: Streamed
) -> None:
    """Note where two streams differ.

    The folded responses are compared only if everything else is equal: otherwise they differ in the same way.
    """
    then, now = golden.runs(masks), fresh.runs(masks)
    at = _parting(then, now)
    if at is None:
        for one, other in zip(then, now, strict=True):
            _compare_events(differences, one.events, other.events)
    else:
        _note_order(differences, then, now, at)
        _compare_events(differences, golden.events, fresh.events)
    if not differences.findings():
        whole, answer = golden.folded(contract), fresh.folded(contract)
        if whole is not None and answer is not None:
            differences.compare(None, [whole], [answer])


def _event(piece: ParsedEvent, tag: str, *, named: bool) -> _Event:
    payload, _ = piece.payload
    name = piece.event.event if named else None
    if isinstance(payload, dict) and isinstance(payload.get(tag), str):
        return _Event(payload[tag], payload, name)
    return _Event(cut(piece.event.data.strip()), None, name)


def _parting(golden: Sequence[_Run], fresh: Sequence[_Run]) -> int | None:
    """Return the number of runs that two streams have in common before they part."""
    for at, (one, other) in enumerate(zip(golden, fresh, strict=False)):
        if one.tags != other.tags:
            return at
    return None if len(golden) == len(fresh) else min(len(golden), len(fresh))


def _note_order(differences: Differences, golden: Sequence[_Run], fresh: Sequence[_Run], at: int) -> None:
    before = f"{golden[at - 1].words}, then " if at else "first "
    expected, observed = (runs[at].words if at < len(runs) else _END for runs in (golden, fresh))
    tag = min((golden[at] if at < len(golden) else fresh[at]).tags)
    differences.note(f"<{escaped(tag)}>", "order", cut(before + expected), cut(before + observed))


def _compare_events(differences: Differences, golden: Iterable[_Event], fresh: Iterable[_Event]) -> None:
    """Compare events of the same type with each other, whichever belongs to which."""
    then, now = _by_tag(golden), _by_tag(fresh)
    for tag in then:
        if tag not in now:
            continue
        payloads = [
            [one.payload for one in events if one.payload is not None] for events in (then[tag], now[tag])
        ]
        differences.compare(tag, *payloads)
        names = [list(dict.fromkeys(one.name for one in events)) for events in (then[tag], now[tag])]
        for name in names[1]:
            if name not in names[0]:
                expected, observed = _name_words(names[0][0]), _name_words(name)
                # Servers forget it everywhere or nowhere.
                differences.note("", "value", expected, observed)


def _name_words(name: str | None) -> str:
    return "no event line" if name is None else f"event: {name}"


def _by_tag(events: Iterable[_Event]) -> dict[str, list[_Event]]:
    found: dict[str, list[_Event]] = {}
    for event in events:
        found.setdefault(event.tag, []).append(event)
    return found
