"""Reports for other tools: read back by what reads these formats, also where a server sends hostile text."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

import jsonschema
import msgspec
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from tests.report.test_render import HOSTILE

from cohere_conformance.model import Kind, Severity
from cohere_conformance.report import CaseCoverage, CaseEnd, Report, Tally
from cohere_conformance.report.formats import FORMATS, SourceLine, convert

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange, MakeFinding

SARIF_SCHEMA = Path(__file__).parents[2] / "build" / "sarif-2.1.0.json"
CHAT = "POST /v2/chat"


@pytest.fixture
def deviating(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> Report:
    tally = Tally()
    findings = [
        finding(Kind.TYPE_CHANGED, "/id", observed="number 1", operation=CHAT),
        finding(
            Kind.PROPERTY_UNDOCUMENTED, "/extra", observed="string", operation=CHAT, severity=Severity.NOTICE
        ),
    ]
    tally.add(exchange(), CHAT, findings, "application/json")
    tally.add(exchange(position="line 2"), "POST /v2/embed", [], "application/json")
    return finish(tally)


@pytest.fixture
def conforming(exchange: MakeExchange, finish: Finish) -> Report:
    tally = Tally()
    tally.add(exchange(), CHAT, [], "application/json")
    return finish(tally)


@pytest.fixture
def hostile(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> Report:
    tally = Tally()
    text = f"{HOSTILE}]]>\x00\ud800 ::error::forged %0A::warning::forged"
    findings = [finding(Kind.TYPE_CHANGED, f"/{text}", observed=text, operation=text)]
    tally.add(exchange(file=text, position=text, url=text), text, findings, text)
    return finish(tally)


def junit(report: Report) -> JUnitXml:
    return JUnitXml.fromstring(convert(report, "junit").decode())


def suites_of(report: Report) -> dict[str, list[TestCase]]:
    return {suite.name: list(suite) for suite in junit(report) if isinstance(suite, TestSuite)}


def results(test: TestCase) -> list[type]:
    return [type(result) for result in test.result]


# -- JUnit ---------------------------------------------------------------------------------------------------


def test_a_junit_reader_sees_operation_expectation_and_observation(deviating: Report) -> None:
    suites = suites_of(deviating)
    failing = next(test for test in suites[CHAT] if Failure in results(test))
    assert failing.classname == CHAT
    assert "/id" in failing.name
    [failure] = failing.result
    assert "observed number 1" in failure.message
    assert deviating.findings[0].example.request in str(failure.text)


def test_a_finding_below_what_fails_the_run_is_a_test_that_passed(deviating: Report) -> None:
    mild = next(test for test in suites_of(deviating)[CHAT] if "/extra" in test.name)
    assert results(mild) == []
    assert "string" in (mild.system_out or "")


def test_operations_without_failures_have_a_test_that_passed(deviating: Report) -> None:
    [test] = suites_of(deviating)["POST /v2/embed"]
    assert results(test) == []


def test_numbers_of_suites_add_up(deviating: Report) -> None:
    document = junit(deviating)
    assert (document.tests, document.failures, document.errors) == (3, 1, 0)


def test_a_run_without_a_verdict_is_an_error_in_junit(conforming: Report) -> None:
    for code in (2, 3, 5):
        footer = msgspec.structs.replace(conforming.footer, exit_code=code, verdict="no verdict")
        suites = suites_of(msgspec.structs.replace(conforming, footer=footer))
        assert [results(test) for test in suites["verdict"]] == [[Error]]


def test_a_deviation_without_a_finding_is_a_failure_in_junit(conforming: Report) -> None:
    footer = msgspec.structs.replace(conforming.footer, exit_code=1, verdict="DEVIATES")
    suites = suites_of(msgspec.structs.replace(conforming, footer=footer))
    assert [results(test) for test in suites["verdict"]] == [[Failure]]


def test_cases_that_showed_nothing_are_no_passes_in_junit(conforming: Report) -> None:
    ends = (
        CaseEnd(case="chat.a", operation=CHAT, outcome="inconclusive", reason="rate limit"),
        CaseEnd(case="chat.b", operation=CHAT, outcome="error", reason="broken"),
        CaseEnd(case="chat.c", operation=CHAT, outcome="not-run"),
    )
    cases = CaseCoverage(run=2, passed=0, failed=0, inconclusive=1, error=1, skipped=0, not_run=1, ends=ends)
    coverage = msgspec.structs.replace(conforming.coverage, cases=cases)
    named = {
        test.name: test for test in suites_of(msgspec.structs.replace(conforming, coverage=coverage))[CHAT]
    }
    assert results(named["chat.a (inconclusive)"]) == [Skipped]
    assert results(named["chat.b (error)"]) == [Error]
    assert results(named["chat.c (not-run)"]) == [Skipped]


def test_hostile_text_stays_inside_its_element(hostile: Report) -> None:
    document = convert(hostile, "junit")
    root = Xml.fromstring(document)
    assert {element.tag for element in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure"}
    assert b"\\u0000" in document


# -- SARIF ---------------------------------------------------------------------------------------------------


def sarif(report: Report, line: SourceLine | None = None) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(convert(report, "sarif", lambda _: line))
    return document


@pytest.mark.skipif(
    not SARIF_SCHEMA.exists() and os.environ.get("CI") != "true", reason="the schema of SARIF is not here"
)
@pytest.mark.parametrize("name", ["deviating", "conforming", "hostile"])
def test_sarif_is_valid(name: str, request: pytest.FixtureRequest) -> None:
    schema = json.loads(SARIF_SCHEMA.read_bytes())
    document = sarif(request.getfixturevalue(name), SourceLine("suites/chat/cases.yaml", 3))
    jsonschema.validate(document, schema)


def test_a_result_of_sarif_is_at_the_line_of_its_finding(deviating: Report) -> None:
    [run] = sarif(deviating, SourceLine("contracts/openapi/chat.yaml", 12))["runs"]
    result = run["results"][0]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "contracts/openapi/chat.yaml"
    assert physical["region"] == {"startLine": 12}
    assert result["level"] == "error"
    assert result["partialFingerprints"] == {"cohereConformance/v1": deviating.findings[0].fingerprint}
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_finding_without_a_line_has_a_logical_location_only(deviating: Report) -> None:
    location = sarif(deviating)["runs"][0]["results"][0]["locations"][0]
    assert location.keys() == {"logicalLocations"}


@pytest.mark.parametrize(("code", "successful"), [(0, True), (1, True), (2, False), (3, False), (5, False)])
def test_a_run_without_a_verdict_is_no_successful_execution(
    conforming: Report, code: int, successful: bool
) -> None:
    footer = msgspec.structs.replace(conforming.footer, exit_code=code)
    [invocation] = sarif(msgspec.structs.replace(conforming, footer=footer))["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is successful
    assert ("toolExecutionNotifications" in invocation) is not successful


# -- GitHub --------------------------------------------------------------------------------------------------


def annotations(report: Report, line: SourceLine | None = None) -> list[str]:
    return convert(report, "github", lambda _: line).decode().splitlines()


def test_causes_become_annotations_at_their_line(deviating: Report) -> None:
    first, *_ = annotations(deviating, SourceLine("suites/chat/cases.yaml", 7))
    assert first.startswith("::error file=suites/chat/cases.yaml,line=7,title=")
    assert deviating.causes[0].id in first


def test_hostile_text_makes_no_further_annotation(hostile: Report) -> None:
    lines = annotations(hostile)
    assert len(lines) == len(hostile.causes)
    for line in lines:
        properties, _, message = line.removeprefix("::").partition("::")
        assert properties.split(" ", 1)[0] in {"error", "warning", "notice"}
        assert re.search(r"(?:^|%0A)\s*::", message) is None


def test_a_run_without_a_verdict_is_annotated(conforming: Report) -> None:
    footer = msgspec.structs.replace(conforming.footer, exit_code=3, verdict="INCONCLUSIVE: nothing known")
    lines = annotations(msgspec.structs.replace(conforming, footer=footer))
    assert lines == ["::error title=No verdict::INCONCLUSIVE: nothing known"]


def test_a_conforming_run_needs_no_annotation(conforming: Report) -> None:
    assert annotations(conforming) == []


def test_the_comment_shows_verdict_and_causes(deviating: Report) -> None:
    comment = convert(deviating, "pull-request").decode()
    assert comment.startswith("<!-- cohere-conformance -->\n:x: **")
    assert f"explain {deviating.causes[0].id}" in comment
    assert len(re.findall(r"^\| (?:breaking|additive|notice) ", comment, re.MULTILINE)) == len(
        deviating.causes
    )


# -- badge ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "color"),
    [
        (0, "1 operations conform", "brightgreen"),
        (2, "interrupted", "orange"),
        (3, "inconclusive", "orange"),
        (5, "nothing judged", "lightgrey"),
    ],
)
def test_only_a_conforming_run_has_a_green_badge(
    conforming: Report, code: int, message: str, color: str
) -> None:
    footer = msgspec.structs.replace(conforming.footer, exit_code=code)
    report = msgspec.structs.replace(conforming, footer=footer)
    badge = json.loads(convert(report, "shields"))
    assert (badge["schemaVersion"], badge["message"], badge["color"]) == (1, message, color)
    picture = Xml.fromstring(convert(report, "badge"))
    assert message in picture.get("aria-label", "")


def test_the_badge_of_a_deviating_run_counts_causes(deviating: Report) -> None:
    badge = json.loads(convert(deviating, "shields"))
    assert (badge["message"], badge["color"]) == ("1 cause", "red")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_a_pure_function(name: str, hostile: Report) -> None:
    assert convert(hostile, name) == convert(hostile, name) != b""
