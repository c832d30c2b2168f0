"""Counts what official SDKs make of deviating responses, by finding and by what findings have in common."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.report.entry import RowKey
from cohere_conformance.report.finding_effect import effect_of
from cohere_conformance.report.sdk_effect import (
    MOST_LOCATIONS,
    SEVEREST,
    SdkEffect,
    SdkOutcome,
    SdkResponses,
    worst,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cohere_conformance.model import Finding
    from cohere_conformance.report.finding_effect import FindingEffect
    from cohere_conformance.report.sdk_effect import SdkParse

MOST_COMBINATIONS = 4096
"""Distinct combinations of findings in one response that are counted."""


class _Seen(msgspec.Struct):
    """What the responses with one finding had in common with one outcome."""

    responses: int = 0
    exceptions: Counter[str] = msgspec.field(default_factory=Counter)
    locations: tuple[str, ...] = ()

    def add(self, other: _Seen) -> None:
        self.responses += other.responses
        self.exceptions.update(other.exceptions)
        # The smallest ones, so that the order of exchanges does not matter.
        self.locations = tuple(sorted({*self.locations, *other.locations})[:MOST_LOCATIONS])


class _Combination(msgspec.Struct):
    """The findings of some responses with their outcomes, and how many responses have exactly these."""

    sdk: str
    outcomes: dict[RowKey, SdkOutcome]
    responses: int


class SdkTally:
    """Counts the effects of findings; merging is associative and commutative.

    What it holds is bounded by the distinct findings and by `MOST_COMBINATIONS`: of more, those with the
    smallest digests are stored, whose counts are exact however the work was divided.
    """

    def __init__(self) -> None:
        self._findings: dict[RowKey, dict[tuple[str, SdkOutcome], _Seen]] = {}
        self._combinations: dict[str, _Combination] = {}
        self._responses: dict[str, Counter[SdkOutcome]] = {}
        self._conforming: Counter[str] = Counter()
        self._cut = False

    def add(self, found: Mapping[RowKey, Sequence[Finding]], parses: Iterable[SdkParse]) -> None:
        """Count one response.

        Args:
            found: its findings that may have an effect.
            parses: how each SDK parsed it.
        """
        by_sdk: dict[str, list[SdkParse]] = {}
        for parse in parses:
            by_sdk.setdefault(parse.sdk, []).append(parse)
        for sdk, several in by_sdk.items():
            effects = {key: _worst(same, several) for key, same in found.items()}
            for key, effect in effects.items():
                exceptions = Counter({effect.exception: 1} if effect.exception else {})
                self._see(key, (sdk, effect.outcome), _Seen(1, exceptions, effect.locations))
            outcomes = {key: effect.outcome for key, effect in effects.items()}
            self._responses.setdefault(sdk, Counter())[worst(outcomes.values())] += 1
            self._combine(_digest(sdk, outcomes), _Combination(sdk, outcomes, 1))
        self._shrink()

    def add_conforming(self, sdks: Iterable[str], *, unaffected: bool) -> None:
        """Count one response that conforms.

        Args:
            sdks: names of those that parsed it.
            unaffected: whether they return it as it was sent, so that there is no finding to add.
        """
        for sdk in set(sdks):
            self._conforming[sdk] += 1
            if unaffected:
                self._responses.setdefault(sdk, Counter())[SdkOutcome.UNAFFECTED] += 1

    def merge(self, other: SdkTally) -> None:
        """Add everything that `other` has counted; `other` is not changed."""
        for key, outcomes in other._findings.items():
            for name, seen in outcomes.items():
                self._see(key, name, seen)
        for sdk, numbers in other._responses.items():
            self._responses.setdefault(sdk, Counter()).update(numbers)
        self._conforming.update(other._conforming)
        for digest, combination in other._combinations.items():
            self._combine(digest, combination)
        self._cut |= other._cut
        self._shrink()

    def of_finding(self, key: RowKey) -> tuple[SdkEffect, ...]:
        """Return the effect of a finding on each SDK."""
        return self._effects([key], None)

    def of_cause(self, keys: Collection[RowKey]) -> tuple[SdkEffect, ...]:
        """Return the effect of several findings on each SDK; a response with several of them counts once."""
        return self._effects(keys, None if self._cut else self._counted(keys))

    def responses(self) -> tuple[SdkResponses, ...]:
        """Return what each SDK made of all responses."""
        return tuple(
            SdkResponses(sdk=sdk, responses=_ordered(numbers), conforming=self._conforming[sdk])
            for sdk, numbers in sorted(self._responses.items())
        )

    def _see(self, key: RowKey, name: tuple[str, SdkOutcome], seen: _Seen) -> None:
        self._findings.setdefault(key, {}).setdefault(name, _Seen()).add(seen)

    def _combine(self, digest: str, combination: _Combination) -> None:
        if (known := self._combinations.get(digest)) is None:
            self._combinations[digest] = msgspec.structs.replace(combination)
        else:
            known.responses += combination.responses

    def _shrink(self) -> None:
        """Leave out the combinations with the largest digests; one that was left out never returns."""
        while len(self._combinations) > MOST_COMBINATIONS:
            self._cut = True
            del self._combinations[max(self._combinations)]

    def _counted(self, keys: Collection[RowKey]) -> dict[str, Counter[SdkOutcome]]:
        """Return how many responses had which worst outcome of some findings, by SDK."""
        counted: dict[str, Counter[SdkOutcome]] = {}
        for one in self._combinations.values():
            if outcomes := [one.outcomes[key] for key in keys if key in one.outcomes]:
                counted.setdefault(one.sdk, Counter())[worst(outcomes)] += one.responses
        return counted

    def _effects(
        self, keys: Collection[RowKey], counted: Mapping[str, Counter[SdkOutcome]] | None
    ) -> tuple[SdkEffect, ...]:
        seen: dict[tuple[str, SdkOutcome], _Seen] = {}
        numbers: dict[str, list[Counter[SdkOutcome]]] = {}
        for key in keys:
            each: dict[str, Counter[SdkOutcome]] = {}
            for name, one in self._findings.get(key, {}).items():
                seen.setdefault(name, _Seen()).add(one)
                each.setdefault(name[0], Counter())[name[1]] = one.responses
            for sdk, number in each.items():
                numbers.setdefault(sdk, []).append(number)
        effects = []
        for sdk, several in sorted(numbers.items()):
            outcome = worst(one for name, one in seen if name == sdk)
            exact = None if counted is None else counted.get(sdk)
            # Without exact numbers, those of the finding that shows most of it.
            most = exact or max(several, key=lambda one: (one[outcome], one.total()))
            exceptions = seen[sdk, outcome].exceptions
            effects.append(
                SdkEffect(
                    sdk=sdk,
                    outcome=outcome,
                    exception=min(exceptions, key=lambda one: (-exceptions[one], one), default=""),
                    locations=seen[sdk, outcome].locations,
                    responses=_ordered(most),
                )
            )
        return tuple(effects)


def _worst(same: Iterable[Finding], parses: Sequence[SdkParse]) -> FindingEffect:
    return min(
        (effect_of(one, parses) for one in same), key=lambda one: (SEVEREST.index(one.outcome), *one[1:])
    )


def _ordered(numbers: Mapping[SdkOutcome, int]) -> dict[SdkOutcome, int]:
    return {name: numbers[name] for name in SEVEREST if numbers.get(name)}


def _digest(sdk: str, outcomes: Mapping[RowKey, SdkOutcome]) -> str:
    lines = sorted(
        "\x1f".join((fingerprint, amendment or "", expectation, outcome))
        for (fingerprint, amendment, expectation), outcome in outcomes.items()
    )
    return hashlib.sha256("\x1e".join((sdk, *lines)).encode("utf-8", "surrogatepass")).hexdigest()
