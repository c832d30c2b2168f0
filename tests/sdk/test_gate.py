"""The gate for an SDK: conforming responses pass through it, and what it does not return is a finding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from cohere_conformance.cli import run
from cohere_conformance.data import folder
from cohere_conformance.model import Kind, Severity
from cohere_conformance.report import Report, SdkParse, load
from cohere_conformance.sdk import parsers
from cohere_conformance.sdk.parse import parse_with_sdk
from cohere_conformance.sdk.parsers import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Exchange

CHAT = "POST /v1/chat"
BY_PROCESSES = """
import sys
from test_gate import forgetful
from cohere_conformance.cli import run
from cohere_conformance.sdk import parsers

parsers._parse_with_python = lambda: forgetful
sys.exit(run(["check", "traffic.jsonl", "--sdk-effect-all", "-j", "2"]))
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE)
    yield tmp_path
    parsers._loaded.cache_clear()


def forgetful(made: Exchange, label: str) -> SdkParse | None:
    """Parse as the installed SDK, and lose the parameters of tool calls."""
    found = parse_with_sdk(made, label)
    if found is None or b'"parameters"' not in (made.response.body or b""):
        return found
    return replace(found, lost=("/tool_calls/*/parameters",))


def row(name: str, **changes: Any) -> dict[str, Any]:
    """Return a shipped exchange that conforms."""
    lines = (folder("cassettes") / "examples" / "conforming.jsonl").read_text(encoding="utf-8").splitlines()
    return next(one for one in map(json.loads, lines) if one["id"] == name) | changes


def written(here: Path, *rows: dict[str, Any]) -> None:
    (here / "traffic.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def gated(here: Path, *options: str) -> tuple[int, Report]:
    code = run(["check", "traffic.jsonl", "--sdk-effect-all", *options])
    return code, load(here / "conformance-report")


def test_what_an_sdk_loses_of_a_conforming_response_is_a_finding(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the option, and with another release, nothing is."""
    written(here, row("v1-chat-tools"), row("v1-chat"), row("v1-chat-documents"))
    assert run(["check", "traffic.jsonl"]) == 0
    assert gated(here)[0] == 0
    assert "parsed 3 conforming responses: unaffected 3" in capsys.readouterr().out
    monkeypatch.setattr(parsers, "_parse_with_python", lambda: forgetful)
    parsers._loaded.cache_clear()
    code, report = gated(here)
    assert code == 1
    (lost,) = report.findings
    assert (lost.kind, lost.severity, lost.location) == (
        Kind.SDK_INCOMPATIBLE,
        Severity.BREAKING,
        "/tool_calls/*/parameters",
    )
    (cause,) = report.causes
    assert cause.blame == "SDK"
    assert "parsed 3 conforming responses: loses data silently 1, unaffected 2" in capsys.readouterr().out
    # Processes are forked, and with this parser, only where there is one thread.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    assert subprocess.run([sys.executable, "-c", BY_PROCESSES], env=environment).returncode == 1
    several = load(here / "conformance-report")
    assert (several.findings, several.causes, several.coverage) == (
        report.findings,
        report.causes,
        report.coverage,
    )


def test_a_response_that_deviates_is_counted_and_blames_the_server(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = row("v1-chat")
    written(here, plain, plain | {"response_body": plain["response_body"] | {"text": 3}})
    code, report = gated(here)
    assert code == 1
    assert Kind.SDK_INCOMPATIBLE not in {one.kind for one in report.findings}
    assert {cause.blame for cause in report.causes} == {"server"}
    assert "parsed 1 conforming response and 1 deviating response: " in capsys.readouterr().out


def test_an_error_that_conforms_raises_and_is_no_finding(here: Path) -> None:
    refused = {"message": "invalid request: message must be at least 1 token long"}
    written(here, row("v1-chat", request_body={"message": ""}, status=400, response_body=refused))
    _, report = gated(here)
    assert Kind.SDK_INCOMPATIBLE not in {one.kind for one in report.findings}
    assert report.coverage.sdks[0].conforming == 1


@pytest.mark.parametrize(
    ("parse", "expected"),
    [
        (
            SdkParse(sdk="", raised="TypeError", raised_at="/text"),
            ("/text", Severity.BREAKING, "an SDK raises TypeError"),
        ),
        (
            SdkParse(sdk="", mistyped=("/text",)),
            ("/text", Severity.ADDITIVE, "an SDK returns it with a wrong type"),
        ),
    ],
)
def test_exceptions_and_wrong_types_are_findings_whatever_the_version(
    here: Path, parse: SdkParse, expected: tuple[str, Severity, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(here, row("v1-chat"))
    fingerprints = set()
    for sdk in ("cohere 1", "cohere 2"):
        parsed = replace(parse, sdk=sdk)
        monkeypatch.setattr(parsers, "_parse_with_python", lambda parsed=parsed: lambda made, label: parsed)
        parsers._loaded.cache_clear()
        (found,) = gated(here)[1].findings
        fingerprints.add(found.fingerprint)
        assert (found.location, found.severity, found.observed.replace(sdk, "an SDK")) == expected
    assert len(fingerprints) == 1


def test_without_an_sdk_there_is_nothing_to_gate(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(here, row("v1-chat"))
    monkeypatch.setattr(parsers, "_has_python", lambda: False)
    assert run(["check", "traffic.jsonl", "--sdk-effect-all"]) == 4
    assert "expected an official SDK, got none" in capsys.readouterr().err


def test_the_installed_sdk_is_gated_with_the_shipped_examples(here: Path) -> None:
    """It skips the events of /v1/chat that are no lines of JSON, which the contract allows as well."""
    assert run(["check", "--example", "conforming", "--sdk-effect-all"]) == 1
    report = load(here / "conformance-report")
    (all_,) = report.coverage.sdks
    assert all_.conforming == sum(all_.responses.values()) > 80
    assert {one.kind for one in report.findings} == {Kind.SDK_INCOMPATIBLE}
    assert {one.operation for one in report.findings} == {CHAT}
