"""JUnit XML: a test suite for each operation, a test case for each finding.

Source of the format: the schema of Jenkins' xUnit plugin, which GitLab, Azure and CircleCI read as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from cohere_conformance.report.render import parts
from cohere_conformance.report.verdict import CONFORMS, DEVIATES, RANK, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.report.coverage import CaseEnd
    from cohere_conformance.report.shape import Report, Row

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot contain, not even escaped."""
_LISTED_BY_FINDINGS = "failed"


def render(report: Report) -> bytes:
    """Return the report as JUnit XML.

    A finding of at least the severity that fails the run is a failure; a milder one is a test that passed,
    with the finding as its output. Each operation without failures has one test that passed. What is not
    about an operation, such as an interrupted run, is an error in a suite of its own.
    """
    root = Xml.Element("testsuites", name=parts.COMMAND)
    for operation in _operations(report):
        _suite(root, operation, list(_tests_of(report, operation)))
    if report.footer.exit_code not in {CONFORMS, DEVIATES} or not _has_failures(report):
        _suite(root, "verdict", [_verdict(report)])
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    Xml.indent(root)
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _operations(report: Report) -> dict[str, None]:
    """Return the operations that the report knows, in its order."""
    coverage = report.coverage
    ends = coverage.cases.ends if coverage.cases is not None else ()
    counted = (one.operation for one in coverage.operations)
    found = (row.operation for row in report.findings)
    return dict.fromkeys(filter(None, (*counted, *found, *(end.operation for end in ends))))


def _has_failures(report: Report) -> bool:
    return any(_fails(report, row) for row in report.findings)


def _fails(report: Report, row: Row) -> bool:
    return not row.client_side and RANK[row.severity] <= RANK[report.header.fail_on]


def _suite(root: Xml.Element, name: str, tests: list[Xml.Element]) -> None:
    suite = Xml.SubElement(root, "testsuite", name=_text(name), tests=str(len(tests)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(test.find(tag) is not None for test in tests)))
    suite.extend(tests)


def _tests_of(report: Report, operation: str) -> Iterator[Xml.Element]:
    rows = [row for row in report.findings if row.operation == operation]
    yield from (_finding(report, row) for row in rows)
    cases = report.coverage.cases
    ends = [one for one in cases.ends if one.operation == operation] if cases is not None else []
    yield from (_end(one) for one in ends if one.outcome != _LISTED_BY_FINDINGS)
    failing = any(_fails(report, row) for row in rows)
    counted = next((one for one in report.coverage.operations if one.operation == operation), None)
    if counted is not None and counted.judged and not failing:
        yield _test(operation, f"{quantity(counted.judged, 'exchange')} without a failing finding")


def _test(operation: str, name: str) -> Xml.Element:
    return Xml.Element("testcase", classname=_text(operation), name=_text(name), time="0")


def _finding(report: Report, row: Row) -> Xml.Element:
    where = row.location or parts.WHOLE_BODY
    test = _test(row.operation, f"{row.requirement or row.kind} at {where} [{row.fingerprint}]")
    message = f"expected {row.expected}; observed {row.observed}"
    if _fails(report, row):
        detail = Xml.SubElement(test, "failure", message=_text(message), type=row.kind.value)
    else:
        detail = Xml.SubElement(test, "system-out")
    detail.text = _text("\n".join(_details(report, row, message)))
    return test


def _details(report: Report, row: Row, message: str) -> Iterator[str]:
    yield f"{row.severity} {row.kind}, status {row.status}"
    yield message
    if row.requirement and (says := report.sentences.requirements.get(row.requirement)):
        yield f"requirement {row.requirement}: {says}"
    if row.cases:
        yield f"cases: {', '.join(row.cases)}"
    if row.example.curl is not None:
        yield row.example.curl
    yield from (text for text in (row.example.request_text, row.example.response_text) if text)


def _end(one: CaseEnd) -> Xml.Element:
    """Return a case that neither passed nor has a finding; an error is never green."""
    test = _test(one.operation, f"{one.case} ({one.outcome})")
    tag = "error" if one.outcome == "error" else "skipped"
    Xml.SubElement(test, tag, message=_text(f"{one.outcome}: {one.reason}" if one.reason else one.outcome))
    return test


def _verdict(report: Report) -> Xml.Element:
    test = _test(parts.COMMAND, "verdict")
    if report.footer.exit_code == CONFORMS:
        Xml.SubElement(test, "system-out").text = _text(report.footer.verdict)
        return test
    tag = "failure" if report.footer.exit_code == DEVIATES else "error"
    message = _text(report.footer.verdict)
    Xml.SubElement(test, tag, message=message, type=f"exit-{report.footer.exit_code}").text = message
    return test


def _text(text: str) -> str:
    return _FORBIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
