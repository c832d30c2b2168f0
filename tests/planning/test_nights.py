"""The cases of a night: cheap, all operations, what was longest unseen first, everything within a round."""

from __future__ import annotations

import random

import pytest

from cohere_conformance.planning import NightLimits, PlannedCase, choose, cycle, schedule

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
    cases = [case("dear", 1, 2, 3, tokens=900), case("cheap", 1, 2, 3), case("poor", 1)]
    night = choose(cases, {}, NightLimits(requests=2, calls=9, tokens=1000))
    assert night.cases == ("cheap", "poor"), "what the cheap one shows, the dear one need not show again"
    assert (night.requests, night.calls, night.bills, night.shows) == (2, {"GET /a": 2}, {}, 0b1110)


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
        assert sum(one.requests for one in chosen) == night.requests <= limits.requests
        assert sum(one.tokens for one in chosen) <= limits.tokens
        assert max(night.calls.values()) <= limits.calls
        assert len(night.calls) == 8, "each operation at least once"
    assert schedule(cases, {}, 100, limits) == nights, "nothing is random"


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
