from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.errors import ReportError
from cohere_conformance.report import Report, load, render_html, render_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_report_is_read_back_as_it_was(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(render_json(report))
    assert load(path) == load(tmp_path) == report


def test_the_rows_have_the_agreed_names(report: Report) -> None:
    row = json.loads(render_json(report))["findings"][0]
    assert list(row) == [
        *("fingerprint", "kind", "severity", "operation", "status", "location", "expected", "observed"),
        *("requirement", "amendment", "count", "example", "first_seen", "last_seen", "cases", "omitted"),
        *("correction", "sdk_effects"),
    ]
    assert list(row["example"]) == [
        *("file", "position", "recorded_at", "request", "curl", "inexact", "request_text", "response_text"),
        "sdks",
    ]


def test_a_report_of_the_first_version_is_still_read(report: Report, tmp_path: Path) -> None:
    raw = json.loads(render_json(report))
    del raw["header"]["target"]
    for name in ("cases", "exercise", "groups"):
        del raw["coverage"][name]
    for operation in raw["coverage"]["operations"]:
        del operation["cases"]
    for row in raw["findings"]:
        del row["cases"], row["example"]["request_text"], row["example"]["response_text"]
    (tmp_path / "report.json").write_text(json.dumps(raw), encoding="utf-8")
    read = load(tmp_path)
    assert read.footer == report.footer
    assert b"<!doctype html>" in render_html(read)


def test_no_beginning_of_a_report_is_a_report(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    whole = render_json(report)
    for end in range(0, len(whole.rstrip()), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(ReportError, match=r"expected a complete report .* got .* run `check` again"):
            load(path)


def _without_footer(raw: dict[str, Any]) -> None:
    del raw["footer"]


def _not_complete(raw: dict[str, Any]) -> None:
    raw["footer"]["complete"] = False


def _other_format(raw: dict[str, Any]) -> None:
    raw["header"]["format"] = 1


def _without_format(raw: dict[str, Any]) -> None:
    del raw["header"]["format"]


def _wrong_kind(raw: dict[str, Any]) -> None:
    raw["findings"][0]["kind"] = "odd"


def _negative(raw: dict[str, Any]) -> None:
    raw["findings"][0]["count"] = 0


def _no_header(raw: dict[str, Any]) -> None:
    del raw["header"]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_without_footer, "a report without its footer: the run did not end; run `check` again"),
        (_not_complete, "a report without its footer"),
        (_other_format, r"format 1; read it with the version that wrote it \(here: 3\)"),
        (_without_format, "format None"),
        (_wrong_kind, r"a value that does not fit \(.*odd.*kind"),
        (_negative, r"a value that does not fit \(.*count"),
        (_no_header, "JSON without a report's header; name the report.json"),
    ],
)
def test_what_is_no_report_is_refused_in_words(
    report: Report, tmp_path: Path, spoil: Callable[[dict[str, Any]], None], expected: str
) -> None:
    raw = json.loads(render_json(report))
    spoil(raw)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ReportError, match=expected) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"1", b"\xff\xfe", b'{"header": []}'])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(ReportError, match="expected a complete report"):
        load(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"report\.json: expected .* got No such file"):
        load(tmp_path)
