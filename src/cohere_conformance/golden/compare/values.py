"""Compares a value with the golden one from the top down: each difference once, with its location."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cohere_conformance.checks.frame import cut, json_type, shown
from cohere_conformance.golden.compare.locations import ITEM, folded
from cohere_conformance.golden.compare.masks import (
    EQUAL,
    WITHHELD,
    Like,
    differing_bits,
    fraction,
    is_whole,
    kind,
    withheld,
)
from cohere_conformance.model import Kind, Severity
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cohere_conformance.checks.frame import Frame
    from cohere_conformance.golden.compare.locations import SchemaNode
    from cohere_conformance.golden.compare.masks import Mask
    from cohere_conformance.golden.compare.rules import Masks, Tokens
    from cohere_conformance.model import Finding

_SHOWN = 100
"""Characters from which on a text is shortened to the part around the difference."""
_BEFORE = 20
"""Characters that are shown before a difference."""
_MANY = 4
"""Alternatives that are listed at most."""


class Placeholders:
    """Replaces the recorded values of placeholders by the values of today.

    Args:
        golden: recorded values by name of the placeholder.
        fresh: values of today, likewise.
    """

    def __init__(self, golden: Mapping[str, str], fresh: Mapping[str, str]) -> None:
        self._now = {
            value: fresh[name]
            for name, value in golden.items()
            if value and name in fresh and fresh[name] != value
        }
        longest = sorted(self._now, key=len, reverse=True)
        # Not within a longer word: a short value would change unrelated text.
        words = "|".join(f"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])" for value in longest)
        self._found = re.compile(words) if words else None

    def now(self, text: str) -> str:
        """Return a golden text as it would be today."""
        return text if self._found is None else self._found.sub(lambda found: self._now[found[0]], text)


class _Difference(msgspec.Struct):
    expected: str
    observed: str
    where: str
    times: int
    severity: Severity


class _Pair(NamedTuple):
    """Golden and fresh values at one location: one of each, or all elements of arrays.

    Attributes:
        tokens: the location, with `*` for the elements of arrays.
        where: the location with their indexes; `None` if it is unknown which elements correspond.
        golden: recorded values.
        fresh: values of today.
        shape: only types and properties are compared.
    """

    tokens: Tokens
    where: str | None
    golden: Sequence[object]
    fresh: Sequence[object]
    shape: bool = False

    def below(
        self, token: str, step: str | int | None, golden: Sequence[object], fresh: Sequence[object]
    ) -> _Pair:
        """Return the values one step further down."""
        where = None if step is None or self.where is None else f"{self.where}/{escaped(step)}"
        return _Pair((*self.tokens, token), where, golden, fresh, self.shape)


class Differences:
    """Collects the differences of one answer.

    Args:
        frame: what the findings have in common.
        masks: what may differ.
        placeholders: of the case.
        declared: returns the declared schemas of an event of that type or, for `None`, of a body.
    """

    def __init__(
        self,
        frame: Frame,
        masks: Masks,
        placeholders: Placeholders,
        declared: Callable[[str | None], Sequence[SchemaNode]],
    ) -> None:
        self._frame = frame
        self._masks = masks
        self._placeholders = placeholders
        self._declared = declared
        self._found: dict[tuple[str, str], _Difference] = {}

    def findings(self) -> tuple[Finding, ...]:
        """Return the differences, in the order in which they were found."""
        return tuple(
            self._frame.finding(
                Kind.GOLDEN_CHANGED,
                location=location,
                expected=difference.expected,
                observed=difference.observed + _counted(difference),
                value_class=what,
                severity=difference.severity,
            )
            for (location, what), difference in self._found.items()
        )

    def note(
        self,
        location: str,
        what: str,
        expected: str,
        observed: str,
        *,
        where: str | None = None,
        severity: Severity = Severity.BREAKING,
    ) -> None:
        """Note a difference.

        Args:
            location: as findings name it.
            what: the kind of difference.
            expected: what the golden answer has, for a reader.
            observed: what the fresh one has, likewise.
            where: the location with the indexes of arrays, if it is one of several.
            severity: how much it matters.
        """
        known = self._found.get((location, what))
        if known is None:
            self._found[location, what] = _Difference(expected, observed, where or "", 1, severity)
        else:
            known.times += 1

    def compare(self, tag: str | None, golden: Sequence[object], fresh: Sequence[object]) -> None:
        """Note where values differ.

        Args:
            tag: type of the events that the values are; `None` where they are bodies.
            golden: one value, or all that there may be.
            fresh: one value, or all that there are.
        """
        # Without recursion: a response may be nested deeper than function calls can be.
        several = len(golden) > 1 or len(fresh) > 1
        pending = [_Pair((), None if several else "", golden, fresh)]
        while pending:
            pending += reversed(list(self._step(tag, pending.pop())))

    def _step(self, tag: str | None, pair: _Pair) -> Iterator[_Pair]:
        """Compare the values at one location, and yield the pairs below it."""
        if not pair.golden or not pair.fresh:
            return
        mask = self._masks.at(tag, pair.tokens).mask
        if self._mistyped(tag, pair) or mask.like is Like.ANY:
            return
        below = [
            [value for value in values if isinstance(value, dict)] for values in (pair.golden, pair.fresh)
        ]
        if all(below):
            yield from self._properties(tag, pair, *below)
        lists = [
            [value for value in values if isinstance(value, list)] for values in (pair.golden, pair.fresh)
        ]
        if all(lists):
            yield from self._elements(tag, pair, mask, *lists)
        self._scalars(tag, pair, mask)

    def _mistyped(self, tag: str | None, pair: _Pair) -> bool:
        """Note values of another type than any golden one has."""
        known = {kind(value) for value in pair.golden}
        whole = all(is_whole(value) for value in pair.golden if kind(value) == "number")
        for value in pair.fresh:
            if kind(value) not in known or (whole and fraction(value)):
                location = self.place(tag, pair.tokens)
                expected = sorted({_typed(one, location) for one in pair.golden})
                observed = _typed(value, location)
                self.note(location, "type", _listed(expected), observed, where=pair.where)
                return True
        return False

    def _properties(
        self,
        tag: str | None,
        pair: _Pair,
        golden: Sequence[dict[str, object]],
        fresh: Sequence[dict[str, object]],
    ) -> Iterator[_Pair]:
        for name in dict.fromkeys(name for value in (*golden, *fresh) for name in value):
            then = [value[name] for value in golden if name in value]
            now = [value[name] for value in fresh if name in value]
            below = pair.below(name, name, then, now)
            if not self._masks.at(tag, below.tokens).optional:
                self._presence(tag, below, len(golden), len(fresh))
            yield below

    def _presence(self, tag: str | None, pair: _Pair, golden: int, fresh: int) -> None:
        """Note a property that all golden objects have and a fresh one has not, or that none of them has."""
        missing = len(pair.golden) == golden and len(pair.fresh) < fresh
        if not missing and (pair.golden or not pair.fresh):
            return
        location = self.place(tag, pair.tokens)
        if missing:
            self.note(
                location, "missing", shown(pair.golden[0], location), "no such property", where=pair.where
            )
        else:
            observed = shown(pair.fresh[0], location)
            self.note(
                location, "new", "no such property", observed, where=pair.where, severity=Severity.ADDITIVE
            )

    def _elements(
        self,
        tag: str | None,
        pair: _Pair,
        mask: Mask,
        golden: Sequence[list[object]],
        fresh: Sequence[list[object]],
    ) -> Iterator[_Pair]:
        free = self._masks.at(tag, pair.tokens).length
        shape = False
        if free == "some":
            shape = self._lengths(tag, pair, golden, fresh, bool)
        elif free == "same" and mask.like is not Like.SHAPE and not pair.shape:
            shape = self._lengths(tag, pair, golden, fresh, len)
        if pair.where is None or free != "same" or len(golden[0]) != len(fresh[0]):
            then, now = ([item for value in values for item in value] for values in (golden, fresh))
            below = pair.below(ITEM, None, then, now)
            yield below._replace(shape=below.shape or shape)
        elif mask.like is Like.BITS and all(map(is_whole, (*golden[0], *fresh[0]))):
            self._bits(tag, pair, mask, differing_bits(golden[0], fresh[0]))
        else:
            # Vectors are long and mostly equal.
            for index, (one, other) in enumerate(zip(golden[0], fresh[0], strict=True)):
                if type(one) is not type(other) or one != other or not isinstance(one, int | float):
                    yield pair.below(ITEM, index, [one], [other])

    def _lengths(
        self,
        tag: str | None,
        pair: _Pair,
        golden: Sequence[list[object]],
        fresh: Sequence[list[object]],
        size: Callable[[list[object]], int],
    ) -> bool:
        """Note the first list that is not as long as any golden one, and return whether there is one."""
        known = {size(value) for value in golden}
        for value in fresh:
            if size(value) not in known:
                at_least = "at least " if size is bool and any(known) else ""
                expected = at_least + " or ".join(_count(1 if at_least else one) for one in sorted(known))
                location = self.place(tag, pair.tokens)
                self.note(location, "length", expected, _count(len(value)), where=pair.where)
                return True
        return False

    def _bits(self, tag: str | None, pair: _Pair, mask: Mask, part: float) -> None:
        if mask.within is not None and part > mask.within:
            expected = f"the same bits, at most {mask.within:.0%} of them others"
            location = self.place(tag, pair.tokens)
            self.note(location, "value", expected, f"{part:.0%} of the bits are others", where=pair.where)

    def _scalars(self, tag: str | None, pair: _Pair, mask: Mask) -> None:
        if pair.shape:
            return
        golden = [self._today(value) for value in pair.golden if not isinstance(value, dict | list)]
        fresh = [value for value in pair.fresh if not isinstance(value, dict | list)]
        mask = WITHHELD if withheld(*golden, *fresh) else mask
        known = {(kind(value), mask.sign(value)) for value in golden} if mask.within is None else set()
        for value in fresh if golden else ():
            if (kind(value), mask.sign(value)) in known or any(mask.near(one, value) for one in golden):
                continue
            location = self.place(tag, pair.tokens)
            expected, observed = _expected_and_observed(mask, golden, value, location)
            self.note(location, "value", expected, observed, where=pair.where)
            # Without a correspondence of elements, one difference is enough.
            if pair.where is None:
                return

    def _today(self, value: object) -> object:
        return self._placeholders.now(value) if isinstance(value, str) else value

    def place(self, tag: str | None, tokens: Tokens) -> str:
        """Return a location as findings name it."""
        location = folded(self._declared(tag), tokens)
        return location if tag is None else f"<{escaped(tag)}>{location}"


def apart(expected: str, observed: str) -> tuple[str, str]:
    """Return two long texts, shortened to the part around their first difference."""
    if max(len(expected), len(observed)) <= _SHOWN:
        return expected, observed
    same = next(
        (at for at, (one, other) in enumerate(zip(expected, observed, strict=False)) if one != other),
        min(len(expected), len(observed)),
    )
    begin = max(0, same - _BEFORE)
    if begin == 0:
        return expected, observed
    return f"…{expected[begin:]}", f"…{observed[begin:]}"


def _expected_and_observed(
    mask: Mask, golden: Sequence[object], fresh: object, location: str
) -> tuple[str, str]:
    first = golden[0]
    if mask == EQUAL and len(golden) == 1 and isinstance(first, str) and isinstance(fresh, str):
        then, now = apart(first, fresh)
        return shown(then, location), shown(now, location)
    words = dict.fromkeys(shown(one, location) if mask == EQUAL else mask.words(one) for one in golden)
    return _listed(list(words)), shown(fresh, location)


def _listed(words: Sequence[str]) -> str:
    more = f" or {len(words) - _MANY} others" if len(words) > _MANY else ""
    return cut(" or ".join(words[:_MANY])) + more


def _typed(value: object, location: str = "") -> str:
    """Return the type of a value and, where that is short, the value."""
    name = json_type(value)
    if value is None or isinstance(value, dict | list):
        return name
    return f"{name} {shown(value, location)}"


def _count(length: int) -> str:
    return "1 element" if length == 1 else f"{length} elements"


def _counted(difference: _Difference) -> str:
    """Return where a difference was first, if there are several places, and how often it is there."""
    if difference.times == 1:
        return (
            f" (at {difference.where})"
            if any(part.isdecimal() for part in difference.where.split("/"))
            else ""
        )
    first = f"first at {difference.where}, " if difference.where else ""
    return f" ({first}{difference.times} times)"
