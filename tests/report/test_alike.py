"""What one defect may have caused is shown once to readers, and counted separately."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from cohere_conformance.model import Kind
from cohere_conformance.report import Report, Tally, render_terminal
from cohere_conformance.report.render.alike import alike

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange, MakeFinding

PLACES = tuple(f"request:/place-{number:02}" for number in range(12))
SHORTEST = 7


@pytest.fixture
def crashing(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> Report:
    """A server that fails wherever something is changed, and has one other fault."""
    tally = Tally()
    for number, location in enumerate(PLACES):
        body = b'"' + b"x" * (5 if number == SHORTEST else 50) + b'"'
        crash = finding(Kind.SERVER_ERROR, location, status=500, observed="500: oops")
        tally.add(exchange(status=500, body=body), "POST /v2/chat", [crash], "application/json")
    other = finding(
        Kind.SERVER_ERROR, PLACES[0], status=500, observed="500: oops", operation="POST /v2/embed"
    )
    tally.add(exchange(status=500), "POST /v2/embed", [other], "application/json")
    elsewhere = [finding(Kind.TYPE_CHANGED, location) for location in ("/a", "/b")]
    tally.add(exchange(), "POST /v2/chat", elsewhere, "application/json")
    return finish(tally)


def test_the_shortest_request_represents_similar_findings(crashing: Report) -> None:
    groups, more = alike(crashing.findings, 20)
    (crash,) = [one for one in groups if one.others]
    assert crash.row.location == PLACES[SHORTEST]
    assert {row.location for row in (crash.row, *crash.others)} == set(PLACES)
    assert more == ""


def test_nothing_else_is_put_together(crashing: Report) -> None:
    groups, _ = alike(crashing.findings, 20)
    alone = sorted((one.row.operation, one.row.location) for one in groups if not one.others)
    assert alone == [("POST /v2/chat", "/a"), ("POST /v2/chat", "/b"), ("POST /v2/embed", PLACES[0])]


def test_what_is_cut_is_counted_by_findings(crashing: Report) -> None:
    groups, more = alike(crashing.findings, 1)
    assert len(groups) == 1
    shown = 1 + len(groups[0].others)
    assert more == f"(+{len(crashing.findings) - shown} more in report.json)"


def test_a_crash_without_an_answer_that_can_be_repeated_is_not_preferred(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    tally = Tally()
    for number, body in enumerate((b"x" * 10_000_000, b"{}")):
        crash = finding(Kind.SERVER_ERROR, PLACES[number], status=500)
        tally.add(exchange(body=body), "POST /v2/chat", [crash], "application/json")
    (one,), _ = alike(finish(tally).findings, 20)
    assert one.row.location == PLACES[1]


def test_each_place_is_on_the_page_and_the_first_of_them_elsewhere(crashing: Report) -> None:
    out = io.StringIO()
    render_terminal(crashing, Console(file=out, width=200), verbose=True)
    fingerprints = {
        row.location: row.fingerprint for row in crashing.findings if row.operation == "POST /v2/chat"
    }
    for shown in (out.getvalue(),):
        assert shown.count("500: oops") == 2, "one for each operation"
        assert f"{PLACES[0]} ({fingerprints[PLACES[0]]})" in shown
        assert " and 6 more" in shown
        assert "Findings: 15" in shown, "each is still counted"
