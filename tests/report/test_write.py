from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.errors import ReportError
from cohere_conformance.model import Severity
from cohere_conformance.report import Report, Tally, load, write

if TYPE_CHECKING:
    from tests.report.conftest import Finish


def test_all_files_are_written_and_nothing_else(report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    assert write(report, folder) == tuple(
        folder / name for name in ("report.json", "report.md", "report.html")
    )
    assert load(folder) == report
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    for name in ("report.md", "report.html"):
        assert f"--report-dir {folder}" in (folder / name).read_text(encoding="utf-8")


def test_a_new_report_replaces_the_old_one(
    report: Report, tally: Tally, finish: Finish, tmp_path: Path
) -> None:
    write(report, tmp_path)
    newer = finish(tally, fail_on=Severity.NOTICE)
    write(newer, tmp_path)
    assert load(tmp_path) == newer != report


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failure_leaves_the_old_report_and_no_litter(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write(report, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ReportError, match=r"got: No space left on device; name another folder"):
        write(report, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_in_place_of_the_folder_is_an_error(report: Report, tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(ReportError, match="expected a folder to write the report to"):
        write(report, target)
    assert target.read_text(encoding="utf-8") == "mine"
