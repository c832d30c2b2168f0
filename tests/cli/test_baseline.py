"""Accepted drift over several runs: accepted, mended, pruned."""

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
REASON = ("--reason", "Sorted in release 4", "--expires", "2999-01-31")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(here: Path) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((here / "conformance-report" / "report.json").read_bytes())
    return written


def test_a_mistake_is_accepted_and_its_entry_pruned_once_it_is_mended(here: Path) -> None:
    faulty = ("run", "--case", "tokenize.plain", "--fault", "tokenize.negative-id")
    assert called(here, *faulty).code == 1
    for cause in report(here)["causes"]:
        assert run(["baseline", "accept", cause["id"], *REASON]) == 0
    accepted = called(here, *faulty)
    assert accepted.code == 0, accepted.output
    assert "accepted: " in accepted.output.splitlines()[-1]
    mended = called(here, "run", "--case", "tokenize.plain")
    assert mended.code == 1
    assert "of the baseline to correct" in mended.output.splitlines()[-1]
    assert run(["baseline", "prune"]) == 0
    assert called(here, "run", "--case", "tokenize.plain").code == 0


def test_recorded_traffic_has_accepted_findings(here: Path, capsys: Capture) -> None:
    first, *_ = (folder("cassettes") / "examples" / "deviating.jsonl").read_text("utf-8").splitlines()
    traffic = "traffic.jsonl"
    (here / traffic).write_text(f"{first}\n", encoding="utf-8")
    assert run(["check", traffic]) == 1
    findings = report(here)["findings"]
    for row in findings:
        assert run(["baseline", "accept", row["fingerprint"], *REASON]) == 0
    assert run(["check", traffic]) == 0
    written = report(here)
    assert (written["findings"], len(written["accepted"])) == ([], len(findings))
    capsys.readouterr()
    assert run(["check", traffic, "--baseline", "other.yaml"]) == 4
    assert "other.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("0123456789ab", *REASON), "expected the fingerprint"),
        (("FIRST", "--reason", "Sorted in 4", "--expires", "2020-01-01"), "expected a day that is not over"),
        (("FIRST", "--reason", "Sorted in 4", "--expires", "never"), "--expires: expected the last day"),
        (("FIRST", "--reason", "Sorted in 4", "--expires", "2999-02-30"), "--expires: expected the last day"),
        (("FIRST", "--reason", "known", "--expires", "2999-01-31"), "--reason: expected why it is accepted"),
        (("FIRST", "--reason", " " * 20, "--expires", "2999-01-31"), "--reason: expected why it is accepted"),
        (("FIRST", "--reason", "Sorted\nin release", "--expires", "2999-01-31"), "--reason: expected a text"),
        (("FIRST", *REASON, "--owner", "me\tyou"), "--owner: expected a text of one line"),
        (("FIRST", *REASON, "--link", "https://\x1b[31m"), "--link: expected a text of one line"),
    ],
)
def test_a_wrong_acceptance_changes_nothing(
    here: Path, capsys: Capture, arguments: tuple[str, ...], expected: str
) -> None:
    assert run(["check", str(folder("cassettes") / "examples" / "deviating.jsonl")]) == 1
    first = report(here)["findings"][0]["fingerprint"]
    assert run(["baseline", "accept", *(first if one == "FIRST" else one for one in arguments)]) == 4
    assert expected in capsys.readouterr().err
    assert not (here / "conformance-baseline.yaml").exists()
    assert run(["baseline", "accept", first, *REASON]) == 0
    before = (here / "conformance-baseline.yaml").read_bytes()
    assert run(["baseline", "accept", *(first if one == "FIRST" else one for one in arguments)]) == 4
    assert (here / "conformance-baseline.yaml").read_bytes() == before


def test_what_is_accepted_is_not_accepted_twice(here: Path, capsys: Capture) -> None:
    assert run(["check", str(folder("cassettes") / "examples" / "deviating.jsonl")]) == 1
    first = report(here)["findings"][0]["fingerprint"]
    assert run(["baseline", "accept", first, *REASON]) == 0
    assert run(["baseline", "accept", first[:8], *REASON]) == 4
    assert "accepts" in capsys.readouterr().err


def test_pruning_needs_the_report_of_a_run_with_this_file(here: Path, capsys: Capture) -> None:
    assert run(["check", str(folder("cassettes") / "examples" / "deviating.jsonl")]) == 1
    first = report(here)["findings"][0]["fingerprint"]
    assert run(["baseline", "accept", first, *REASON]) == 0
    assert run(["baseline", "prune"]) == 4
    assert "run again first" in capsys.readouterr().err
