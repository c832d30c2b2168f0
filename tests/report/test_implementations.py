"""Reports of several targets side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cohere_conformance.errors import ReportError
from cohere_conformance.model import Aspect, Kind
from cohere_conformance.report import (
    CaseCoverage,
    CaseEnd,
    Exercise,
    Header,
    Mode,
    Report,
    Sentences,
    Tally,
    Target,
)
from cohere_conformance.report.feature_cases import FeatureCases
from cohere_conformance.report.implementations import (
    CellState,
    ImplementationMatrix,
    MatrixBy,
    compare_implementations,
)
from cohere_conformance.report.implementations.page import page
from cohere_conformance.report.implementations.text import markdown, terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.report.conftest import MakeExchange, MakeFinding

    from cohere_conformance.model import Finding

CHAT, EMBED = "POST /v2/chat", "POST /v2/embed"
PASS, FAIL, UNTESTED, UNSURE = CellState.PASS, CellState.FAIL, CellState.NOT_TESTED, CellState.INCONCLUSIVE
NO_CASES = CaseCoverage(run=0, passed=0, failed=0, inconclusive=0, error=0, skipped=0)


@pytest.fixture
def made(exchange: MakeExchange) -> Callable[..., Report]:
    """Return a function that makes the report of a target that was called, with findings."""

    def make(
        *found: Finding,
        called: tuple[str, ...] = (CHAT,),
        status: int = 200,
        cases: CaseCoverage | None = None,
        missing: tuple[str, ...] = (),
        digest: str = "sha256:1",
        **target: Any,
    ) -> Report:
        tally = Tally()
        for operation in called:
            mine = [one for one in found if one.operation == operation]
            sent = exchange(status=status)
            tally.add(sent, operation, mine, "application/json", case="" if cases is None else "chat.plain")
        header = Header(
            tool="cohere-conformance",
            version="1",
            contract_version="2026-08-20",
            contract_digest=digest,
            mode=Mode.AMENDED,
            inputs=(),
            started_at="2026-11-29T00:00:00Z",
            target=Target(url="http://127.0.0.1:4000", **target),
        )
        exercise = Exercise(operation=CHAT, aspect=Aspect.PROPERTY, declared=9, seen=1, missing=missing)
        return tally.finish(
            header, (CHAT, EMBED), finished_at="2026-11-29T00:00:01Z", cases=cases, exercise=(exercise,)
        )

    return make


def compared(*reports: Report, by: MatrixBy = MatrixBy.CHECK, waived: str = "") -> ImplementationMatrix:
    named = {f"target {number}": report for number, report in enumerate(reports, start=1)}
    return compare_implementations(named, by, lambda one: {waived} if one.header.target.without else ())


def states(matrix: ImplementationMatrix) -> list[list[CellState]]:
    return [[one.state for one in row.cells] for row in matrix.rows]


def test_a_mistake_of_one_is_looked_for_in_all(made: Callable[..., Report], finding: MakeFinding) -> None:
    wrong = finding(Kind.TYPE_CHANGED, "/id")
    matrix = compared(made(wrong), made(), made(called=(EMBED,)))
    assert states(matrix) == [[FAIL, PASS, UNTESTED]]
    assert [one.detail for one in matrix.rows[0].cells][1:] == [CHAT, "not called"]


def test_what_no_response_could_show_is_not_tested(made: Callable[..., Report], finding: MakeFinding) -> None:
    """A target that never sends citations does not pass what is about citations."""
    wrong = finding(Kind.TYPE_CHANGED, "/message/citations/*/start")
    without = made(missing=("/message/citations",))
    refusing = made(status=404)
    assert states(compared(made(wrong), made(), without, refusing)) == [[FAIL, PASS, UNTESTED, UNTESTED]]


def test_a_requirement_that_is_not_claimed_is_not_tested(
    made: Callable[..., Report], finding: MakeFinding
) -> None:
    broken = msgspec.structs.replace(
        finding(Kind.REQUIREMENT_VIOLATED, "/message"), requirement="v2.chat.some"
    )
    matrix = compared(made(broken), made(without=("tools",)), made(), waived="v2.chat.some")
    assert states(matrix) == [[FAIL, UNTESTED, PASS]]


def test_content_is_not_expected_of_canned_answers(made: Callable[..., Report], finding: MakeFinding) -> None:
    absent = finding(Kind.EXPECTATION_FAILED, "/results/0")
    cases = msgspec.structs.replace(NO_CASES, run=1, passed=1)
    matrix = compared(made(absent, cases=cases), made(cases=cases, protocol_only=True), made(cases=cases))
    assert states(matrix) == [[FAIL, UNTESTED, PASS]]


def test_a_requirement_is_shown_as_its_sentence(made: Callable[..., Report], finding: MakeFinding) -> None:
    broken = finding(Kind.REQUIREMENT_VIOLATED, "/message")
    report = made(msgspec.structs.replace(broken, requirement="v2.chat.some"))
    sentences = Sentences(requirements={"v2.chat.some": "The message says something."})
    report = msgspec.structs.replace(report, sentences=sentences)
    assert [row.title for row in compared(made(), report).rows] == ["The message says something"]


def test_inconclusive_cases_are_no_pass(made: Callable[..., Report], finding: MakeFinding) -> None:
    ends = (CaseEnd(case="chat.plain", operation=CHAT, outcome="inconclusive", reason="status 429"),)
    unsure = made(cases=msgspec.structs.replace(NO_CASES, run=1, inconclusive=1, ends=ends))
    wrong = made(finding(Kind.TYPE_CHANGED, "/id"))
    assert states(compared(wrong, unsure)) == [[FAIL, UNSURE]]
    assert states(compared(wrong, unsure, by=MatrixBy.OPERATION)) == [[FAIL, UNSURE]]


def test_only_what_all_others_contradict_is_marked(made: Callable[..., Report], finding: MakeFinding) -> None:
    one, other = finding(Kind.TYPE_CHANGED, "/id"), finding(Kind.TYPE_CHANGED, "/usage")
    matrix = compared(made(one, other), made(other), made(other), made())
    marked = [[cell.unlike for cell in row.cells] for row in matrix.rows]
    assert states(matrix) == [[FAIL, FAIL, FAIL, PASS], [FAIL, PASS, PASS, PASS]]
    assert marked == [[False, False, False, True], [True, False, False, False]]
    two = compared(made(one), made())
    assert not any(cell.unlike for row in two.rows for cell in row.cells)


def test_an_operation_that_a_target_lacks_is_compared_by_the_operation(
    made: Callable[..., Report], exchange: MakeExchange, finding: MakeFinding
) -> None:
    """What its error body shares with those of others does not make these lack the operation."""
    wrong = finding(Kind.STATUS_UNEXPECTED, "", status=404)
    lacking = made(wrong)
    cause = msgspec.structs.replace(lacking.causes[0], rule="no-operation")
    lacking = msgspec.structs.replace(lacking, causes=(cause,))
    assert states(compared(lacking, made(), by=MatrixBy.OPERATION)) == [[FAIL, PASS]]
    other = made(wrong)
    other = msgspec.structs.replace(other, causes=(msgspec.structs.replace(other.causes[0], id="00000000"),))
    row = next(row for row in compared(lacking, other).rows if row.id == cause.id)
    assert [one.state for one in row.cells] == [FAIL, PASS]


def test_features_are_compared_by_their_cases(made: Callable[..., Report]) -> None:
    def of(**given: int) -> Report:
        tools = FeatureCases(feature="tools", title="Tool use", **{"passed": 0, "failed": 0, **given})
        return made(cases=msgspec.structs.replace(NO_CASES, run=1, features=(tools,)))

    skipping, unclaimed = of(skipped=2), made(without=("tools",), cases=NO_CASES)
    matrix = compared(
        of(passed=3), of(passed=1, failed=2, lacking=1), of(inconclusive=1), skipping, unclaimed,
        by=MatrixBy.FEATURE,
    )  # fmt: skip
    assert states(matrix) == [[PASS, FAIL, UNSURE, UNTESTED, UNTESTED]]
    assert [one.figure for one in matrix.rows[0].cells] == ["3/3", "1/3", "", "", ""]
    assert [one.detail for one in matrix.rows[0].cells] == [
        "3 cases",
        "2 of 3 cases failed, 1 of them without it in the response",
        "1 inconclusive case",
        "2 skipped cases",
        "not claimed",
    ]


def test_lines_that_nobody_was_tested_for_are_only_counted(made: Callable[..., Report]) -> None:
    matrix = compared(made(), made(), by=MatrixBy.OPERATION)
    assert [row.id for row in matrix.rows] == [CHAT]
    assert matrix.untested == (EMBED,)


def test_reports_of_two_contracts_are_refused(made: Callable[..., Report]) -> None:
    with pytest.raises(ReportError, match="target 2: expected a report of the contract of target 1"):
        compared(made(), made(digest="sha256:2"))


# -- as text and as a page

HOSTILE = '<img src="http://evil.example/x">|`\x1b[31m'


def test_nothing_of_a_target_is_taken_for_markup(made: Callable[..., Report], finding: MakeFinding) -> None:
    wrong = finding(Kind.PROPERTY_UNDOCUMENTED, f"/{HOSTILE}", observed=HOSTILE)
    reports = {HOSTILE: made(wrong), "b": made(), "c": made()}
    matrix = compare_implementations(reports, MatrixBy.CHECK, lambda _: ())
    shown = page(matrix).decode("utf-8")
    assert "<img" not in shown
    assert "<script" not in shown
    assert "default-src 'none'" in shown
    assert "fails alone: " in shown
    for text in (shown, markdown(matrix).decode("utf-8"), terminal(matrix).decode("utf-8")):
        assert "\x1b" not in text
    assert "<img" not in markdown(matrix).decode("utf-8")


def test_each_form_has_all_cells(made: Callable[..., Report], finding: MakeFinding) -> None:
    matrix = compared(made(finding(Kind.TYPE_CHANGED, "/id")), made(), made(), made(called=(EMBED,)))
    [line] = [
        one for one in terminal(matrix).decode("utf-8").splitlines() if one.startswith(matrix.rows[0].id)
    ]
    assert line.split()[-4:] == ["FAIL*", "pass", "pass", "-"]
    assert "| **✗** 1 | ✓ | ✓ | – |" in markdown(matrix).decode("utf-8")
    shown = page(matrix).decode("utf-8")
    assert (shown.count('class="cell breaking"'), shown.count('class="cell passed"')) == (1, 2)
