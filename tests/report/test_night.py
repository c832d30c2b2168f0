"""What a report says about the plan of a night, and about keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.model import Aspect
from cohere_conformance.report import Exercise, LaterNight, NightPlan, render_html, render_markdown
from cohere_conformance.report.render import parts
from cohere_conformance.report.render.night import bills, later, night_line

if TYPE_CHECKING:
    from cohere_conformance.report import Report

PLAN = NightPlan(
    day="2026-12-01",
    remembered=True,
    cases=("chat.a", "chat.b"),
    requests=3,
    calls={"POST /v2/chat": 3},
    bills={"tokens": 1200, "pages": 1},
    elements=40,
    reachable=60,
    declared=80,
    later=tuple(LaterNight(night=night, cases=("chat.c",) * night) for night in (2, 3, 4, 5, 6)),
)
LINE = (
    "night of 2026-12-01: 2 cases planned, 3 requests, 40 of 80 declared response elements; 20 cases on "
    "later nights (night 2: 2, night 3: 3, night 4: 4, nights 5 to 6: 11)"
)


def test_every_format_says_what_was_planned(run: Report) -> None:
    assert run.coverage.cases is not None
    cases = replace(run.coverage.cases, billed={"input_tokens": 3.0, "tokens": 1204.0, "search_units": 1.0})
    planned = replace(
        run, header=replace(run.header, night=PLAN), coverage=replace(run.coverage, cases=cases)
    )
    billed = "billed, as responses say: 1,204 tokens, 1 search unit"
    for line in (LINE, billed):
        assert line in parts.summary_lines(planned)
        assert line in render_markdown(planned)
        assert line in render_html(planned).decode()
    assert "night of" not in render_markdown(run)


def test_the_last_night_of_a_round_has_nothing_to_come() -> None:
    assert night_line(replace(PLAN, later=())).endswith("40 of 80 declared response elements")
    assert later(replace(PLAN, later=PLAN.later[:1])) == "night 2: 2"


def test_amounts_are_in_words() -> None:
    assert bills(PLAN.bills) == "1,200 tokens, 1 page"
    assert bills({"tokens": 0}) == "nothing"


def test_keywords_are_one_figure(run: Report) -> None:
    rows = tuple(
        Exercise(operation=label, aspect=Aspect.KEYWORD, declared=10, seen=seen, missing=("/id: null",))
        for label, seen in (("POST /v2/chat", 4), ("POST /v2/rerank", 9))
    )
    counted = replace(run, coverage=replace(run.coverage, keywords=rows))
    assert parts.exercised(counted)[-1] == ("keywords", 13, 20)
    assert any("13/20 keywords" in line for line in parts.summary_lines(counted))
    assert "| keywords | 13 | 20 | " in render_markdown(counted)
