"""The pictures of the last runs in the HTML page, and what has changed since the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from tests.report.test_html import HOSTILE, Page

from cohere_conformance.model import Severity
from cohere_conformance.report import render_html
from cohere_conformance.report.changes import Changes, ChangeState, RunChange, RunFigures
from cohere_conformance.report.coverage import MissingFeature
from cohere_conformance.report.render.trend import HEIGHT, WIDTH, trend_picture

if TYPE_CHECKING:
    from cohere_conformance.report import Report


def figures(
    day: int, *, breaking: int = 0, additive: int = 0, seen: int = 5, latency: float | None = None
) -> RunFigures:
    return RunFigures(
        started_at=f"2026-11-{day:02}T02:00:00Z",
        breaking=breaking,
        additive=additive,
        notice=0,
        causes=min(breaking + additive, 2),
        seen=seen,
        declared=10,
        latency=latency,
    )


def changed(report: Report, *trend: RunFigures, causes: tuple[RunChange, ...] = ()) -> Report:
    since = "2026-11-20T02:01:00Z" if trend else None
    return msgspec.structs.replace(
        report, changes=Changes(target="gateway", since=since, causes=causes, trend=trend)
    )


def change(name: str, state: ChangeState, title: str = "rerank.count (results): got 0") -> RunChange:
    return RunChange(
        id=name,
        state=state,
        title=title,
        severity=Severity.BREAKING,
        operations=("POST /v2/rerank",),
        first_seen="2026-11-02T02:00:00Z",
        last_seen="2026-11-20T02:00:00Z",
        runs=3,
    )


def test_bars_are_stacked_by_severity_and_as_high_as_their_share_of_the_most(report: Report) -> None:
    picture = trend_picture(
        changed(report, figures(1, breaking=2, additive=2), figures(2), figures(3, breaking=1))
    )
    assert picture is not None
    findings = picture.charts[0]
    assert findings.label == "Findings of 3 runs: 4 in the first, 1 in the last, at most 4"
    first, second, last = findings.blocks
    assert [one.severity for one in findings.blocks] == ["breaking", "additive", "breaking"]
    assert first.x == second.x < last.x < WIDTH - last.width
    assert first.y + first.height == last.y + last.height == HEIGHT, "both begin at the base line"
    assert second.y + second.height == first.y
    assert first.height == 2 * last.height
    assert (second.says, last.says) == ("2026-11-01: 2 additive", "2026-11-03: 1 breaking")


def test_lines_leave_out_what_is_not_known(report: Report) -> None:
    trend = figures(1, seen=5, latency=40.0), figures(2, seen=10), figures(3, seen=10, latency=80.0)
    picture = trend_picture(changed(report, *trend))
    assert picture is not None
    _, coverage, latency = picture.charts
    assert (coverage.now, coverage.top, len(coverage.dots)) == ("100 %", "100 %", 3)
    assert [dot.says for dot in latency.dots] == ["2026-11-01: 40 ms", "2026-11-03: 80 ms"]
    assert coverage.dots[0].y > coverage.dots[1].y == coverage.dots[2].y, "more is higher"
    assert latency.label == "Latency of 2 runs: 40 ms in the first, 80 ms in the last"
    assert latency.points == " ".join(f"{dot.x},{dot.y}" for dot in latency.dots)
    assert [row.latency for row in picture.rows] == ["80 ms", "", "40 ms"], "the last run first"


def test_one_run_is_no_trend(report: Report) -> None:
    assert trend_picture(report) is None
    assert trend_picture(changed(report, figures(1))) is None


def test_the_page_shows_what_has_changed_and_marks_causes(run: Report) -> None:
    known, new = run.causes[0].id, run.causes[-1].id
    causes = change(known, "persisting"), change(new, "new"), change("0" * 8, "resolved", HOSTILE)
    page = Page(
        render_html(changed(run, figures(1, breaking=1), figures(2, breaking=3, latency=9.0), causes=causes))
    )
    items = page.text("li")
    assert "since 2026-11-20: 1 new, 1 persisting, 1 resolved" in items
    assert "resolved: " in items
    assert "<img src=x" not in render_html(changed(run, causes=causes)).decode()
    assert [text for text in page.texts["span"] if text in {"new", "persisting"}] == ["new"] * (known != new)
    assert page.tags["figure"] == page.tags["figcaption"] == 3
    assert page.tags["polyline"] == 2
    assert "#changes" in page.values("href")


def test_a_page_without_a_history_has_nothing_of_it(run: Report) -> None:
    page = Page(render_html(run))
    assert "changes" not in page.values("id")
    assert page.tags["figure"] == page.tags["polyline"] == 0


def test_the_page_says_what_to_write_for_a_feature_that_the_target_lacks(run: Report) -> None:
    cases = run.coverage.cases
    assert cases is not None
    lacking = MissingFeature(feature="tools", title="Tools", operations=("POST /v2/chat",), cases=17)
    coverage = msgspec.structs.replace(run.coverage, cases=msgspec.structs.replace(cases, missing=(lacking,)))
    page = Page(render_html(msgspec.structs.replace(run, coverage=coverage)))
    assert 'add without = ["tools"], or --without tools' in page.text("p")
