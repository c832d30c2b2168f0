"""Nightly runs against a simulated live service: green without faults, red with one; nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from live_service import live_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from live_service import LiveService

ONLY = "rerank,tokenize,datasets,summarize"
FAULT, REQUIREMENT = "rerank.ascending", "rerank.sorted"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    with live_service(tmp_path_factory.mktemp("nights"), every=15) as service:
        yield service


def test_nights_are_green_whatever_the_weather_and_red_with_a_fault(service: LiveService) -> None:
    """What is planned for other nights is listed and not inconclusive; the next night catches up."""
    nights = [service.night(only=ONLY) for _ in range(2)]
    for night in nights:
        report = night.report
        assert (report.footer.exit_code, night.changed) == (0, 0), report.footer.verdict
        assert night.minutes < 10, "ten calls a minute are allowed"
        plan = report.header.night
        assert plan is not None
        assert plan.remembered
        assert plan.later[0].cases
    assert sum(sum(night.happened.values()) for night in nights) > 5, "429, 503 and lost connections"
    first, second = (night.report.header.night for night in nights)
    assert first is not None
    assert second is not None
    assert (first.day, second.day) == ("2026-12-01", "2026-12-02")
    ahead = {case for one in first.later for case in one.cases}
    assert len(ahead & {*second.cases}) > 10
    assert len(nights[0].elements) > 0.9 * len(nights[0].elements | nights[1].elements), (
        "the most comes first"
    )
    assert nights[0].calls["POST /v1/summarize"] == 1, "the canary of what is retired"

    service.state.faults = (FAULT,)
    night = service.night(only=ONLY)
    service.state.faults = ()
    assert night.report.footer.exit_code == 1
    assert {row.requirement for row in night.report.findings} >= {REQUIREMENT}
    changes = night.report.changes
    assert changes is not None
    assert {one.state for one in changes.causes} == {"new"}


def test_what_was_billed_ends_a_run(service: LiveService) -> None:
    """As --max-requests does: the rest is inconclusive."""
    night = service.night("--conformance-max-billed=search_units=3", only="rerank", history=False)
    assert night.report.footer.exit_code == 3
    assert 3 <= night.billed["search_units"] <= 6
    cases = night.report.coverage.cases
    assert cases is not None
    assert any("--max-billed" in reason for reason in cases.inconclusive_reasons)
    assert cases.billed["search_units"] >= night.billed["search_units"], "that of retried requests as well"
