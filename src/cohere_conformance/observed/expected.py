"""Which properties a response of a scenario is expected to have, by what earlier ones have had."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.observed.evidence import BEFORE, counts_at, kept_days, merged, parent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.observed.evidence import Evidence, Scenario, ScenarioEvidence


class Threshold(NamedTuple):
    """How much has to be seen before something counts as being there always.

    Attributes:
        exchanges: one after the other, without an exception.
        days: on so many days: one bad run, or one good one, is one day.
    """

    exchanges: int
    days: int

    def reached(self, row: UnbrokenRow) -> bool:
        """Return whether a row is long enough."""
        return row.exchanges >= self.exchanges and row.days >= self.days


LEAST = Threshold(3, 2)
"""Where no response of the operation ever lacked the property, whatever was sent: nothing speaks for chance,
and the rarest recorded operations (three and four exchanges in two years) can be watched. Two days, because
one bad run is one day."""
FIRM = Threshold(10, 3)
"""Where some response lacked it. What is absent by chance in three responses of ten is there ten times in a
row with 0.7^10, less than 3 %; and three days are three states of the server. In a shorter row one finds
patterns of what a model happened to write."""


class UnbrokenRow(NamedTuple):
    """The last responses without an exception.

    Attributes:
        exchanges: how many had the property.
        days: on how many days; all those without a date are one.
        begun: the first of these days that is counted apart.
        broken: the last day on which one lacked it; `None` if none ever did.
    """

    exchanges: int = 0
    days: int = 0
    begun: str = BEFORE
    broken: str | None = None


class Presence(NamedTuple):
    """A property that is expected.

    Attributes:
        location: of the property.
        row: the responses that had it.
        firm: its absence is more than a hint: no response of the operation ever lacked it, in many of them,
            and some were to such requests.
    """

    location: str
    row: UnbrokenRow
    firm: bool


_Days = dict[str, tuple[int, int]]
"""By day, the responses that could have had a property, and those that had it."""


class Pool:
    """All evidence about one operation, status and framing.

    Args:
        scenarios: its variants.
    """

    def __init__(self, scenarios: Evidence) -> None:
        self.whole: ScenarioEvidence = merged([*scenarios.values()])
        self._features = [_features(one) for one in scenarios]
        self._names = {name for one in self._features for name in one}
        # Folded to the same days, so that their sums are in the right order.
        kept = kept_days(scenarios.values())
        self._days = {
            location: [_chances(one, location, kept) for one in scenarios.values()]
            for location in self.whole.locations
            if parent(location) is not None
        }
        self._settings: dict[tuple[str, str], set[str | None]] = {}
        self._expected: dict[Scenario, tuple[Presence, ...]] = {}
        self._always = {name for name, days in self._days.items() if _row(days).broken is None}
        self._never: dict[tuple[Scenario, str], UnbrokenRow | None] = {}

    def expected(self, scenario: Scenario) -> tuple[Presence, ...]:
        """Return what a response of a scenario has to have."""
        if scenario not in self._expected:
            found = (self._presence(_features(scenario), location) for location in self._days)
            self._expected[scenario] = tuple(one for one in found if one is not None)
        return self._expected[scenario]

    def never_lacked(self, location: str) -> bool:
        """Return whether no response lacked a location, or it is no property."""
        return location not in self._days or location in self._always

    def never(self, scenario: Scenario, location: str) -> UnbrokenRow | None:
        """Return the responses of the very scenario, if these were many and all of them lacked a location."""
        if self.never_lacked(location):
            return None
        key = scenario, location
        if key not in self._never:
            self._never[key] = self._absent(scenario, location)
        return self._never[key]

    def _absent(self, scenario: Scenario, location: str) -> UnbrokenRow | None:
        own = self._like(_features(scenario), location, self._days[location])
        absent = _row(
            [{day: (seen, seen - present) for day, (seen, present) in days.items()} for days in own]
        )
        return absent if FIRM.reached(absent) and absent.broken is None else None

    def _presence(self, wanted: dict[str, str], location: str) -> Presence | None:
        every = self._days[location]
        whole = _row(every)
        always = whole.broken is None
        if location.startswith("<") and "/" not in location and not always:
            return None  # which events a stream has depends on what the model writes: no deltas, no citations
        needed = LEAST if always else FIRM
        if not needed.reached(_length(every)):
            return None
        own = self._like(wanted, location, every)
        if needed.reached(_length(own)):
            row = _row(own)
            firm = always and FIRM.reached(whole)
            return Presence(location, row, firm) if needed.reached(row) else None
        # Nobody has sent this very combination often enough. A wider scenario replaces it where nothing in
        # the operation ever lacked the property, unless a part of the combination is new: that may decide.
        if always and all(
            self._is_known(location, name, wanted.get(name)) for name in self._deciding(wanted, location)
        ):
            return Presence(location, whole, firm=False)
        return None

    def _is_known(self, location: str, name: str, value: str | None) -> bool:
        """Return whether a feature was seen where a location could be, or makes no difference.

        A part of the request makes none if responses to several of its values could have the location: all of
        them had it. A new value in the response is another kind of response, such as a failed one.
        """
        if (location, name) not in self._settings:
            days = zip(self._features, self._days[location], strict=True)
            self._settings[location, name] = {
                features.get(name) for features, one in days if any(seen for seen, _ in one.values())
            }
        known = self._settings[location, name]
        several = len(known - {None}) > 1 and not name.startswith(("/", "<"))
        return value in known or (value is not None and several)

    def _deciding(self, wanted: dict[str, str], location: str) -> set[str]:
        """Return the names of the features that may decide: not what is the location itself, or in it."""
        return {name for name in self._names | wanted.keys() if not _within(name, location)}

    def _like(self, wanted: dict[str, str], location: str, every: list[_Days]) -> list[_Days]:
        """Return the part of the evidence that is about the very scenario."""
        names = self._deciding(wanted, location)
        return [
            days
            for features, days in zip(self._features, every, strict=True)
            if all(features.get(name) == wanted.get(name) for name in names)
        ]


class Pools:
    """The evidence by operation, status and framing; each part is added up when it is needed.

    Args:
        evidence: of all.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._parts: dict[tuple[str, int, bool], Evidence] = {}
        for scenario, one in evidence.items():
            self._parts.setdefault(scenario.place, {})[scenario] = one
        self._pools: dict[tuple[str, int, bool], Pool] = {}

    def of(self, scenario: Scenario) -> Pool | None:
        """Return the evidence about what a scenario is a variant of; `None` if there is none."""
        place = scenario.place
        if place not in self._pools and place in self._parts:
            self._pools[place] = Pool(self._parts[place])
        return self._pools.get(place)


def _chances(evidence: ScenarioEvidence, location: str, kept: frozenset[str]) -> _Days:
    days: _Days = {}
    for day, counts in counts_at(evidence, location).items():
        bucket = day if day in kept else BEFORE
        seen, present = days.get(bucket, (0, 0))
        days[bucket] = (seen + counts.seen, present + counts.present)
    return days


def _sum(several: Iterable[_Days]) -> _Days:
    total: _Days = {}
    for days in several:
        for day, (seen, present) in days.items():
            before = total.get(day, (0, 0))
            total[day] = (before[0] + seen, before[1] + present)
    return {day: total[day] for day in sorted(total) if total[day][0]}


def _length(several: Iterable[_Days]) -> UnbrokenRow:
    """Return how many responses could have had a property, whether or not they had it."""
    days = _sum(several)
    return UnbrokenRow(sum(seen for seen, _ in days.values()), len(days))


def _row(several: Iterable[_Days]) -> UnbrokenRow:
    """Return the unbroken row at the end of what was seen."""
    exchanges, begun, days = 0, BEFORE, _sum(several)
    for number, (day, (seen, present)) in enumerate(reversed(days.items())):
        if present < seen:
            return UnbrokenRow(exchanges, number, begun, day)
        exchanges, begun = exchanges + seen, day or begun
    return UnbrokenRow(exchanges, len(days), begun)


def _features(scenario: Scenario) -> dict[str, str]:
    """Return what a scenario consists of, by name."""
    return dict(one.partition("=")[::2] for one in (*scenario.request, *scenario.response))


def _within(location: str, other: str) -> bool:
    return location == other or location.startswith(f"{other}/")
