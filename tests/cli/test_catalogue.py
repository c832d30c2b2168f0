"""`list` and `explain`: what the suite knows, and what it means."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cohere_conformance import __version__
from cohere_conformance.cli import run
from cohere_conformance.contract.facts import FACT, shipped_facts
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.model import SEVERITY, Kind
from cohere_conformance.report import load

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract import Contract, Declarations

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_operations_are_listed_with_what_a_call_means(amended: Contract, capsys: Capture) -> None:
    assert run(["list", "operations"]) == 0
    head, *rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    table = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [cell.strip() for cell in head if cell.strip()] == [
        "operation",
        "group",
        "tier",
        "billing",
        "effect",
    ]
    assert [row[0] for row in table] == list(amended.operations)
    assert ["POST /v2/rerank", "rerank", "cheap-compute", "search_units", "computes"] in table
    assert ["POST /v1/generate", "generate", "retired", "tokens", "computes", "deprecated"] in table


def test_kinds_are_listed_with_their_severity(capsys: Capture) -> None:
    assert run(["list", "kinds"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert [tuple(row.split()) for row in rows] == [(kind.value, SEVERITY[kind].value) for kind in Kind]


def test_amendments_are_listed_with_their_reasons(declarations: Declarations, capsys: Capture) -> None:
    assert run(["list", "amendments"]) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    every = declarations.changes
    assert [row.split()[:2] for row in rows] == [[one.id, one.klass] for one in every]
    assert all(row.endswith(one.reason) for row, one in zip(rows, every, strict=True))


def test_requirements_are_listed_and_counted(capsys: Capture) -> None:
    assert run(["list", "requirements"]) == 0
    known = shipped_requirements()
    table, counts, withdrawn = capsys.readouterr().out.split("\n\n")
    _, *rows = table.splitlines()
    assert [row.split()[:3] for row in rows] == [
        [one.group, one.id, one.level.value] for one in known.requirements.values()
    ]
    assert all(row.endswith(one.says) for row, one in zip(rows, known.requirements.values(), strict=True))
    assert f"{len(known.requirements)} requirements: " in counts
    assert f"{len(known.excluded)} facts are no requirement" in counts
    assert known.withdrawn.keys() == {"models.context", "v2.chat.system-first"}
    assert all(f"  {name}: {reason}" in withdrawn for name, reason in known.withdrawn.items())


@pytest.mark.parametrize("name", ["v2.chat.system-first", "models.context", "models.context-zero"])
def test_what_was_withdrawn_is_explained_by_its_reason(name: str, capsys: Capture) -> None:
    """The name of a requirement or fault that turned out to be wrong stays reserved, and says why."""
    assert run(["explain", name]) == 0
    assert capsys.readouterr().out.startswith(f"# {name}\n\nWithdrawn: ")


@pytest.mark.parametrize(
    ("name", "where", "test"),
    [
        ("common.unknown-path", "runs only", "models.paths.an-undeclared-path-is-not-found"),
        ("rerank.sorted", "every exchange", "each response to a case of the group is checked"),
    ],
)
def test_a_requirement_is_explained(name: str, where: str, test: str, capsys: Capture) -> None:
    one = shipped_requirements().requirements[name]
    assert run(["explain", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"# {name}\n\n{one.says}\n\nLevel: {one.level}\nSource: {one.source}\n")
    for expected in (one.reason, where, test, *one.operations, *one.faults):
        assert expected in said
    assert f"--fault {one.faults[0]}" in said


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_every_kind_is_explained(kind: str, capsys: Capture) -> None:
    assert run(["explain", kind]) == 0
    assert kind in capsys.readouterr().out


@pytest.mark.parametrize("spelled", ["ENUM-UNKNOWN", "enum_unknown", "Enum_Unknown"])
def test_the_spelling_of_a_kind_is_forgiven(spelled: str, capsys: Capture) -> None:
    assert run(["explain", spelled]) == 0
    assert "enum-unknown" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["embed.api-version", "chat-v2.debug-event", "requests.null-for-optional"])
def test_an_amendment_is_explained(declarations: Declarations, name: str, capsys: Capture) -> None:
    (one,) = (one for one in (*declarations.amendments, *declarations.tolerances) if one.id == name)
    assert run(["explain", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"# {name}\n\n{one.reason}\n\nClass: {one.klass}\nEvidence: {one.evidence}\n")
    assert said.count("$") >= len(one.actions)
    assert all(f"{'remove' if act.remove else 'update'} {act.target}" in said for act in one.actions)


@pytest.mark.parametrize(
    ("name", "resting"),
    [("RR-O04", "rerank.score-range"), ("S2.10-1", "embed.api-version"), ("C46", "Not a requirement: ")],
)
def test_a_fact_is_explained(name: str, resting: str, capsys: Capture) -> None:
    fact = shipped_facts().facts[name]
    assert run(["explain", name]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"# {name}\n\n{fact.says}\n\nSources:\n")
    assert resting in printed
    assert all(f"  {word}: " in printed for word in fact.source.split(", "))


@pytest.mark.parametrize("name", ["embed.api-version", "rerank.score-range"])
def test_the_facts_behind_a_rule_are_printed_as_sentences(name: str, capsys: Capture) -> None:
    facts = shipped_facts().facts
    assert run(["explain", name]) == 0
    printed = capsys.readouterr().out
    for cited in set(FACT.findall(printed)):
        assert f"  {cited}: {facts[cited].says} ({facts[cited].source})\n" in printed


@pytest.mark.parametrize(
    ("subject", "hint"),
    [
        ("nonsense", "the kinds are status-undeclared"),
        ("enum-unknwon", "did you mean enum-unknown"),
        ("rerank.sortet", "did you mean the requirement rerank.sorted"),
        ("RR-O44", "did you mean the fact RR-O"),
        ("abc123", "conformance-report/report.json"),
        ("", "expected the name of a kind"),
    ],
)
def test_an_unknown_word_is_a_wrong_call(subject: str, hint: str, capsys: Capture) -> None:
    assert run(["explain", subject]) == 4
    assert hint in capsys.readouterr().err


def test_a_mistyped_amendment_is_not_answered_with_kinds_alone(capsys: Capture) -> None:
    assert run(["explain", "embed.api-versoin"]) == 4
    assert "embed.api-version" in capsys.readouterr().err


@pytest.fixture
def fingerprints(here: Path, capsys: Capture) -> list[str]:
    """The fingerprints of a report that was just written."""
    row = {"method": "POST", "url": "https://api.cohere.com/v2/rerank", "status": 200}
    answers = [{"results": "none"}, {"results": [], "new": 1}]
    (here / "a.jsonl").write_text(
        "".join(json.dumps(row | {"response_body": answer}) + "\n" for answer in answers), encoding="utf-8"
    )
    assert run(["check", "a.jsonl"]) == 1
    capsys.readouterr()
    return [found.fingerprint for found in load(here / "conformance-report").findings]


def test_a_finding_is_explained_by_its_fingerprint(fingerprints: list[str], capsys: Capture) -> None:
    assert len(set(fingerprints)) == 2
    for fingerprint, location in zip(fingerprints, ("/results", "/new"), strict=True):
        for prefix in (fingerprint, fingerprint[:6], fingerprint.upper()):
            assert run(["explain", prefix]) == 0
            said = capsys.readouterr().out
            assert fingerprint in said
            assert location in said
            assert "curl" in said


def test_a_fingerprint_that_no_finding_has_is_a_wrong_call(fingerprints: list[str], capsys: Capture) -> None:
    unknown = next(
        digit for digit in "0123456789abcdef" if not any(one.startswith(digit) for one in fingerprints)
    )
    assert run(["explain", unknown]) == 4
    assert "2 findings" in capsys.readouterr().err


def test_a_prefix_of_two_fingerprints_is_a_wrong_call(
    here: Path, fingerprints: list[str], capsys: Capture
) -> None:
    file = here / "conformance-report" / "report.json"
    text = file.read_text(encoding="utf-8").replace(fingerprints[0], fingerprints[1][:6] + "0" * 6)
    file.write_text(text, encoding="utf-8")
    assert run(["explain", fingerprints[1][:6]]) == 4
    assert "2 fingerprints" in capsys.readouterr().err


def test_another_report_is_asked_if_named(here: Path, fingerprints: list[str], capsys: Capture) -> None:
    (here / "conformance-report").rename(here / "elsewhere")
    assert run(["explain", fingerprints[0]]) == 4
    assert run(["explain", fingerprints[0], "--report-dir", "elsewhere"]) == 0
    assert fingerprints[0] in capsys.readouterr().out


def test_a_report_that_is_not_whole_is_3(here: Path, fingerprints: list[str], capsys: Capture) -> None:
    file = here / "conformance-report" / "report.json"
    file.write_text(file.read_text(encoding="utf-8")[:200], encoding="utf-8")
    assert run(["explain", fingerprints[0]]) == 3
    assert "run `check` again" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize(
    "command", [[], ["check"], ["contract"], ["contract", "bundle"], ["list"], ["explain"]]
)
def test_help_is_0(command: list[str], option: str, capsys: Capture) -> None:
    assert run([*command, option]) == 0
    assert "Usage: cohere-conformance" in capsys.readouterr().out


def test_the_version_is_printed(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_the_module_is_the_command() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "cohere_conformance", "explain", "nonsense"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "80"},
    )
    assert (made.returncode, made.stdout) == (4, "")
    assert made.stderr.startswith("cohere-conformance: expected the name of a kind")
