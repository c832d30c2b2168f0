from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import pytest

from cohere_conformance.model import Failure, FailureKind, Response
from cohere_conformance.report import Tally
from cohere_conformance.report.latency import Latencies

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange

OPERATION = "POST /v2/chat"


def _counted(*milliseconds: float) -> Latencies:
    counted = Latencies()
    for one in milliseconds:
        counted.add(OPERATION, Response(200, seconds=one / 1000))
    return counted


def test_median_and_p95_are_those_of_the_responses_to_one_percent() -> None:
    found = _counted(*range(1, 101)).of(OPERATION)
    assert found is not None
    assert found.count == 100
    assert found.median == pytest.approx(50, rel=0.011)
    assert found.p95 == pytest.approx(95, rel=0.011)


def test_how_the_work_was_split_does_not_matter() -> None:
    together, first, second = _counted(3, 40, 500), _counted(500), _counted(40, 3)
    first.merge(second)
    assert first.of(OPERATION) == together.of(OPERATION)
    assert second.of(OPERATION) == _counted(3, 40).of(OPERATION)


@pytest.mark.parametrize(
    "response",
    [
        Response(200),
        Response(200, seconds=-1.0),
        Response(200, seconds=math.nan),
        Response(0, seconds=1.0, failure=Failure(FailureKind.TIMEOUT, "no response")),
    ],
    ids=["unknown", "negative", "not a number", "incomplete"],
)
def test_a_response_without_a_duration_does_not_count(response: Response) -> None:
    counted = Latencies()
    counted.add(OPERATION, response)
    assert counted.of(OPERATION) is None


@pytest.mark.parametrize("seconds", [0.0, 1e300, math.inf])
def test_absurd_durations_are_bounded(seconds: float) -> None:
    counted = Latencies()
    counted.add(OPERATION, Response(200, seconds=seconds))
    found = counted.of(OPERATION)
    assert found is not None
    assert 0 < found.median <= 1.01e8


def test_the_report_has_the_figures_of_each_operation(exchange: MakeExchange, finish: Finish) -> None:
    tally = Tally()
    for number in (10, 20):
        sent = msgspec.structs.replace(exchange(), response=Response(200, (), b"{}", seconds=number / 1000))
        tally.add(sent, OPERATION, [], "application/json")
    tally.add(exchange(), "POST /v2/embed", [], "application/json")
    chat, embed = finish(tally).coverage.operations
    assert chat.latency is not None
    assert (chat.latency.count, chat.latency.median) == (2, pytest.approx(10, rel=0.011))
    assert embed.latency is None
