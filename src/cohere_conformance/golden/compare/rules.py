"""The rules for what may differ between a response and the golden one; everything else must be equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from cohere_conformance.contract.location import Location
from cohere_conformance.golden.compare.locations import FREE, ITEM
from cohere_conformance.golden.compare.masks import EQUAL, Like, Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEADER = "header:"
"""Prefix of the location of a header."""
Tokens = tuple[str, ...]
Length = Literal["same", "some", "any"]
"""Length of an array: that of the golden one, empty only if that is empty, or any. Elements without a
counterpart are compared with all golden ones."""


class ComparisonRule(msgspec.Struct, frozen=True, kw_only=True):
    """What may differ at some locations.

    Attributes:
        locations: in the body, or in the events of a stream.
        header: name of a header, for a rule about one.
        operations: labels of those that it applies to.
        case: id of the case that it applies to; empty for all.
        mask: how values are compared; `None` if the rule does not say.
        length: of an array, or of a run of events; `None` if the rule does not say.
        optional: whether the value may be absent; `None` if the rule does not say.
        why: the reason.
        file: where it is written.
        line: the line in it.
    """

    locations: tuple[Location, ...]
    header: str
    operations: frozenset[str]
    case: str
    mask: Mask | None
    length: Length | None
    optional: bool | None
    why: str
    file: str
    line: int


class Comparison(msgspec.Struct, frozen=True):
    """How the values at one location are compared.

    Attributes:
        mask: how values are compared.
        length: how long arrays are.
        optional: whether the value may be absent.
    """

    mask: Mask = EQUAL
    length: Length = "same"
    optional: bool = False


class Masks:
    """The rules for the responses to one case.

    Args:
        rules: the first that applies to a location wins.
        whole: of a stream, the location of the response as it would be without streaming.
    """

    def __init__(self, rules: tuple[ComparisonRule, ...], whole: Location | None) -> None:
        self._rules = rules
        self._whole = whole
        self._known: dict[tuple[str | None, Tokens], Comparison] = {}
        self._shapes = [
            location
            for rule in rules
            if rule.mask is not None and rule.mask.like is Like.SHAPE
            for location in rule.locations
        ]

    def at(self, tag: str | None, tokens: Tokens) -> Comparison:
        """Return how the values at a location are compared.

        Args:
            tag: type of the event, if it is one of a stream.
            tokens: of the location, with `*` for the elements of arrays.
        """
        known = self._known.get((tag, tokens))
        if known is None:
            known = self._known[tag, tokens] = self._comparison(tag, tokens)
        return known

    def header(self, name: str) -> Comparison:
        """Return how a header is compared."""
        return _first([rule for rule in self._rules if rule.header == name])

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that are compared."""
        return tuple(dict.fromkeys(rule.header for rule in reversed(self._rules) if rule.header))

    def run(self, tag: str) -> frozenset[str]:
        """Return the types of events that may be mixed with this one, in any number; empty for none."""
        for rule in self._rules:
            tags = frozenset(
                location.tag for location in rule.locations if location.tag and not location.tokens
            )
            if rule.length is not None and tag in tags:
                return tags if rule.length != "same" else frozenset()
        return frozenset()

    def _comparison(self, tag: str | None, tokens: Tokens) -> Comparison:
        ways = list(self._ways(tag, tokens))
        rules = [rule for rule in self._rules if any(_meets(rule, *way) for way in ways)]
        comparison = _first(rules)
        if any(rule.mask is not None for rule in rules):
            return comparison
        shapes = any(_above(shape, *way) for shape in self._shapes for way in ways)
        return msgspec.structs.replace(comparison, mask=Mask(Like.SHAPE)) if shapes else comparison

    def _ways(self, tag: str | None, tokens: Tokens) -> Iterator[tuple[str | None, Tokens]]:
        """Yield a location, and the same location in the complete response that an event has."""
        yield tag, tokens
        if self._whole is not None and tag == self._whole.tag:
            count = len(self._whole.tokens)
            if tokens[:count] == self._whole.tokens:
                yield None, tokens[count:]


class Rules:
    """All rules.

    Args:
        rules: those of cases first, then those of groups, then those for everything.
        whole: by operation, the location in a stream of the response as it would be without streaming.
    """

    def __init__(self, rules: tuple[ComparisonRule, ...], whole: Mapping[str, Location]) -> None:
        self.rules = rules
        self._whole = whole
        self._cases = {rule.case for rule in rules}
        self._known: dict[tuple[str, str], Masks] = {}

    def of(self, case_id: str, operation: str) -> Masks:
        """Return the rules for the responses to a case; if no rule names it, those of its operation."""
        key = (case_id if case_id in self._cases else "", operation)
        if key not in self._known:
            self._known[key] = self._masks(*key)
        return self._known[key]

    def whole(self, operation: str) -> Location | None:
        """Return the location in a stream of the response as it would be without streaming."""
        return self._whole.get(operation)

    def _masks(self, case_id: str, operation: str) -> Masks:
        about = (
            rule
            for rule in self.rules
            if operation in rule.operations and (not rule.case or rule.case == case_id)
        )
        return Masks(tuple(about), self._whole.get(operation))


def _first(rules: list[ComparisonRule]) -> Comparison:
    mask = next((rule.mask for rule in rules if rule.mask is not None), EQUAL)
    length: Length = next((rule.length for rule in rules if rule.length is not None), "same")
    optional = next((rule.optional for rule in rules if rule.optional is not None), False)
    return Comparison(mask, length, optional)


def _meets(rule: ComparisonRule, tag: str | None, tokens: Tokens) -> bool:
    return any(
        location.tag == tag and len(location.tokens) == len(tokens) and _alike(location.tokens, tokens)
        for location in rule.locations
    )


def _above(location: Location, tag: str | None, tokens: Tokens) -> bool:
    return location.tag == tag and len(location.tokens) < len(tokens) and _alike(location.tokens, tokens)


def _alike(written: Tokens, tokens: Tokens) -> bool:
    return all(
        one == other or (one == FREE and other != ITEM) for one, other in zip(written, tokens, strict=False)
    )
