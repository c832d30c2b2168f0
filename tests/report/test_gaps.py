"""What could not be judged is counted, shown and weighed: requirements, and answers of a gateway."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from cohere_conformance.model import Kind, Untestable
from cohere_conformance.report import Tally, render_html, render_json, render_markdown, render_terminal
from cohere_conformance.report.render.matrix import Column, columns, matrix

if TYPE_CHECKING:
    from cohere_conformance.report import Report
    from cohere_conformance.report.render.matrix import Cell
    from conftest import Finish, MakeExchange, MakeFinding

CHAT, JSON = "POST /v2/chat", "application/json"
SLICE = Untestable(CHAT, "v2.chat.citation-slice", "it depends on /message: null, not as declared")


def cell(report: Report) -> Cell:
    """Return the cell of chat under requirements."""
    line = next(line for group in matrix(report) for line in group.lines if line.operation == CHAT)
    return line.cells[columns(report).index(Column.REQUIREMENTS)]


def shown(report: Report) -> list[str]:
    """Return the report as a terminal, Markdown, HTML and JSON show it."""
    console = Console(file=io.StringIO(), width=200)
    render_terminal(report, console, verbose=True)
    file = console.file
    assert isinstance(file, io.StringIO)
    return [
        file.getvalue(),
        render_markdown(report),
        render_html(report).decode(),
        render_json(report).decode(),
    ]


def test_what_a_finding_explains_is_shown_and_fails_nothing_more(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    """Two answers with a null leave a requirement untestable: a circle and a reason, and the null decides."""
    tally = Tally()
    for _ in range(2):
        tally.add(exchange(), CHAT, [finding(Kind.NULL_UNEXPECTED)], JSON, untestable=[SLICE])
    report = finish(tally)
    (one,) = report.coverage.untestable
    assert (one.requirement, one.exchanges, one.unexplained) == ("v2.chat.citation-slice", 2, 0)
    assert (report.footer.totals.untestable, report.footer.exit_code) == (1, 1)
    assert cell(report).symbol == "○ 1"
    assert cell(report).title == "1 requirement not testable"
    for text in shown(report):
        assert "v2.chat.citation-slice" in text
        assert SLICE.reason in text


def test_without_a_gap_the_cell_is_a_tick(exchange: MakeExchange, finish: Finish) -> None:
    """The tick says that every requirement was checked."""
    tally = Tally()
    tally.add(exchange(), CHAT, [], JSON)
    report = finish(tally)
    assert cell(report).symbol == "✓"
    assert report.footer.exit_code == 0


def test_what_no_finding_explains_makes_the_run_inconclusive(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    """A notice is no reason, and neither is a finding that an amendment explains."""
    tally = Tally()
    tally.add(exchange(), CHAT, [finding(Kind.STREAM_BUFFERED)], JSON, untestable=[SLICE])
    tally.add(exchange(), CHAT, [finding(Kind.NULL_UNEXPECTED, amendment="known")], JSON, untestable=[SLICE])
    report = finish(tally)
    assert report.coverage.untestable[0].unexplained == 2
    assert report.footer.exit_code == 3
    assert "1 requirement not testable" in report.footer.verdict


def test_gaps_merge_in_any_order(exchange: MakeExchange, finish: Finish) -> None:
    """However the work is split, the counts, the reason and the first place are the same."""
    parts = []
    for number, reason in enumerate(("b", "a", "c")):
        part = Tally()
        other = msgspec.structs.replace(SLICE, reason=reason)
        made = exchange(file=f"{number}.yaml", status=503)
        part.add(made, CHAT, [], JSON, untestable=[other], inconclusive="status 503 with an empty body")
        parts.append(part)
    merged = []
    for order in (parts, parts[::-1]):
        whole = Tally()
        for part in order:
            whole.merge(part)
        merged.append(finish(whole).coverage)
    assert merged[0] == merged[1]
    assert merged[0].untestable[0].reason == "a"
    (one,) = merged[0].inconclusive
    assert (one.exchanges, one.file) == (3, "0.yaml")


def test_an_inconclusive_answer_is_listed_and_makes_no_run_conform(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    """The page of a gateway is no deviation and no proof; a finding elsewhere still decides."""
    tally = Tally()
    tally.add(
        exchange(status=503), CHAT, [], "text/html", inconclusive="status 503 with a body that is not JSON"
    )
    report = finish(tally)
    assert (report.footer.exit_code, report.footer.totals.inconclusive) == (3, 1)
    assert "1 exchange inconclusive" in report.footer.verdict
    assert report.coverage.operations[0].clean == 0
    assert all("status 503 with a body that is not JSON" in text for text in shown(report))
    tally.add(exchange(), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
    assert finish(tally).footer.exit_code == 1


# -- statuses that cases did not expect


def test_an_unexpected_status_is_a_row_for_each_case(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    """A response of 200 to cases that want a refusal: each is about a rule of its own."""
    tally = Tally()
    made = finding(Kind.STATUS_UNEXPECTED, "")
    wants = {"chat.a": "status 400 or 422", "chat.b": "status 400 or 422", "chat.c": "status 404"}
    for case, expected in wants.items():
        for _ in range(2):
            tally.add(exchange(), CHAT, [msgspec.structs.replace(made, expected=expected)], JSON, case=case)
    rows = {row.cases: row for row in finish(tally).findings}
    assert {case: row.expected for (case,), row in rows.items()} == wants
    assert [row.count for row in rows.values()] == [2, 2, 2]
    assert len({row.fingerprint for row in rows.values()} | {made.fingerprint}) == 4


def test_the_fingerprint_of_an_unexpected_status_does_not_depend_on_other_cases(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    """Baselines that name it stay valid when another case is mended."""
    made = finding(Kind.STATUS_UNEXPECTED, "")
    alone, beside = Tally(), Tally()
    for tally, cases in ((alone, ("chat.a",)), (beside, ("chat.a", "chat.b"))):
        for case in cases:
            tally.add(exchange(), CHAT, [made], JSON, case=case)
    fingerprints = {row.cases: row.fingerprint for row in finish(beside).findings}
    assert finish(alone).findings[0].fingerprint == fingerprints["chat.a",]


def test_an_operation_that_is_not_there_is_one_row_for_all_cases(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    """A status that does not depend on the content of a request is not listed for every case."""
    tally = Tally()
    made = finding(Kind.STATUS_UNEXPECTED, "", status=404)
    for case in ("chat.a", "chat.b"):
        tally.add(exchange(status=404), CHAT, [made], JSON, case=case)
    (row,) = finish(tally).findings
    assert row.cases == ("chat.a", "chat.b")
