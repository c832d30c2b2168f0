"""The figures of the last runs that a report has: of runs that compare, and at most thirty of them."""

from __future__ import annotations

from typing import Any

from cohere_conformance.history.compare import compare
from cohere_conformance.history.past import PastRun
from cohere_conformance.report.changes import RunFigures


def night(day: int, **given: Any) -> PastRun:
    started = f"2026-{day // 28 + 1:02}-{day % 28 + 1:02}T02:00:00Z"
    figures = RunFigures(
        started_at=started, breaking=day, additive=0, notice=0, causes=1, seen=5, declared=10
    )
    run = {
        "target": "gateway",
        "contract": "sha256:1 amended",
        "started_at": started,
        "finished_at": started,
        "exit_code": 1,
        "verdict": "",
        "method": "run",
        "figures": figures,
        "latencies": {"POST /v2/chat": 10.0 * day, "POST /v2/embed": 1000.0},
    }
    return PastRun(**(run | given))


def shown(*nights: PastRun) -> list[int]:
    *earlier, last = nights
    return [one.breaking for one in compare(last, earlier).changes.trend]


def test_the_trend_has_the_last_thirty_runs_and_ends_with_the_new_one() -> None:
    assert shown(*map(night, range(45))) == list(range(15, 45))


def test_runs_that_do_not_compare_are_left_out() -> None:
    others = [
        night(1, method="fuzz --seed=1"),
        night(2, selection="--case=chat.a", only_cases=frozenset({"chat.a"})),
        night(3, contract="sha256:2 amended"),
        night(4, target="mock"),
        night(5, exit_code=2),
        night(6, figures=None),
    ]
    assert shown(night(0), *others, night(7)) == [0, 7]
    assert shown(night(0), night(1, exit_code=2)) == [0], "the new run has no verdict"


def test_nights_make_a_trend_though_each_has_other_cases() -> None:
    nights = [night(day, selection="planned", only_cases=frozenset({f"chat.{day}"})) for day in range(4)]
    assert shown(*nights) == [0, 1, 2, 3]
    assert shown(*nights, night(4)) == [4], "a run of everything is no night"


def test_latencies_are_of_the_operations_that_both_runs_have_called() -> None:
    last = night(9, latencies={"POST /v2/chat": 77.04})
    latencies = [
        one.latency for one in compare(last, [night(1), night(2), night(3, latencies={})]).changes.trend
    ]
    assert latencies == [10.0, 20.0, None, 77.0]
