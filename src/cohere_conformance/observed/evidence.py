"""What responses of one scenario have shown, as figures: a value that is merged in any order and grouping."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BEFORE = ""
"""In place of a day: all earlier days together, and exchanges without a date. It sorts before any day."""
HEADERS = "header:"
"""The location of the header fields as a whole."""
_DAYS = 12
"""The last days that are counted apart. A row of presences is judged by its end, so the older ones matter
only as a sum: with one exchange a night, so many nights are beyond every threshold of `expected.py`."""


class Scenario(NamedTuple):
    """What decides which properties a response has.

    Attributes:
        operation: label such as `POST /v2/chat`.
        status: HTTP status.
        streamed: whether the response is a stream of events.
        request: the optional parts of the request that were sent, with their values where the contract lists
            them: `documents`, `embedding_types=float`, `model=command-r`.
        response: values of enumerations in the response, such as `/finish_reason=TOOL_CALL`: they select
            what else a response has.
    """

    operation: str
    status: int
    streamed: bool
    request: frozenset[str]
    response: frozenset[str]

    @property
    def place(self) -> tuple[str, int, bool]:
        """What all its variants have in common."""
        return self.operation, self.status, self.streamed


class Counts(NamedTuple):
    """How many exchanges showed a location.

    Attributes:
        seen: its parent was there: an object whose declaration has the property.
        present: it was there in all of its parents: in each item of an array, in each event.
        objects: an object was there at least once, so that it can be a parent itself.
    """

    seen: int = 0
    present: int = 0
    objects: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sum."""
        return Counts(self.seen + other.seen, self.present + other.present, self.objects + other.objects)


class LocationEvidence(msgspec.Struct, frozen=True):
    """What was seen at one location.

    Attributes:
        days: how often, by day.
        types: number of exchanges with each JSON type there.
        values: number of exchanges with each value of the declared enumeration.
    """

    days: dict[str, Counts]
    types: dict[str, int] = {}
    values: dict[str, int] = {}


class ScenarioEvidence(msgspec.Struct, frozen=True):
    """What was seen in one scenario.

    Attributes:
        first: the first day; empty if no exchange has a date.
        last: the last day, likewise.
        locations: by JSON pointer with `*` for indexes; in a stream it begins with the type of the event.
            The location `""` is the body, or the stream; `header:` is all header fields.
    """

    first: str
    last: str
    locations: dict[str, LocationEvidence]

    @property
    def days(self) -> Mapping[str, Counts]:
        """The number of exchanges by day, each of which counts in `seen`."""
        return self.locations[""].days


Evidence = dict[Scenario, ScenarioEvidence]
"""All that is known, by scenario."""


def merged(parts: Sequence[ScenarioEvidence]) -> ScenarioEvidence:
    """Return what several parts show together; the order of the parts and their grouping do not matter.

    Each exchange is in one part only: the same recording twice counts twice.

    Args:
        parts: at least one.
    """
    kept = kept_days(parts)
    known = dict.fromkeys(name for part in parts for name in part.locations)
    days = [day for part in parts for day in (part.first, part.last) if day]
    return ScenarioEvidence(
        first=min(days, default=""),
        last=max(days, default=""),
        locations={name: _location(parts, name, kept) for name in sorted(known)},
    )


def kept_days(parts: Iterable[ScenarioEvidence]) -> frozenset[str]:
    """Return the days that are counted apart if the parts are merged."""
    return frozenset(sorted({day for part in parts for day in part.days} - {BEFORE})[-_DAYS:])


def together(parts: Iterable[Evidence]) -> Evidence:
    """Return what several pieces of evidence show together."""
    found: dict[Scenario, list[ScenarioEvidence]] = {}
    for part in parts:
        for scenario, one in part.items():
            found.setdefault(scenario, []).append(one)
    return {scenario: merged(several) for scenario, several in found.items()}


def exchanges(evidence: Evidence) -> int:
    """Return the number of exchanges that the evidence comes from."""
    return sum(counts.seen for one in evidence.values() for counts in one.days.values())


def counts_at(part: ScenarioEvidence, location: str) -> dict[str, Counts]:
    """Return how often a location was there, by day; where it never was, its parents have lacked it."""
    if location in part.locations:
        return part.locations[location].days
    above = parent(location)
    if above is None or above not in part.locations:
        return {}
    return {day: Counts(one.objects) for day, one in part.locations[above].days.items() if one.objects}


def parent(location: str) -> str | None:
    """Return the location of the object that a property belongs to; `None` for what is no property."""
    if location in {"", HEADERS} or location.endswith(("/*", "/{}")):
        return None
    if location.startswith(HEADERS):
        return HEADERS
    return location.rpartition("/")[0]


def _location(parts: Iterable[ScenarioEvidence], name: str, kept: frozenset[str]) -> LocationEvidence:
    days: dict[str, Counts] = {}
    types: Counter[str] = Counter()
    values: Counter[str] = Counter()
    for part in parts:
        for day, counts in counts_at(part, name).items():
            bucket = day if day in kept else BEFORE
            days[bucket] = days.get(bucket, Counts()).plus(counts)
        if (one := part.locations.get(name)) is not None:
            types.update(one.types)
            values.update(one.values)
    return LocationEvidence(
        dict(sorted(days.items())), dict(sorted(types.items())), dict(sorted(values.items()))
    )
