"""Chooses the cases of a night.

What was longest unseen comes first, and what shows the most elements for each request and token. A pure
function of the cases, of the day on which each was exercised last, and of limits.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.planning.billing import total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST = 60
"""Nights that are planned ahead at most."""


class PlannedCase(msgspec.Struct, frozen=True):
    """A case that can be sent to the target.

    Attributes:
        id: of the case.
        calls: number of requests by label of the operation.
        bills: the most that they can be charged, by unit.
        shows: the elements of the contract that it is expected to show, as the bits of a number.
        needs: requests that make the resources which it needs, by the names of these.
    """

    id: str
    calls: dict[str, int]
    bills: dict[str, int] = {}
    shows: int = 0
    needs: dict[str, int] = {}

    @property
    def requests(self) -> int:
        """How many requests it sends."""
        return sum(self.calls.values())

    @property
    def tokens(self) -> int:
        """The most tokens that it can be charged."""
        return self.bills.get("tokens", 0)


class NightLimits(msgspec.Struct, frozen=True):
    """The budget of a night.

    Attributes:
        requests: of all cases.
        calls: of one operation.
        tokens: that can be charged at most.
    """

    requests: int
    calls: int
    tokens: int


class Night(msgspec.Struct, frozen=True):
    """The cases of one night.

    Attributes:
        cases: in the order in which they were chosen.
        requests: how many the cases and their resources send.
        calls: number of requests by label of the operation.
        bills: the most that can be charged, by unit.
        shows: the elements that they are expected to show, as the bits of a number.
    """

    cases: tuple[str, ...]
    requests: int
    calls: dict[str, int]
    bills: dict[str, int]
    shows: int


def choose(
    cases: Sequence[PlannedCase], last: Mapping[str, int], limits: NightLimits, *, seen: int = 0
) -> Night:
    """Return the cases of a night.

    First comes the oldest case, so that none waits for ever, then one of each operation, then the cases that
    were exercised longest ago; those that never were are the oldest. Among equals that one is next which
    shows the most elements, by requests and tokens, that nothing before it has shown.

    Args:
        cases: that can be sent.
        last: the day on which each was exercised last, as a number; cases that never were are missing.
        limits: of the night.
        seen: elements that earlier nights of the same round have shown.
    """
    chosen = _Chosen(limits, seen)
    waiting = sorted(cases, key=lambda case: case.id)
    _take(chosen, waiting, last, one=True)
    for label in sorted({label for case in waiting for label in case.calls}):
        if label not in chosen.calls:
            fitting = [case for case in waiting if label in case.calls and case.id not in chosen.cases]
            _take(chosen, [case for case in fitting if case.shows] or fitting, last, one=True)
    groups: dict[int, list[PlannedCase]] = {}
    for case in waiting:
        if case.id not in chosen.cases:
            groups.setdefault(last.get(case.id, -1), []).append(case)
    for _, group in sorted(groups.items()):
        _take(chosen, group, last)
    return chosen.night()


def schedule(
    cases: Sequence[PlannedCase], last: Mapping[str, int], day: int, limits: NightLimits
) -> list[Night]:
    """Return the nights from a day on, until each case was exercised once that fits into any night.

    Args:
        cases: that can be sent.
        last: the day on which each was exercised last.
        day: of the first night, as a number.
        limits: of each night.
    """
    nights: list[Night] = []
    known, waiting, seen = dict(last), {case.id for case in cases}, 0
    while not nights or (waiting and len(nights) < LONGEST):
        night = choose(cases, known, limits, seen=seen)
        if nights and not waiting & {*night.cases}:
            break  # the rest fits into no night
        known |= dict.fromkeys(night.cases, day + len(nights))
        waiting -= {*night.cases}
        seen |= night.shows
        nights.append(night)
    return nights


def cycle(cases: Sequence[PlannedCase], day: int, limits: NightLimits) -> list[Night]:
    """Return the nights from a day on where nobody remembers earlier ones: their round begins anew each time.

    The day decides which night of the round is the first.
    """
    nights = schedule(cases, {}, 0, limits)
    first = day % len(nights)
    return nights[first:] + nights[:first]


class _Chosen:
    """What is chosen so far."""

    def __init__(self, limits: NightLimits, seen: int) -> None:
        self.cases: dict[str, PlannedCase] = {}
        self.calls: Counter[str] = Counter()
        self.seen = seen
        self._limits = limits
        self._resources: set[str] = set()
        self._requests = 0
        self._tokens = 0
        self._shows = 0

    def fits(self, case: PlannedCase) -> bool:
        """Return whether a case fits into the rest of the budget."""
        limits = self._limits
        return (
            self._requests + self._cost(case) <= limits.requests
            and self._tokens + case.tokens <= limits.tokens
            and all(self.calls[label] + number <= limits.calls for label, number in case.calls.items())
        )

    def value(self, case: PlannedCase) -> float:
        """Return how many elements a case adds, by its share of what is scarce."""
        new, limits = (case.shows & ~self.seen).bit_count(), self._limits
        share = self._cost(case) / limits.requests + case.tokens / max(limits.tokens, 1)
        return (1 + new) / (share + max(case.calls.values(), default=0) / limits.calls)

    def add(self, case: PlannedCase) -> None:
        """Choose a case."""
        self._requests += self._cost(case)
        self._tokens += case.tokens
        self._resources |= case.needs.keys()
        self.cases[case.id] = case
        self.calls.update(case.calls)
        self._shows |= case.shows
        self.seen |= case.shows

    def _cost(self, case: PlannedCase) -> int:
        made = self._resources
        return case.requests + sum(number for name, number in case.needs.items() if name not in made)

    def night(self) -> Night:
        """Return what is chosen."""
        return Night(
            cases=tuple(self.cases),
            requests=self._requests,
            calls=dict(sorted(self.calls.items())),
            bills=total(case.bills for case in self.cases.values()),
            shows=self._shows,
        )


def _take(
    chosen: _Chosen, cases: Iterable[PlannedCase], last: Mapping[str, int], *, one: bool = False
) -> None:
    """Choose cases by their value as long as they fit; the oldest first if only one is wanted."""
    left = list(cases)
    while left := [case for case in left if chosen.fits(case)]:
        best = max(left, key=lambda case: (-last.get(case.id, -1) if one else 0, chosen.value(case)))
        chosen.add(best)
        if one:
            return
        left.remove(best)
