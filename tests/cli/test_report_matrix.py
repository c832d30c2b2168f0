"""`report matrix` compares reports that lie in files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from running import called

from cohere_conformance.cli import run
from cohere_conformance.data import folder

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports of conforming and of deviating traffic."""
    home = tmp_path_factory.mktemp("reports")
    for name in ("conforming", "deviating"):
        run(
            [
                "check",
                str(folder("cassettes") / "examples" / f"{name}.jsonl"),
                "--report-dir",
                str(home / name),
            ]
        )
    return home


def test_the_reports_of_two_targets_are_shown_side_by_side(reports: Path, capsys: Capture) -> None:
    paths = [str(reports / "conforming"), str(reports / "deviating" / "report.json")]
    capsys.readouterr()
    assert run(["report", "matrix", *paths, "--name", "good", "--name", "bad"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1  good: CONFORMS")
    assert lines[1].startswith("2  bad: DEVIATES")
    assert {line.split()[-1] for line in lines[4:-2]} <= {"FAIL", "-"}
    assert run(["report", "matrix", *paths, "--by", "operation", "--format", "json"]) == 0
    matrix = json.loads(capsys.readouterr().out)
    assert {one["state"] for row in matrix["rows"] for one in row["cells"]} >= {"pass", "fail"}
    page = reports / "matrix.html"
    assert run(["report", "matrix", *paths, "--format", "html", "-o", str(page)]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_each_report_needs_a_name_of_its_own(reports: Path, capsys: Capture) -> None:
    paths = [str(reports / "conforming"), str(reports / "deviating")]
    assert run(["report", "matrix", *paths, "--name", "only one"]) == 4
    assert run(["report", "matrix", *paths, "--name", "one", "--name", "one"]) == 4
    assert "expected a name of its own for each report, got 'one' twice" in capsys.readouterr().err
    assert run(["report", "matrix", *paths, str(reports / "absent")]) == 3


def test_the_documented_matrix_is_real(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    shown = re.search(r"\$ cohere-conformance (report matrix [^\n]*)\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    faults = {"mock": ("strings-short", "empty-accepted"), "gateway": ("empty-accepted",), "reference": ()}
    for name, injected in faults.items():
        options = [f"--fault=tokenize.{fault}" for fault in injected]
        called(tmp_path, "run", "--only", "tokenize", *options, "--report-dir", name)
    assert called(tmp_path, *shown[1].split()).output == shown[2]
