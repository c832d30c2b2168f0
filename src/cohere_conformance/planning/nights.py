"""Chooses the cases of a night, so that a round of as few nights as the budget allows has every case.

What was longest unseen comes first. Of that, first what shows the most elements for its cost, then what needs
most of what is scarce in the nights ahead. A pure function of the cases, of the day on which each was
exercised last, and of limits: a night that is missed moves everything by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.planning.billing import total
from cohere_conformance.planning.observed import SharedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

LONGEST = 60
"""Nights that are planned ahead at most."""
_NEVER = -1
_ROUNDING = 1e-9


class PlannedCase(msgspec.Struct, frozen=True):
    """A case that can be sent to the target.

    Attributes:
        id: of the case.
        calls: number of requests by label of the operation.
        bills: the most that they can be charged, by unit.
        shows: the elements of the contract that it is expected to show, as the bits of a number.
        needs: requests that make the resources which it needs, by the names of these.
        shared: those of its requests that other cases send as well; a night sends each once.
    """

    id: str
    calls: dict[str, int]
    bills: dict[str, int] = {}
    shows: int = 0
    needs: dict[str, int] = {}
    shared: dict[str, SharedRequest] = {}


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


def choose(cases: Sequence[PlannedCase], last: Mapping[str, int], limits: NightLimits) -> Night:
    """Return the cases of a night.

    First comes the largest of the oldest cases, so that none waits for ever, then one of each operation, then
    the cases that were exercised longest ago; those that never were are the oldest. Of cases that were
    exercised on the same day, those are first that show elements which no later day and no chosen case has
    shown, the most for their cost. The others are packed: next is the case whose cost is best aligned with
    what is left of the night and with what the cases of that day need altogether.

    Args:
        cases: that can be sent.
        last: the day on which each was exercised last, as a number; cases that never were are missing.
        limits: of the night.
    """
    chosen = _Chosen(limits)
    waiting = sorted(cases, key=lambda case: case.id)
    days: dict[int, list[PlannedCase]] = {}
    for case in waiting:
        days.setdefault(last.get(case.id, _NEVER), []).append(case)
    if days:
        _take(chosen, days[min(days)], chosen.largest, most=1)
    for label in sorted({label for case in waiting for label in case.calls}):
        if label not in chosen.calls:
            fitting = [case for case in waiting if label in case.calls]
            oldest = [case for case in fitting if case.shows] or fitting
            _take(chosen, oldest, lambda case: (-last.get(case.id, _NEVER), chosen.value(case)), most=1)
    for day in sorted(days):
        later = 0
        for other in days:
            for case in days[other] if other > day else ():
                later |= case.shows
        chosen.known = later
        _take(chosen, (case for case in days[day] if case.shows & ~later), chosen.value, above=0.0)
        _take(chosen, days[day], chosen.fit(days[day]))
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
    known, waiting = dict(last), {case.id for case in cases}
    while not nights or (waiting and len(nights) < LONGEST):
        night = choose(cases, known, limits)
        if nights and not waiting & {*night.cases}:
            break  # the rest fits into no night
        known |= dict.fromkeys(night.cases, day + len(nights))
        waiting -= {*night.cases}
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
    """What is chosen so far.

    Attributes:
        cases: by id.
        calls: number of requests by label of the operation.
        known: elements that need not be shown.
    """

    def __init__(self, limits: NightLimits) -> None:
        self.cases: dict[str, PlannedCase] = {}
        self.calls: Counter[str] = Counter()
        self.known = 0
        self._limits = limits
        self._left: defaultdict[str, float] = defaultdict(lambda: 1.0)  # shares of the limits
        self._made: set[str] = set()  # resources and shared requests
        self._requests = 0
        self._bills: list[Mapping[str, int]] = []
        self._shows = 0
        self._costs: dict[str, dict[str, float]] = {}
        self._full_costs: dict[str, dict[str, float]] = {}

    def fits(self, case: PlannedCase) -> bool:
        """Return whether a case fits into the rest of the budget."""
        return all(share <= self._left[kind] + _ROUNDING for kind, share in self.cost(case).items())

    def cost(self, case: PlannedCase) -> dict[str, float]:
        """Return what a case adds to the night, as shares of its limits: calls, requests and tokens."""
        if (cost := self._costs.get(case.id)) is None:
            alone = self._made.isdisjoint(case.needs.keys() | case.shared.keys())
            cost = self._costs[case.id] = self._full(case) if alone else self._shares(*self._added(case))
        return cost

    def largest(self, case: PlannedCase) -> float:
        """Return the largest share of a limit that a case takes."""
        return max(self.cost(case).values())

    def value(self, case: PlannedCase) -> float:
        """Return how many elements a case adds, by its share of what is limited."""
        new = case.shows & ~self.known & ~self._shows
        return new.bit_count() / max(sum(self.cost(case).values()), _ROUNDING)

    def fit(self, cases: Sequence[PlannedCase]) -> Callable[[PlannedCase], tuple[bool, float]]:
        """Return the value of a case for packing those that are left into as few nights as possible.

        Each night is to take the same part of what all of them need: of the calls of each operation, of the
        requests, and of the tokens. A case is worth more the more it has of what is behind, and less the more
        it has of what is ahead. First are those that share a request with a chosen case.
        """
        demand: dict[str, float] = {}
        for one in cases:
            for kind, share in self._full(one).items() if one.id not in self.cases else ():
                demand[kind] = demand.get(kind, 0.0) + share
        part = 1 / max([1.0, *demand.values()])

        def value(case: PlannedCase) -> tuple[bool, float]:
            return not case.shared.keys().isdisjoint(self._made), sum(
                share * (part - (1 - self._left[kind]) / demand[kind])
                for kind, share in self._full(case).items()
                if demand[kind]
            )

        return value

    def add(self, case: PlannedCase) -> None:
        """Choose a case."""
        calls, requests, bills = self._added(case)
        for kind, share in self.cost(case).items():
            self._left[kind] -= share
        self.calls.update(calls)
        self._requests += requests
        self._bills.append(bills)
        if new := (case.needs.keys() | case.shared.keys()) - self._made:
            self._made |= new
            self._costs.clear()
        self.cases[case.id] = case
        self._shows |= case.shows

    def night(self) -> Night:
        """Return what is chosen."""
        return Night(
            cases=tuple(self.cases),
            requests=self._requests,
            calls=dict(sorted((+self.calls).items())),
            bills=total(self._bills),
            shows=self._shows,
        )

    def _added(self, case: PlannedCase) -> tuple[Mapping[str, int], int, Mapping[str, int]]:
        """Return the calls, requests and bills that a case adds to those of the night."""
        calls, bills = Counter(case.calls), Counter(case.bills)
        for name, one in case.shared.items():
            if name in self._made:
                calls[one.operation] -= 1
                bills.subtract(one.bills)
        needed = sum(number for name, number in case.needs.items() if name not in self._made)
        return calls, calls.total() + needed, +bills

    def _full(self, case: PlannedCase) -> dict[str, float]:
        """Return what a case costs where nothing that it needs or shares is chosen."""
        if (cost := self._full_costs.get(case.id)) is None:
            requests = sum(case.calls.values()) + sum(case.needs.values())
            cost = self._full_costs[case.id] = self._shares(case.calls, requests, case.bills)
        return cost

    def _shares(self, calls: Mapping[str, int], requests: int, bills: Mapping[str, int]) -> dict[str, float]:
        limits = self._limits
        shares = {label: number / limits.calls for label, number in calls.items()}
        tokens = bills.get("tokens", 0) / max(limits.tokens, 1)
        return shares | {"requests": requests / limits.requests, "tokens": tokens}


def _take(
    chosen: _Chosen,
    cases: Iterable[PlannedCase],
    value: Callable[[PlannedCase], object],
    *,
    most: int = LONGEST**2,
    above: float | None = None,
) -> None:
    """Choose cases by their value as long as they fit.

    Args:
        chosen: gets them.
        cases: to choose from.
        value: of a case; those with the highest are first.
        most: number of cases to choose.
        above: cases of this value or less are not chosen.
    """
    left = [case for case in cases if case.id not in chosen.cases]
    for _ in range(most):
        left = [case for case in left if chosen.fits(case)]
        if not left:
            return
        best = max(left, key=value)  # type: ignore[arg-type]
        if above is not None and value(best) <= above:  # type: ignore[operator]
            return
        chosen.add(best)
        left.remove(best)
