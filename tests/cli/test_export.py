"""`report export`: an archive of the exchanges of a run, which `check` judges as the run did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from running import called

from cohere_conformance.cli import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FAULT = ("--fault", "check-api-key.no-verdict", "--only", "check-api-key")


def findings(report: Path) -> set[tuple[str, str, str]]:
    rows = json.loads(report.read_text(encoding="utf-8"))["findings"]
    return {
        (row["kind"], row["operation"], row["location"]) for row in rows if row["kind"] != "request-invalid"
    }


def test_a_run_is_exported_and_judged_again(tmp_path: Path) -> None:
    assert called(tmp_path, "run", *FAULT).code == 1
    exported = called(tmp_path, "report", "export", "--har", "run.har")
    archive = json.loads((tmp_path / "run.har").read_bytes())["log"]
    assert (archive["version"], exported.code) == ("1.2", 0)
    assert exported.output == f"wrote {len(archive['entries'])} exchanges to run.har\n"
    times = [entry["startedDateTime"] for entry in archive["entries"]]
    assert len(times) > 3
    assert times == sorted(times)
    assert b"reference-key" not in (tmp_path / "run.har").read_bytes()

    assert called(tmp_path, "check", "run.har", "--report-dir", "again").code == 1
    again = findings(tmp_path / "again/report.json")
    assert {kind for kind, _, _ in again} == {"property-missing"}
    assert again <= findings(tmp_path / "conformance-report/report.json")


def test_a_broken_line_is_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "journal-main.jsonl").write_bytes(b"no line\n")
    assert run(["report", "export", str(tmp_path), "--har", str(tmp_path / "run.har")]) == 3
    shown = capsys.readouterr()
    assert shown.out.startswith("wrote 0 exchanges to ")
    assert shown.err.startswith("left out: journal-main.jsonl: line 1: expected a line of a journal")
    assert json.loads((tmp_path / "run.har").read_bytes())["log"]["entries"] == []


def test_without_journals_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "export", str(tmp_path), "--har", str(tmp_path / "run.har")]) == 3
    assert "expected a folder with the journals of a run" in capsys.readouterr().err
    assert not (tmp_path / "run.har").exists()
