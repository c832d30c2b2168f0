"""The cases of a night: cheap, all operations, what was longest unseen first, everything within a round."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from cohere_conformance.contract.tiers import Tier, shipped_policies
from cohere_conformance.planning import (
    NightLimits,
    PlannedCase,
    SharedRequest,
    choose,
    cycle,
    load_observations,
    schedule,
)

WIDE = NightLimits(requests=1000, calls=1000, tokens=100_000)


def case(name: str, *shows: int, label: str = "GET /a", calls: int = 1, tokens: int = 0) -> PlannedCase:
    bills = {"tokens": tokens} if tokens else {}
    return PlannedCase(name, {label: calls}, bills, sum(1 << number for number in shows))


def made(seed: int, number: int = 120) -> list[PlannedCase]:
    """Return cases of eight operations with random costs and elements."""
    chance = random.Random(seed)
    return [
        case(
            f"c{index:03}", *chance.sample(range(200), chance.randint(0, 30)),
            label=f"POST /{index % 8}", calls=chance.randint(1, 3), tokens=chance.choice([0, 0, 20, 120]),
        )
        for index in range(number)
    ]  # fmt: skip


def test_what_shows_more_for_less_comes_first() -> None:
    cases = [case("dear", 1, 2, 3, tokens=5), case("cheap", 1, 2, 3), case("large", calls=2)]
    night = choose(cases, {}, NightLimits(requests=3, calls=3, tokens=10))
    assert night.cases == ("large", "cheap"), "the largest of the oldest cases is first"
    assert (night.requests, night.calls, night.bills, night.shows) == (3, {"GET /a": 3}, {}, 0b1110)
    small = [case("few", 1), *(case(f"same{number}", 1, 2, 3) for number in range(3)), case("other", 7)]
    assert choose(small, {}, NightLimits(requests=3, calls=3, tokens=0)).cases == ("few", "same0", "other"), (
        "what one shows, the others need not show again"
    )


def test_every_operation_is_called_every_night() -> None:
    cases = [case(f"rich{number}", *range(50)) for number in range(9)] + [case("only", label="GET /b")]
    last = {"only": 9}  # yesterday, when nothing else was sent
    assert "only" in choose(cases, last, NightLimits(requests=3, calls=9, tokens=0)).cases


def test_what_was_longest_unseen_comes_first() -> None:
    cases = [case("old", 1), case("never"), case("new", *range(40)), case("older", 2)]
    last = {"old": 5, "new": 8, "older": 3}
    assert choose(cases, last, NightLimits(requests=3, calls=3, tokens=0)).cases == ("never", "older", "old")


@pytest.mark.parametrize("seed", range(5))
def test_no_night_exceeds_its_budget_and_a_round_has_every_case(seed: int) -> None:
    cases, limits = made(seed), NightLimits(requests=60, calls=9, tokens=700)
    nights = schedule(cases, {}, 100, limits)
    assert {name for night in nights for name in night.cases} == {one.id for one in cases}
    assert 1 < len(nights) < 12
    by_id = {one.id: one for one in cases}
    for night in nights:
        chosen = [by_id[name] for name in night.cases]
        assert sum(sum(one.calls.values()) for one in chosen) == night.requests <= limits.requests
        assert sum(one.bills.get("tokens", 0) for one in chosen) <= limits.tokens
        assert max(night.calls.values()) <= limits.calls
        assert len(night.calls) == 8, "each operation at least once"
    assert schedule(cases, {}, 100, limits) == nights, "nothing is random"


@pytest.mark.parametrize("seed", range(5))
def test_a_round_takes_hardly_more_nights_than_the_scarcest_limit_needs(seed: int) -> None:
    """Each night takes of everything, so that no limit is left for the end."""
    cases, limits = made(seed, 300), NightLimits(requests=90, calls=14, tokens=1500)
    calls, tokens = Counter[str](), 0
    for one in cases:
        calls.update(one.calls)
        tokens += one.bills.get("tokens", 0)
    least = max(max(calls.values()) / limits.calls, calls.total() / limits.requests, tokens / limits.tokens)
    assert least > 5
    assert len(schedule(cases, {}, 0, limits)) <= math.ceil(least) + 1


@pytest.mark.parametrize("missed", [(), (2, 3), (1, 4, 5, 6, 9)])
def test_what_the_plan_of_one_night_says_about_later_ones_holds(missed: tuple[int, ...]) -> None:
    """A night that is missed moves everything by one."""
    cases, limits = made(3), NightLimits(requests=60, calls=9, tokens=700)
    ahead = [night.cases for night in schedule(cases, {}, 0, limits)]
    last: dict[str, int] = {}
    nights = (day for day in range(99) if day not in missed)
    for day, planned in zip(nights, ahead, strict=False):
        night = choose(cases, last, limits)
        assert night.cases == planned
        last |= dict.fromkeys(night.cases, day)
    assert last.keys() == {one.id for one in cases}


def test_the_shipped_cases_come_once_a_week_at_least_whatever_night_is_missed() -> None:
    """The nights of a live run as it ships: 300 requests, 15 calls of an operation, 1,500 tokens."""
    observed, policies = load_observations(), shipped_policies()
    cases = [
        PlannedCase(
            name, one.calls, one.bills, one.mask, {}, {key: observed.requests[key] for key in one.shared}
        )
        for name, one in observed.cases.items()
        if {policies[label].tier for label in one.calls} <= {Tier.FREE_READ, Tier.CHEAP_COMPUTE}
    ]
    limits, last, ran = NightLimits(248, 15, 1500), dict[str, int](), dict[str, int]()
    for number, day in enumerate(day for day in range(30) if day not in {2, 5, 6, 14}):
        night = choose(cases, last, limits)
        last |= dict.fromkeys(night.cases, day)
        ran |= dict.fromkeys(night.cases, number)
        if number >= 6:
            assert {one.id for one in cases if number - ran.get(one.id, -1) > 6} == set()


def test_elements_that_a_later_night_has_shown_count_for_nothing() -> None:
    cases = [case("seen", *range(9)), case("new", 20, tokens=5), case("last", *range(9))]
    night = choose(cases, {"last": 4}, NightLimits(requests=2, calls=2, tokens=9))
    assert night.cases == ("new", "seen"), "what `seen` would show was shown on day 4"


def test_a_request_that_several_cases_send_is_paid_once() -> None:
    shared = {"a1": SharedRequest("GET /a", {"tokens": 40})}
    cases = [
        PlannedCase(name, {"GET /a": 2}, {"tokens": 50}, 1 << number, {}, shared)
        for number, name in enumerate("xyz")
    ]
    night = choose(cases, {}, WIDE)
    assert (night.requests, night.calls, night.bills) == (4, {"GET /a": 4}, {"tokens": 70})
    assert len(choose(cases, {}, NightLimits(requests=9, calls=3, tokens=99)).cases) == 2
    alone = [*cases[:2], *(case(f"other{number}", calls=2, tokens=50) for number in range(4))]
    nights = schedule(alone, {}, 0, NightLimits(requests=9, calls=5, tokens=200))
    assert [{"x", "y"} <= {*night.cases} for night in nights].count(True) >= 1, "on the same night"


def test_the_day_chooses_the_night_where_nobody_remembers() -> None:
    cases, limits = made(1), NightLimits(requests=60, calls=9, tokens=700)
    nights = len(schedule(cases, {}, 0, limits))
    first = [cycle(cases, day, limits)[0].cases for day in range(700, 700 + nights)]
    assert {name for night in first for name in night} == {one.id for one in cases}
    assert cycle(cases, 700 + nights, limits)[0].cases == first[0]


def test_with_a_history_all_cases_come_round_whatever_night_is_missed() -> None:
    cases, limits = made(2), NightLimits(requests=60, calls=9, tokens=700)
    round_of = len(schedule(cases, {}, 0, limits))
    last: dict[str, int] = {}
    for day in (1, 2, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16)[: round_of + 1]:
        last |= dict.fromkeys(choose(cases, last, limits).cases, day)
    assert last.keys() == {one.id for one in cases}


def test_what_fits_into_no_night_is_planned_for_none() -> None:
    nights = schedule([case("huge", 1, tokens=9000), case("small", 1)], {}, 0, NightLimits(9, 9, 100))
    assert [night.cases for night in nights] == [("small",)]


def test_a_resource_is_paid_for_once() -> None:
    needing = [
        PlannedCase(name, {"GET /a/{id}": 1}, {}, 1 << number, {"datasets.small": 8})
        for number, name in enumerate("ab")
    ]
    assert choose(needing, {}, WIDE).requests == 10
    assert choose(needing, {}, NightLimits(requests=8, calls=9, tokens=0)).cases == ()
