"""Coverage, models and latencies are compared with what was usual, and nothing is said without reason."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from cohere_conformance.history.measures import measures, median
from cohere_conformance.history.past import PastRun
from cohere_conformance.report.changes import RunFigures

if TYPE_CHECKING:
    from cohere_conformance.report.changes import MeasureChange

CHAT = "POST /v2/chat"


def night(
    day: int, *, seen: int = 90, model: str = "command-a", chat: float = 200.0, **given: Any
) -> PastRun:
    started = f"2026-11-{day:02}T02:00:00Z"
    figures = RunFigures(
        started_at=started, breaking=0, additive=0, notice=0, causes=0, seen=seen, declared=100
    )
    fields: dict[str, Any] = {
        "target": "gateway",
        "contract": "sha256:1 amended",
        "started_at": started,
        "finished_at": started,
        "exit_code": 0,
        "verdict": "",
        "method": "run",
        "figures": figures,
        "models": {"chat": model},
        "latencies": {CHAT: chat},
    }
    return PastRun(**(fields | given))


def of_last(*nights: PastRun) -> list[MeasureChange]:
    return list(measures(nights[-1], nights[:-1]))


def test_equal_nights_say_nothing() -> None:
    assert of_last(*(night(day, chat=200.0 + 10 * day) for day in range(1, 9))) == []
    assert of_last(night(1)) == []


@pytest.mark.parametrize(
    ("other", "name", "was", "now"),
    [
        ({"seen": 80}, "coverage", "90 of 100 declarations", "80 of 100 declarations"),
        ({"model": "command-b"}, "model of role chat", "command-a", "command-b"),
        ({"chat": 900.0}, f"latency of {CHAT}", "200 ms", "900 ms"),
        ({"chat": 90.0}, f"latency of {CHAT}", "200 ms", "90 ms"),
    ],
)
def test_what_differs_is_new_once_and_persists(other: dict[str, Any], name: str, was: str, now: str) -> None:
    usual = [night(day) for day in range(1, 5)]
    (first,) = of_last(*usual, night(5, **other))
    assert (first.name, first.usual, first.other, first.state, first.runs) == (name, was, now, "new", 1)
    (second,) = of_last(*usual, night(5, **other), night(6, **other))
    assert (second.state, second.runs, second.first_seen[:10]) == ("persisting", 2, "2026-11-05")


def test_what_is_back_to_the_usual_is_resolved_once_and_regresses_when_it_returns() -> None:
    nights = [*(night(day) for day in range(1, 5)), night(5, seen=80), night(6)]
    (back,) = of_last(*nights)
    assert (back.state, back.usual, back.other, back.last_seen[:10]) == (
        "resolved", "90 of 100 declarations", "80 of 100 declarations", "2026-11-05",
    )  # fmt: skip
    assert of_last(*nights, night(7)) == []
    (again,) = of_last(*nights, night(7, seen=80))
    assert (again.state, again.runs) == ("regressed", 2)


def test_what_comes_and_goes_is_flapping() -> None:
    seen = [90, 90, 90, 90, 80, 90, 80, 90, 80]
    (change,) = of_last(*(night(day, seen=number) for day, number in enumerate(seen, 1)))
    assert (change.name, change.state) == ("coverage", "flapping")


@pytest.mark.parametrize("chat", [390.0, 110.0])
def test_a_latency_that_is_a_little_different_is_not_mentioned(chat: float) -> None:
    assert of_last(*(night(day) for day in range(1, 5)), night(5, chat=chat)) == []


def test_a_latency_needs_several_nights_to_be_usual() -> None:
    assert of_last(night(1), night(2), night(3, chat=5000.0)) == []


def test_runs_of_other_cases_are_not_compared() -> None:
    few = night(5, seen=10, only_cases=frozenset({"chat.v2.plain"}))
    assert of_last(*(night(day) for day in range(1, 5)), few) == []


def test_runs_of_another_part_of_the_api_are_not_compared() -> None:
    part = night(5, seen=10, selection="--only=chat")
    assert of_last(*(night(day) for day in range(1, 5)), part) == []
    assert of_last(*(night(day) for day in range(1, 5)), part, night(6)) == []


def test_nights_compare_latencies_but_no_coverage() -> None:
    def planned(day: int, **given: Any) -> PastRun:
        return night(day, selection="planned", only_cases=frozenset({str(day)}), **given)

    slow = planned(5, seen=10, chat=5000.0)
    assert [one.name for one in of_last(*(planned(day) for day in range(1, 5)), slow)] == [
        "latency of POST /v2/chat"
    ]


@drawn(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_median_is_that_of_the_standard_library(values: list[float]) -> None:
    assert median(values) == statistics.median(values)
