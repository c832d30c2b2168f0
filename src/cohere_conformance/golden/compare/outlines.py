"""Compares the outline of a response with that of the golden one: properties, JSON types and kinds of events.

This is for golden responses of the reference server. Its values (token counts, scores, words) are one choice
of many, and it sends optional properties that another server may leave out. So what the contract leaves
optional is demanded only where the case expects it; elsewhere its absence is a notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.checks.frame import json_type, shown
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.location import parse_location
from cohere_conformance.golden.compare.locations import ITEM
from cohere_conformance.golden.compare.masks import Like, kind
from cohere_conformance.golden.compare.streams import Streamed, framing_of
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cohere_conformance.checks.parsed import ParsedExchange
    from cohere_conformance.contract import Contract
    from cohere_conformance.golden.compare.rules import Masks, Tokens
    from cohere_conformance.golden.compare.values import Differences
    from cohere_conformance.model import Expectation


class Demands:
    """What a case expects to be in the response to it.

    Args:
        expectation: of the case.
    """

    def __init__(self, expectation: Expectation) -> None:
        self.status = expectation.status
        self._named = [
            parse_location(text) for text, schema in expectation.body.items() if schema is not False
        ]

    def demands(self, tag: str | None, tokens: Tokens) -> bool:
        """Return whether the case expects something at a location, or below it."""
        return any(
            location.tag == tag
            and len(location.tokens) >= len(tokens)
            and all(_alike(one, other) for one, other in zip(location.tokens, tokens, strict=False))
            for location in self._named
        )


class _Values(NamedTuple):
    """The values at one location.

    Attributes:
        tokens: the location, with `*` for the elements of arrays.
        golden: recorded values.
        fresh: values of today.
    """

    tokens: Tokens
    golden: Sequence[object]
    fresh: Sequence[object]


class Outlines:
    """Notes where the outline of a response differs from that of the golden one.

    Args:
        differences: where they are noted.
        masks: says below which locations nothing is compared, and what may be absent.
        demands: of the case.
    """

    def __init__(self, differences: Differences, masks: Masks, demands: Demands) -> None:
        self._differences = differences
        self._masks = masks
        self._demands = demands

    def compare(self, contract: Contract, label: str, golden: ParsedExchange, fresh: ParsedExchange) -> None:
        """Compare two complete responses of one status.

        Args:
            contract: says how responses are framed.
            label: of the operation.
            golden: the recorded exchange.
            fresh: the one of today.
        """
        if any(
            one.exchange.response.body is None and one.exchange.response.events is None
            for one in (golden, fresh)
        ):
            return
        (then, declared), (now, streams) = (framing_of(contract, label, one) for one in (golden, fresh))
        if (then == "json") != (now == "json"):
            names = {True: "a body that is no stream", False: "a stream"}
            self._differences.note("", "type", names[then == "json"], names[now == "json"])
        elif then == "json":
            values = golden.response[0], fresh.response[0]
            if NOTHING not in values:
                self._values(None, [values[0]], [values[1]])
        else:
            self._events(Streamed(golden, declared, then), Streamed(fresh, streams, now))

    def _events(self, golden: Streamed, fresh: Streamed) -> None:
        """Compare the types of events; the contract judges their order."""
        then, now = _payloads(golden), _payloads(fresh)
        for tag, payloads in then.items():
            if tag in now:
                self._values(tag, payloads, now[tag])
            elif self._masks.run(tag) & now.keys():
                continue  # a rule lets events of these types take each other's place
            else:
                self._note(tag, (), "an event of this type", "no event of this type")

    def _values(self, tag: str | None, golden: Sequence[object], fresh: Sequence[object]) -> None:
        # Without recursion: a response may be nested deeper than function calls can be.
        pending = [_Values((), golden, fresh)]
        while pending:
            pending += reversed(list(self._step(tag, pending.pop())))

    def _step(self, tag: str | None, values: _Values) -> Iterator[_Values]:
        comparison = self._masks.at(tag, values.tokens)
        if not values.fresh or not _known(values.golden) or self._mistyped(tag, values):
            return
        if comparison.mask.like is Like.ANY:
            return
        then, now = (_objects(every) for every in (values.golden, values.fresh))
        for name in dict.fromkeys(name for one in then for name in one) if now else ():
            below = _Values(
                (*values.tokens, name),
                [one[name] for one in then if name in one],
                [one[name] for one in now if _is_given(one, name)],
            )
            constant = len(below.golden) == len(then) and None not in below.golden
            missing = constant and len(below.fresh) < len(now)
            if missing and not self._masks.at(tag, below.tokens).optional:
                self._note(tag, below.tokens, shown(below.golden[0], name), "no such property")
            yield below
        before, after = (_lists(every) for every in (values.golden, values.fresh))
        if before and after:
            items = _Values(
                (*values.tokens, ITEM),
                *([item for one in every for item in one] for every in (before, after)),
            )
            empty = all(before) and not all(after) and comparison.length != "any"
            if empty and self._demands.demands(tag, items.tokens):
                self._note(tag, items.tokens, "at least 1 element", "0 elements")
            yield items

    def _mistyped(self, tag: str | None, values: _Values) -> bool:
        """Note values of another type than any golden one has; null counts as absent."""
        known = _known(values.golden)
        other = next((one for one in values.fresh if one is not None and kind(one) not in known), None)
        if other is None:
            return False
        expected = " or ".join(sorted({json_type(one) for one in values.golden}))
        location = self._differences.place(tag, values.tokens)
        self._differences.note(location, "type", expected, json_type(other))
        return True

    def _note(self, tag: str | None, tokens: Tokens, expected: str, observed: str) -> None:
        demanded = self._demands.demands(tag, tokens)
        self._differences.note(
            self._differences.place(tag, tokens),
            "missing" if demanded else "optional",
            expected if demanded else f"{expected}, which is optional",
            observed,
            severity=Severity.BREAKING if demanded else Severity.NOTICE,
        )


def _alike(written: str, token: str) -> bool:
    """Return whether a step of an expected location is that of a value, whose indexes are folded."""
    return written == token or (token == ITEM and written.isdecimal())


def _known(values: Iterable[object]) -> set[str]:
    return {kind(value) for value in values if value is not None}


def _is_given(value: Mapping[str, object], name: str) -> bool:
    return value.get(name) is not None


def _objects(values: Iterable[object]) -> list[dict[str, object]]:
    return [value for value in values if isinstance(value, dict)]


def _lists(values: Iterable[object]) -> list[list[object]]:
    return [value for value in values if isinstance(value, list)]


def _payloads(stream: Streamed) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for event in stream.events:
        if event.payload is not None:
            found.setdefault(event.tag, []).append(event.payload)
    return found
