"""`gate`: each condition that is not fulfilled closes it, in a line that says what to do."""

from __future__ import annotations

import datetime as dt
import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cli import run

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
DAY = dt.date(2026, 11, 30)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of one target with a history: the first, one with a new cause, and one that has it still."""
    home = tmp_path_factory.mktemp("reports")
    found: dict[str, Path] = {}
    fault = ["--fault", "check-api-key.invalid"]
    for name, faults in (("first", []), ("new", fault), ("known", fault)):
        found[name] = home / name
        arguments = ["--report-dir", str(found[name]), "--history", str(home / "history.sqlite"), *faults]
        assert run(["run", "--no-config", "-q", "--only", "check-api-key", *arguments]) == len(faults) / 2
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gate(report: Path, *options: str) -> int:
    return run(["gate", "--no-config", "--report-dir", str(report), *options])


def changed(folder: Path, report: Path, **fields: Any) -> Path:
    """Return a copy of a report with other values."""
    document = json.loads((report / "report.json").read_text(encoding="utf-8"))
    (folder / "report.json").write_text(json.dumps(document | fields), encoding="utf-8")
    return folder


def test_a_report_that_conforms_opens_the_gate(reports: dict[str, Path], capsys: Capture) -> None:
    assert gate(reports["first"], "--min", "operation=100", "--min", "property=50") == 0
    out = capsys.readouterr().out.splitlines()
    assert [line[:5] for line in out[:-1]] == ["ok   "] * 3
    assert out[-1] == "OPEN: 3 conditions fulfilled"


def test_a_report_that_deviates_closes_it(reports: dict[str, Path], capsys: Capture) -> None:
    assert gate(reports["new"]) == 1
    out = capsys.readouterr().out
    assert "FAIL verdict: DEVIATES: " in out
    assert "mend the server" in out
    assert out.endswith("CLOSED: 1 of 1 condition not fulfilled\n")


def test_only_new_causes_close_it_if_the_user_says_so(reports: dict[str, Path], capsys: Capture) -> None:
    """A known cause is a ticket that exists already; a new one is a regression."""
    assert gate(reports["new"], "--no-new-cause") == 1
    out = capsys.readouterr().out
    cause = json.loads((reports["new"] / "report.json").read_text(encoding="utf-8"))["causes"][0]
    assert f"FAIL no new cause: {cause['id']} {cause['title']} (new)" in out
    assert f"cohere-conformance explain {cause['id']}" in out
    assert gate(reports["known"], "--no-new-cause") == 0
    assert "ok   no new cause: 1 cause, all known since" in capsys.readouterr().out


def test_without_earlier_runs_nothing_is_known(
    reports: dict[str, Path], folder: Path, capsys: Capture
) -> None:
    assert gate(reports["first"], "--no-new-cause") == 1
    assert "the history has no earlier run" in capsys.readouterr().out
    assert gate(changed(folder, reports["known"], changes=None), "--no-new-cause") == 1
    assert "keep the history" in capsys.readouterr().out


@pytest.mark.parametrize("code", [2, 3, 5])
def test_a_report_without_a_verdict_never_opens_it(
    reports: dict[str, Path], folder: Path, code: int, capsys: Capture
) -> None:
    """An interrupted run has no new cause because it has seen nothing."""
    footer = json.loads((reports["known"] / "report.json").read_text(encoding="utf-8"))["footer"]
    footer |= {"exit_code": code, "verdict": "INCOMPLETE: x"}
    report = changed(folder, reports["known"], footer=footer)
    for options in ([], ["--no-new-cause"]):
        assert gate(report, *options) == 1
        assert "run again until the run ends with a verdict" in capsys.readouterr().out


def test_too_little_coverage_closes_it_and_names_what_is_missing(
    reports: dict[str, Path], capsys: Capture
) -> None:
    assert gate(reports["first"], "--min", "status=100") == 1
    out = capsys.readouterr().out
    assert "FAIL coverage of status: " in out
    assert "missing: POST /v1/check-api-key " in out


def test_coverage_of_what_nothing_declares_is_not_fulfilled(
    reports: dict[str, Path], capsys: Capture
) -> None:
    """100 % of nothing would be a condition that cannot fail."""
    assert gate(reports["first"], "--min", "event=1") == 1
    assert "leave out --min event" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["events=3", "status", "status=x", "status=101", "status=-1", "status=nan"])
def test_a_wrong_minimum_is_a_usage_error(reports: dict[str, Path], text: str) -> None:
    assert gate(reports["first"], "--min", text) == 4


@pytest.mark.parametrize(("expires", "days", "code"), [(0, "0", 0), (-1, "0", 1), (6, "7", 1), (7, "7", 0)])
def test_a_baseline_that_expires_too_early_closes_it(
    reports: dict[str, Path],
    folder: Path,
    expires: int,
    days: str,
    code: int,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An entry is valid on its last day."""
    # The package has the command under the name of the module.
    monkeypatch.setattr(importlib.import_module("cohere_conformance.cli.gate"), "_today", lambda: DAY)
    day = (DAY + dt.timedelta(days=expires)).isoformat()
    (folder / "conformance-baseline.yaml").write_text(
        f'accepted:\n  - {{kind: enum-unknown, reason: "until the next release", expires: "{day}"}}\n',
        encoding="utf-8",
    )
    assert gate(reports["first"], "--baseline-days", days) == code
    out = capsys.readouterr().out
    assert ("conformance-baseline.yaml:2" in out) == bool(code)


def test_stale_cassettes_close_it(reports: dict[str, Path], folder: Path, capsys: Capture) -> None:
    (folder / "mine" / "rerank").mkdir(parents=True)
    (folder / "mine" / "rerank" / "rerank.nobody.yaml").write_text("interactions: []\n", encoding="utf-8")
    assert gate(reports["first"], "--cassettes", "mine") == 1
    assert "cassettes status --cassettes mine" in capsys.readouterr().out


def test_a_contract_that_lacks_something_closes_it(
    reports: dict[str, Path], folder: Path, capsys: Capture
) -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "a", "version": "1"},
        "paths": {"/v3/chat": {"post": {"operationId": "chat", "responses": {"200": {"description": "a"}}}}},
    }
    (folder / "newer.json").write_text(json.dumps(document), encoding="utf-8")
    assert gate(reports["first"], "--document", "newer.json") == 1
    out = capsys.readouterr().out
    assert "FAIL contract: behind" in out
    assert "contract drift --document newer.json" in out


def test_without_a_report_it_is_exit_code_3(folder: Path, capsys: Capture) -> None:
    assert gate(folder) == 3
    assert "report.json" in capsys.readouterr().err


def test_a_configuration_file_may_have_the_conditions(
    reports: dict[str, Path], folder: Path, capsys: Capture
) -> None:
    """Options of the command line win over it."""
    (folder / "conformance.toml").write_text(
        f'report-dir = "{reports["known"]}"\n'
        "[gate]\nno-new-cause = true\nmin = { operation = 100, status = 99.5 }\n",
        encoding="utf-8",
    )
    assert run(["gate"]) == 1
    out = capsys.readouterr().out
    assert "ok   no new cause" in out
    assert "(at least 99.5 %)" in out
    assert run(["gate", "--min", "status=1"]) == 0
    (folder / "conformance.toml").write_text("[gate]\nmin = { operation = 101 }\n", encoding="utf-8")
    assert run(["gate"]) == 4
    assert "conformance.toml: gate.min: expected a number" in capsys.readouterr().err
