"""`calendar`: of reports, of a history, and of the contract alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cli import run
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
NOTICE = "model 'command-r' is deprecated and will be removed September 15 2025."


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Path:
    """Return a folder with the report and the history of traffic with a retired model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    line = {
        "method": "POST",
        "url": "https://api.cohere.com/v1/tokenize",
        "status": 200,
        "content_type": "application/json",
        "response_headers": {"x-api-warning": NOTICE},
        "request_body": {"model": "command-r", "text": "a"},
        "response_body": {"tokens": [1], "token_strings": ["a"]},
        "recorded_at": "2025-09-14T10:00:00Z",
    }
    (tmp_path / "traffic.jsonl").write_text(json.dumps(line), encoding="utf-8")
    run(["check", "traffic.jsonl", "--history", "runs.sqlite"])
    capsys.readouterr()
    return tmp_path


def rows(capsys: Capture, *arguments: str) -> Sequence[dict[str, Any]]:
    assert run(["calendar", *arguments, "--format", "json"]) == 0
    listed: Sequence[dict[str, Any]] = json.loads(capsys.readouterr().out)["deprecations"]
    return listed


@pytest.mark.parametrize("source", [["conformance-report"], ["--history", "runs.sqlite"]])
def test_what_was_seen_is_listed_with_the_days_left(
    checked: Path, source: list[str], capsys: Capture
) -> None:
    seen = rows(capsys, *source, "--seen", "--on", "2025-09-05")
    assert [(row["kind"], row["days_left"], row["count"]) for row in seen] == [
        ("model", 10, 1),
        ("notice", 10, 1),
    ]
    assert {row["first_seen"][:10] for row in seen} == {"2025-09-14"}


def test_a_run_counts_once_and_two_runs_count_twice(checked: Path, capsys: Capture) -> None:
    arguments = ("conformance-report", "--history", "runs.sqlite", "--seen")
    assert rows(capsys, *arguments)[0]["count"] == 1
    path = checked / "conformance-report" / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["header"]["started_at"] = "2025-09-13T23:59:58Z"
    path.write_text(json.dumps(report), encoding="utf-8")
    assert rows(capsys, *arguments)[0]["count"] == 2


def test_days_are_counted_from_the_day_of_the_report(checked: Path, capsys: Capture) -> None:
    path = checked / "conformance-report" / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["footer"]["finished_at"] = "2025-09-13T23:59:59Z"
    path.write_text(json.dumps(report), encoding="utf-8")
    assert {row["days_left"] for row in rows(capsys, str(path), "--seen")} == {2}


def test_the_contract_alone_has_a_calendar(capsys: Capture) -> None:
    listed = rows(capsys, "--on", "2026-11-29")
    assert {row["kind"] for row in listed} >= {"operation", "property", "model"}
    assert {row["count"] for row in listed} == {0}
    days = [row["days_left"] for row in listed if row["days_left"] is not None]
    assert days == sorted(days)


def test_the_terminal_and_markdown_show_the_same(checked: Path, capsys: Capture) -> None:
    arguments = ["calendar", "conformance-report", "--seen", "--on", "2025-09-05"]
    assert run(arguments) == 0
    terminal = capsys.readouterr().out
    assert run([*arguments, "--format", "markdown"]) == 0
    markdown = capsys.readouterr().out
    for text in ("2 deprecations, 2 of them seen in conformance-report; days from 2025-09-05", "command-r"):
        assert text in terminal
        assert text in markdown
    assert "| 10 | 2025-09-15 | 2025-09-15 | `model command-r` |" in markdown


def test_the_documentation_shows_real_output(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = (folder("contracts").parent / "docs" / "findings.md").read_text(encoding="utf-8")
    shown = page.split("$ cohere-conformance calendar --on 2026-11-29\n")[1].split("$ ")[0].splitlines()
    assert run(["calendar", "--on", "2026-11-29"]) == 0
    actual = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in shown if line not in (*actual, "...")] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--on", "tomorrow"], 4, "expected a day such as 2026-11-29"),
        (["missing.json"], 3, "expected a complete report"),
        (["--history", "missing.sqlite"], 3, "expected a history"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["calendar", *arguments]) == code
    assert message in capsys.readouterr().err
