"""`--history`, `history` and `report diff`, as a nightly job meets them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from running import called

from cohere_conformance.cli import run
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
CASE = ("run", "--case", "tokenize.plain")
FAULT = ("--fault", "tokenize.negative-id")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def changes(here: Path) -> list[str]:
    report: dict[str, Any] = json.loads((here / "conformance-report" / "report.json").read_bytes())
    return [one["state"] for one in report["changes"]["causes"]]


def test_a_run_says_what_has_changed_since_the_run_before(here: Path) -> None:
    history = ("--history", "nightly.sqlite")
    first = called(here, *CASE, *history)
    assert first.code == 0, first.output
    assert first.output.lstrip().startswith("history: this is the first run of embedded, profile contract")
    broken = called(here, *CASE, *FAULT, *history)
    assert (broken.code, changes(here)) == (1, ["new"])
    assert ": 1 new\nnew: " in broken.output
    assert ": 1 new\n" in (here / "conformance-report" / "report.md").read_text(encoding="utf-8")
    mended = called(here, *CASE, *history, "-n", "2")
    assert (mended.code, changes(here)) == (0, ["resolved"])
    assert "1 resolved\nresolved: " in mended.output
    listed = called(here, "history", "list", "nightly.sqlite").output.splitlines()
    assert [line.split("exit code ")[1][0] for line in listed] == ["0", "1", "0"], "one row for each run"


def test_runs_are_remembered_beside_the_report(here: Path) -> None:
    first = called(here, *CASE, *FAULT)
    assert "history" not in first.output
    assert first.report["changes"] is None, "nothing is known yet, and nobody has asked"
    mended = called(here, *CASE)
    assert changes(here) == ["resolved"]
    assert mended.output.lstrip().splitlines()[0].endswith(": 1 resolved")
    assert len(called(here, "history", "list").output.splitlines()) == 2
    assert called(here, "history", "show").output.startswith("2  ")
    assert called(here, "history", "show", "1").output.startswith("1  ")
    assert "expected a run 7" in called(here, "history", "show", "7").output
    assert list(here.rglob("*.sqlite")) == [here / "conformance-report" / "history.sqlite"]


def test_traffic_is_remembered_beside_the_report_as_well(here: Path) -> None:
    deviating = str(folder("cassettes") / "examples" / "deviating.jsonl")
    assert run(["check", deviating, "--report-dir", "out"]) == 1
    assert run(["check", deviating, "--report-dir", "out"]) == 1
    report = json.loads((here / "out" / "report.json").read_bytes())
    assert {one["state"] for one in report["changes"]["causes"]} == {"persisting"}


@pytest.mark.parametrize("by_file", [False, True])
def test_without_a_history_nothing_is_stored(here: Path, *, by_file: bool) -> None:
    if by_file:
        (here / "conformance.toml").write_text('history = "none"\n', encoding="utf-8")
    arguments = () if by_file else ("--history", "none")
    for _ in range(2):
        done = called(here, *CASE, *arguments)
        assert done.report["changes"] is None
    assert not list(here.rglob("*.sqlite"))
    assert not (here / "none").exists()


def test_a_shard_has_no_history_unless_it_is_named(here: Path) -> None:
    for _ in range(2):
        assert called(here, *CASE, "--shard", "1/1").report["changes"] is None
    assert not list(here.rglob("*.sqlite"))


def test_a_history_that_cannot_be_read_is_not_green(here: Path) -> None:
    (here / "nightly.sqlite").write_text("not a database\n" * 100, encoding="utf-8")
    done = called(here, *CASE, "--history", "nightly.sqlite")
    assert done.code == 3, done.output
    assert "nightly.sqlite: expected a history" in done.output
    assert done.report["footer"]["exit_code"] == 3


def traffic(here: Path, lines: int) -> str:
    every = (folder("cassettes") / "examples" / "deviating.jsonl").read_text("utf-8").splitlines()
    (here / "traffic.jsonl").write_text("".join(f"{line}\n" for line in every[:lines]), encoding="utf-8")
    return "traffic.jsonl"


def test_recorded_traffic_is_compared_and_its_history_read_and_pruned(here: Path, capsys: Capture) -> None:
    arguments = ["--history", "traffic.sqlite"]
    assert run(["check", traffic(here, 1), *arguments]) == 1
    assert run(["check", traffic(here, 1), *arguments]) == 1
    assert set(changes(here)) == {"persisting"}
    capsys.readouterr()
    assert run(["history", "show", "traffic.sqlite"]) == 0
    assert "in 2 runs: " in capsys.readouterr().out
    assert run(["history", "export", "traffic.sqlite"]) == 0
    assert [json.loads(line)["target"] for line in capsys.readouterr().out.splitlines()] == [
        "traffic.jsonl"
    ] * 2
    assert run(["history", "prune", "traffic.sqlite", "--keep", "1"]) == 0
    assert "removed 1 run" in capsys.readouterr().out
    assert run(["history", "show", "traffic.sqlite", "1"]) == 4
    assert run(["history", "list", "absent.sqlite"]) == 3


def test_two_reports_are_compared(here: Path, capsys: Capture) -> None:
    for lines in (1, 2):
        run(["check", traffic(here, lines), "--report-dir", f"report-{lines}"])
    capsys.readouterr()
    assert run(["report", "diff", "report-1", "report-1"]) == 0
    assert "new" not in capsys.readouterr().out
    assert run(["report", "diff", "report-1", "report-2"]) == 1
    assert "new finding" in capsys.readouterr().out
    assert run(["report", "diff", "report-1", "absent"]) == 3
