"""The evidence of one response: where its properties are, of which types, with which listed values."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.checks.exercised import media_of, typed_events
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.elements import OperationKey, outline, spelled
from cohere_conformance.model import Aspect
from cohere_conformance.observed.evidence import (
    BEFORE,
    HEADERS,
    Counts,
    Evidence,
    LocationEvidence,
    Scenario,
    ScenarioEvidence,
    parent,
)
from cohere_conformance.observed.plan import response_plans
from cohere_conformance.observed.scenario import request_features
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cohere_conformance.checks.parsed import ParsedExchange
    from cohere_conformance.contract import Contract, Operation
    from cohere_conformance.model import Exchange, Headers
    from cohere_conformance.observed.plan import LocationPlan, ResolvedPlan

FIELDS = frozenset({"num_chars", "num_tokens", "x-debug-trace-id"})
"""Fields of the API whose presence depends on the operation. Those of the edge depend on the way to the
server, those about limits on the key, and others could be anybody's."""
_NUMBERS = frozenset({int, float})
_TYPES = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}
"""The names of the types of parsed JSON; a number with and one without a fraction are of one type."""
_UNDECLARED = re.compile(r"[a-z][a-z_]{1,39}")
"""Names of properties that are learned although the contract does not declare them: what a service calls a
property, and no id, number or text that is somebody's."""
EVENTS = 16
"""Events of one type that are looked at in one stream: hundreds of deltas show what the first ones show."""
_DAY = re.compile(r"20\d\d-[01]\d-[0-3]\d")


class Sample:
    """One response.

    Attributes:
        scenario: what decides which properties it has.
        walk: what it shows.
        day: on which it was recorded; `BEFORE` if that is not known.
        declared: the locations that the operation declares.
    """

    def __init__(self, scenario: Scenario, walk: Walk, day: str, declared: frozenset[str]) -> None:
        self.scenario = scenario
        self.walk = walk
        self.day = day
        self.declared = declared

    def chances(self, location: str) -> int:
        """Return how often something could be at a location."""
        if location in self.walk.chances or location in self.declared:
            return self.walk.chances.get(location, 0)
        return self.walk.objects.get(parent(location) or "", 0)

    @cached_property
    def evidence(self) -> ScenarioEvidence:
        """What it shows, as that of one exchange."""
        return self.walk.evidence(self.day)


def sample_of(contract: Contract, parsed: ParsedExchange) -> Sample | None:
    """Return what a successful response shows; `None` for any other, an incomplete one, and a missing body.

    Names of properties and types are in it, and values that the contract lists; no other value, no text.
    """
    exchange, response = parsed.exchange, parsed.exchange.response
    label = contract.route(exchange.request.method, exchange.request.url).operation
    if label is None or response.failure is not None or not 200 <= response.status < 300:
        return None
    operation = contract.operations[label]
    declared = operation.response(response.status)
    media = media_of(declared, parsed) if declared is not None else None
    if declared is None or media is None:
        return None
    walk, key, plans = Walk(), (declared.status, media.name), response_plans(operation)
    if media.events is not None:
        walk.stream(plans.events.get(key, {}), typed_events(media.events.tag, media.framing, parsed))
    elif key in plans.bodies and parsed.response[0] is not NOTHING:
        walk.body(parsed.response[0], plans.bodies[key])
    else:
        return None
    walk.close(response.headers)
    scenario = Scenario(
        label,
        response.status,
        media.events is not None,
        request_features(operation, parsed),
        frozenset(walk.choices()),
    )
    return Sample(scenario, walk, day_of(exchange), declared_locations(operation))


def day_of(exchange: Exchange) -> str:
    """Return the day on which an exchange was recorded; `BEFORE` if that is not known."""
    matched = _DAY.match(exchange.source.recorded_at or "")
    return matched[0] if matched else BEFORE


def declared_locations(operation: Operation) -> frozenset[str]:
    """Return the locations that an operation declares."""
    return _declared(OperationKey(operation.label, operation.digest, operation))


@lru_cache(maxsize=256)
def _declared(key: OperationKey) -> frozenset[str]:
    return frozenset(
        f"<{escaped(one.name)}>" if one.aspect is Aspect.EVENT else one.name
        for one in outline(key.operation).elements
        if one.aspect in {Aspect.EVENT, Aspect.PROPERTY}
    )


def declared_part(evidence: Evidence, contract: Contract) -> Evidence:
    """Return evidence without the locations of properties that the contract does not declare."""
    part: Evidence = {}
    for scenario, one in evidence.items():
        declared = declared_locations(contract.operations[scenario.operation])
        part[scenario] = msgspec.structs.replace(
            one,
            locations={
                name: at
                for name, at in one.locations.items()
                if parent(name) in {None, HEADERS} or name in declared
            },
        )
    return part


class Walk:
    """Counts what one response has at each location.

    Attributes:
        chances: how often there could be something, by location.
        objects: how often there is an object.
        there: how often there is something.
        types: of the values.
        values: those that the contract lists.
    """

    def __init__(self) -> None:
        # Not `Counter`: it takes twice as long.
        self.chances: dict[str, int] = defaultdict(int)
        self.there: dict[str, int] = defaultdict(int)
        self.types: dict[str, set[str]] = defaultdict(set)
        self.values: dict[str, set[str]] = defaultdict(set)
        self.objects: dict[str, int] = defaultdict(int)
        self._undeclared: set[str] = set()
        self._choices: dict[str, set[str]] = defaultdict(set)

    def body(self, value: object, declared: LocationPlan) -> None:
        """Count a JSON body."""
        self._count("")
        self._value(declared, value)

    def stream(
        self, declared: Mapping[str, LocationPlan], events: Iterable[tuple[str, dict[str, Any]]]
    ) -> None:
        """Count the events of a stream; an event that is not declared is left out."""
        self._count("")
        self.objects[""] += 1
        for plan in declared.values():
            self.chances[plan.location] = 1
        number: Counter[str] = Counter()
        for name, payload in events:
            number[name] += 1
            if name in declared and number[name] <= EVENTS:
                plan = declared[name]
                self.there[plan.location] += 1
                self._value(plan, payload)

    def close(self, headers: Headers) -> None:
        """Count header fields, and what is complete now.

        A recording without `Date`, which every server sends, was filtered.
        """
        for location in self._undeclared - self.chances.keys():
            self.chances[location] = self.objects[parent(location) or ""]
        names = {name for name, _ in headers}
        if "date" in names:
            self._count(HEADERS)
            self.objects[HEADERS] += 1
            for name in FIELDS:
                self.chances[f"{HEADERS}{name}"] += 1
                self.there[f"{HEADERS}{name}"] += name in names

    def _count(self, location: str, times: int = 1) -> None:
        self.chances[location] += times
        self.there[location] += times

    def _value(self, declared: LocationPlan, value: object) -> None:
        # The recursion ends where the declarations do, however deep the value is.
        location, plan = declared.location, declared.resolved(value)
        self.types[location].add(_TYPES[type(value)])
        if isinstance(value, dict):
            self._object(location, value, plan)
        elif isinstance(value, list):
            items = plan.items
            if items is None or not value:
                return
            if plan.may_be_vector and not {*map(type, value)} - _NUMBERS:
                # A vector; one number after the other would take as long as all the rest.
                self._count(items.location, len(value))
                self.types[items.location].add("number")
                return
            self._count(items.location, len(value))
            for inner in value:
                self._value(items, inner)
        elif plan.listed and value is not None and (text := spelled(value)) in plan.listed:
            self.values[location].add(text)
            if len(plan.listed) > 1 and "*" not in location and "{}" not in location:
                self._choices[location].add(text)

    def _object(self, location: str, value: dict[str, object], plan: ResolvedPlan) -> None:
        self.objects[location] += 1
        chances, there, found = self.chances, self.there, 0
        for name, below in plan.properties:
            at = below.location
            chances[at] += 1
            if name in value:
                found += 1
                there[at] += 1
                self._value(below, value[name])
        if found == len(value):
            return
        for name in value.keys() - plan.names:
            if plan.free is not None:
                self._count(plan.free.location)
                self._value(plan.free, value[name])
            elif plan.names and _UNDECLARED.fullmatch(name):
                at = f"{location}/{name}"
                self._undeclared.add(at)
                there[at] += 1
                self.types[at].add(_TYPES[type(value[name])])

    def choices(self) -> Iterator[str]:
        """Yield the values that select what else a response has: those of enumerations outside of arrays."""
        return (f"{location}={'+'.join(sorted(texts))}" for location, texts in self._choices.items())

    def evidence(self, day: str) -> ScenarioEvidence:
        """Return what was counted, as that of one exchange."""
        return ScenarioEvidence(
            day,
            day,
            {
                location: LocationEvidence(
                    {day: Counts(1, int(self.there[location] >= chances), int(location in self.objects))},
                    dict.fromkeys(sorted(self.types.get(location, ())), 1),
                    dict.fromkeys(sorted(self.values.get(location, ())), 1),
                )
                for location, chances in sorted(self.chances.items())
            },
        )
