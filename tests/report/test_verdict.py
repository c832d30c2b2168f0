from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Kind, Severity
from cohere_conformance.report import Report, Tally, exit_code

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange, MakeFinding

BREAKING, ADDITIVE, NOTICE = Kind.TYPE_CHANGED, Kind.PROPERTY_UNDOCUMENTED, Kind.REQUEST_INVALID


@pytest.fixture
def judged(exchange: MakeExchange, finding: MakeFinding) -> Tally:
    tally = Tally()
    tally.add(exchange(), "POST /v2/chat", [], "application/json")
    return tally


@pytest.mark.parametrize(
    ("kind", "fail_on", "code"),
    [
        (None, Severity.NOTICE, 0),
        (BREAKING, Severity.BREAKING, 1),
        (BREAKING, Severity.ADDITIVE, 1),
        (ADDITIVE, Severity.BREAKING, 0),
        (ADDITIVE, Severity.ADDITIVE, 1),
        (ADDITIVE, Severity.NOTICE, 1),
        (NOTICE, Severity.ADDITIVE, 0),
        (NOTICE, Severity.NOTICE, 1),
    ],
)
def test_findings_fail_from_the_given_severity_on(
    judged: Tally,
    exchange: MakeExchange,
    finding: MakeFinding,
    finish: Finish,
    kind: Kind | None,
    fail_on: Severity,
    code: int,
) -> None:
    judged.add(exchange(), "POST /v2/chat", [finding(kind)] if kind else [], "")
    report = finish(judged, fail_on=fail_on)
    assert (
        exit_code(judged.verdict_values(), fail_on)
        == exit_code(report, fail_on)
        == report.footer.exit_code
        == code
    )


def test_what_an_amendment_explains_never_fails(
    judged: Tally, exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    judged.add(exchange(), "POST /v2/chat", [finding(BREAKING, amendment="known")], "")
    report = finish(judged)
    assert exit_code(judged.verdict_values(), Severity.NOTICE) == exit_code(report, Severity.NOTICE) == 0
    assert report.footer.verdict == "CONFORMS: 2 exchanges of 1 operation"


def test_an_unreadable_input_outranks_everything_and_hides_nothing(tally: Tally, finish: Finish) -> None:
    report = finish(tally)
    assert exit_code(tally.verdict_values()) == exit_code(report) == 3
    assert (len(report.findings), len(report.known_defects)) == (4, 1)
    assert report.footer.verdict == (
        "INCOMPLETE: 1 input unreadable; "
        "so far 1 breaking, 1 additive findings in 4 exchanges of 2 operations"
    )
    nothing = Tally()
    nothing.add_unreadable(TrafficError("a", "byte 0", "expected JSON, got a picture"))
    assert exit_code(nothing.verdict_values()) == 3


def test_nothing_judged_is_not_a_success(exchange: MakeExchange, finish: Finish) -> None:
    tally = Tally()
    assert finish(tally).footer.verdict == (
        "NOTHING JUDGED: no exchange of a declared operation in 1 input (no exchange at all)"
    )
    tally.add(exchange(), None, [], "")
    tally.add_foreign("a.example")
    tally.add_foreign("b.example")
    tally.add_skipped("x", "no traffic")
    report = finish(tally)
    assert exit_code(tally.verdict_values()) == exit_code(report) == 5
    assert report.footer.verdict.endswith(
        "(2 exchanges with other hosts, 1 exchange of unknown routes, 1 skipped file)"
    )


def _add_all(tally: Tally, exchange: MakeExchange, finding: MakeFinding) -> None:
    tally.add(exchange(), "POST /v2/chat", [finding(kind) for kind in (BREAKING, ADDITIVE, NOTICE)], "")


def test_the_verdict_names_what_failed(
    judged: Tally, exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    _add_all(judged, exchange, finding)
    assert finish(judged).footer.verdict == (
        "DEVIATES: 1 breaking, 1 additive findings in 2 exchanges of 1 operation"
    )
    assert finish(judged, fail_on=Severity.NOTICE).footer.verdict == (
        "DEVIATES: 1 breaking, 1 additive, 1 client-side findings in 2 exchanges of 1 operation"
    )


def test_the_verdict_of_a_pass_names_what_was_let_through(
    judged: Tally, exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    judged.add(exchange(), "POST /v2/chat", [finding(ADDITIVE)], "")
    assert finish(judged, fail_on=Severity.BREAKING).footer.verdict == (
        "CONFORMS: 2 exchanges of 1 operation; below --fail-on breaking: 1 additive finding"
    )


@pytest.mark.parametrize(("code", "word"), [(2, "INTERRUPTED"), (4, "NO VERDICT")])
def test_a_caller_may_know_better(judged: Tally, finish: Finish, code: int, word: str) -> None:
    report: Report = finish(judged, exit_code=code)
    assert report.footer.exit_code == code
    assert report.footer.verdict.startswith(word)
