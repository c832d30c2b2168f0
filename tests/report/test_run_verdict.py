"""The verdict of a run that sent cases; `test_verdict` has that of recorded traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Kind, Severity
from cohere_conformance.report import CaseCoverage, Header, Mode, Tally, exit_code

if TYPE_CHECKING:
    from tests.report.conftest import MakeExchange, MakeFinding

NO, LOW, HIGH = None, Kind.REQUEST_INVALID, Kind.TYPE_CHANGED


def _cases(**numbers: object) -> CaseCoverage:
    plain: dict[str, object] = dict.fromkeys(("passed", "failed", "inconclusive", "error", "skipped"), 0)
    return CaseCoverage(**{"run": 3, **plain, **numbers})


@pytest.mark.parametrize(
    ("kind", "numbers", "code", "words"),
    [
        (NO, {"passed": 3}, 0, "CONFORMS: 3 cases, 1 exchange of 1 operation"),
        (LOW, {"passed": 3}, 0, "CONFORMS: 3 cases, 1 exchange of 1 operation; below --fail-on additive: 1 "),
        (HIGH, {"failed": 3}, 1, "DEVIATES: 1 breaking finding in 3 cases, 1 exchange of 1 operation"),
        (NO, {"failed": 2, "failed_bare": 2}, 1, "DEVIATES: 2 failed cases without a finding in 3 cases"),
        (HIGH, {"failed_bare": 1}, 1, "DEVIATES: 1 breaking finding and 1 failed case without a finding in"),
        # Other cases cannot take a finding back.
        (
            HIGH,
            {"inconclusive": 1},
            1,
            "DEVIATES: 1 breaking finding in 3 cases, 1 exchange of 1 operation; 1 c",
        ),
        (HIGH, {"not_run": 9, "error": 1}, 1, "DEVIATES: 1 breaking finding in 3 cases"),
        (
            NO,
            {"inconclusive": 1},
            3,
            "INCOMPLETE: 1 case inconclusive; so far no breaking or additive findings",
        ),
        (LOW, {"error": 2}, 3, "INCOMPLETE: 2 cases could not be completed; so far no breaking or"),
        (
            NO,
            {"not_run": 2, "error": 1},
            3,
            "INCOMPLETE: 2 planned cases not run, 1 case could not be completed",
        ),
        # A worker that was killed took findings with it that nobody knows.
        (
            HIGH,
            {"unclosed": ("gw0", "gw1")},
            3,
            "INCOMPLETE: 2 workers did not end; so far 1 breaking finding",
        ),
        (NO, {"unclosed": ("gw0",), "run": 0}, 3, "INCOMPLETE: 1 worker did not end"),
        (HIGH, {"interrupted": True, "unclosed": ("gw0",)}, 2, "INTERRUPTED: so far 1 breaking finding in 3"),
        (
            NO,
            {"interrupted": True, "not_run": 4},
            2,
            "INTERRUPTED: so far no breaking or additive findings in",
        ),
        (NO, {"run": 0, "skipped": 7}, 5, "NOTHING RUN: no case was sent (7 skipped)"),
        (NO, {"run": 0, "not_run": 1}, 3, "INCOMPLETE: 1 planned case not run"),
    ],
)
def test_the_verdict_of_a_run(
    exchange: MakeExchange,
    finding: MakeFinding,
    kind: Kind | None,
    numbers: dict[str, object],
    code: int,
    words: str,
) -> None:
    tally = Tally()
    tally.add(exchange(), "POST /v2/chat", [finding(kind)] if kind else [], "", case="chat.plain")
    report = tally.finish(_header(), ["POST /v2/chat"], finished_at="2026", cases=_cases(**numbers))
    assert (report.footer.exit_code, exit_code(report)) == (code, code)
    assert report.footer.verdict.startswith(words)


def test_a_line_that_cannot_be_read_outranks_findings(exchange: MakeExchange, finding: MakeFinding) -> None:
    tally = Tally()
    tally.add(exchange(), "POST /v2/chat", [finding(HIGH)], "")
    tally.add_unreadable(TrafficError("journal-main.jsonl", "line 2", "expected a line"))
    report = tally.finish(_header(), [], finished_at="2026", cases=_cases(passed=3))
    assert report.footer.exit_code == 3


def _header() -> Header:
    return Header(
        tool="t",
        version="1",
        contract_version="1",
        contract_digest="d",
        mode=Mode.AMENDED,
        inputs=(),
        started_at="2026",
        fail_on=Severity.ADDITIVE,
    )
