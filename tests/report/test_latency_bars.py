from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Response
from cohere_conformance.report import Tally, render_html
from cohere_conformance.report.render.latency_bars import WIDTH, duration, picture

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange

    from cohere_conformance.report import Report


def _report(exchange: MakeExchange, finish: Finish, **seconds: float) -> Report:
    tally = Tally()
    for name, one in seconds.items():
        sent = msgspec.structs.replace(exchange(), response=Response(200, (), b"{}", seconds=one))
        tally.add(sent, f"POST /v2/{name}", [], "application/json")
    return finish(tally)


def test_the_slowest_operation_comes_first_on_a_scale_of_powers_of_ten(
    exchange: MakeExchange, finish: Finish
) -> None:
    shown = picture(_report(exchange, finish, chat=2.5, rerank=0.02))
    assert shown is not None
    assert [bar.operation for bar in shown.bars] == ["POST /v2/chat", "POST /v2/rerank"]
    assert [tick.label for tick in shown.ticks] == ["10 ms", "100 ms", "1 s", "10 s"]
    slow, quick = shown.bars
    assert 0 < quick.median < slow.median <= slow.p95 < WIDTH


def test_equal_durations_have_a_scale(exchange: MakeExchange, finish: Finish) -> None:
    shown = picture(_report(exchange, finish, chat=0.01))
    assert shown is not None
    assert len(shown.ticks) >= 2
    assert 0 < shown.bars[0].median < WIDTH


def test_a_report_without_durations_has_no_picture(exchange: MakeExchange, finish: Finish) -> None:
    tally = Tally()
    tally.add(exchange(), "POST /v2/chat", [], "application/json")
    report = finish(tally)
    assert picture(report) is None
    assert b'id="latency"' not in render_html(report)


def test_durations_are_said_in_their_unit() -> None:
    assert [duration(one) for one in (0.01, 12.5, 999, 1000, 23400)] == [
        "0.01 ms",
        "12.5 ms",
        "999 ms",
        "1 s",
        "23.4 s",
    ]
