"""`report render` writes a report for other tools, with the lines of cases and of the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cli import run
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange, Finding, Kind, Request, Response, Severity, Source
from cohere_conformance.report import Header, Mode, Tally, write
from cohere_conformance.session.source_lines import SourceLines

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.report import Report

CHAT = "POST /v2/chat"
Capture = pytest.CaptureFixture[str]


def found(location: str, kind: Kind = Kind.TYPE_CHANGED, operation: str = CHAT) -> Finding:
    return Finding(kind, Severity.BREAKING, operation, 200, location, expected="string", observed="number 1")


def report_of(finding: Finding, case: str = "") -> Report:
    tally = Tally()
    request = Request(
        "POST", "https://api.cohere.com/v2/chat", (("content-type", "application/json"),), b"{}"
    )
    exchange = Exchange(request, Response(200, (), b"{}"), Source("a.har", "entry 1"))
    tally.add(exchange, finding.operation, [finding], "application/json", case=case)
    header = Header(
        tool="cohere-conformance",
        version="1",
        contract_version="2026-08-20",
        contract_digest=load_contract().digest,
        mode=Mode.AMENDED,
        inputs=("a.har",),
        started_at="2026-11-22T22:00:00Z",
    )
    return tally.finish(header, (CHAT,), finished_at="2026-11-22T22:00:01Z")


def line_of(finding: Finding, case: str = "") -> tuple[str, str]:
    """Return the file of a finding, and the text of its line."""
    line = SourceLines(load_contract())(report_of(finding, case).findings[0])
    assert line is not None
    name, _, rest = line.file.partition("/")
    return line.file, (folder(name) / rest).read_text(encoding="utf-8").splitlines()[line.line - 1].strip()


def test_what_a_schema_declares_is_found_in_the_contract() -> None:
    file, text = line_of(
        found("/meta/billed_units/input_tokens", operation="POST /v1/embed"), case="embed.v1.plain"
    )
    assert file == "contracts/openapi/shared.yaml"
    assert text.startswith("input_tokens:")


def test_what_a_case_expects_is_found_in_the_case() -> None:
    file, text = line_of(found("/nowhere", Kind.EXPECTATION_FAILED), case="rerank.v2.plain")
    assert file == "suites/rerank/cases.yaml"
    assert text == "- id: rerank.v2.plain"


def test_other_findings_are_found_at_the_operation() -> None:
    assert line_of(found("/nowhere")) == ("contracts/openapi/chat.yaml", "post:")


def test_a_path_that_is_not_declared_has_no_line() -> None:
    row = report_of(found("", Kind.ROUTE_UNKNOWN, operation="other")).findings[0]
    assert SourceLines(load_contract())(row) is None


def test_a_report_is_written_as_sarif_with_lines(tmp_path: Path) -> None:
    write(report_of(found("/id")), tmp_path)
    output = tmp_path / "results.sarif"
    assert run(["report", "render", str(tmp_path), "--format", "sarif", "-o", str(output)]) == 0
    document: dict[str, Any] = json.loads(output.read_bytes())
    [result] = document["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "contracts/openapi/chat.yaml"
    assert place["region"]["startLine"] > 1


def test_a_report_is_printed_without_a_file(tmp_path: Path, capsys: Capture) -> None:
    write(report_of(found("/id")), tmp_path)
    assert run(["report", "render", str(tmp_path / "report.json"), "--format", "shields"]) == 0
    assert json.loads(capsys.readouterr().out)["color"] == "red"


def test_a_folder_without_a_report_is_an_error(tmp_path: Path, capsys: Capture) -> None:
    assert run(["report", "render", str(tmp_path), "--format", "junit"]) == 3
    assert "expected a complete report" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: Capture) -> None:
    write(report_of(found("/id")), tmp_path)
    assert (
        run(["report", "render", str(tmp_path), "--format", "junit", "-o", str(tmp_path / "no" / "x")]) == 3
    )
    assert "expected a file to write" in capsys.readouterr().err


def test_an_unknown_format_is_a_wrong_call(tmp_path: Path, capsys: Capture) -> None:
    assert run(["report", "render", str(tmp_path), "--format", "docx"]) == 4
    assert "junit" in capsys.readouterr().err
