"""`contract diff`: forms of the output, exit codes, and what is said about a source that cannot be read."""

from __future__ import annotations

import gzip
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from contract_changes import planted
from wheels import sdk_wheel

from cohere_conformance.cli import run
from cohere_conformance.drift import sources

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract import Declarations


@pytest.fixture
def edited(declarations: Declarations, tmp_path: Path) -> Path:
    """A document that differs from our contract in one property."""
    spans = {"components/schemas/RerankV2Request/properties/relevant|spans": {"type": "object"}}
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(planted(declarations.published, spans)), encoding="utf-8")
    return path


@pytest.fixture
def published(declarations: Declarations, tmp_path: Path) -> Path:
    path = tmp_path / "published.json.gz"
    path.write_bytes(gzip.compress(json.dumps(declarations.published).encode()))
    return path


def test_the_same_is_0(published: Path, edited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", "diff", "ours", "ours"]) == 0
    assert run(["contract", "diff", str(edited), str(edited)]) == 0
    assert capsys.readouterr().out.count("No difference in ") == 2


def test_a_difference_is_1_and_one_line(
    published: Path, edited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contract", "diff", str(published), str(edited)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "published.json.gz -> edited.json",
        "additive  POST /v2/rerank request.relevant|spans: added (1 operation)",
        "1 difference: 0 breaking, 1 additive, 0 notice.",
    ]


def test_items_are_declared_or_no_longer_declared(
    declarations: Declarations, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = []
    for number, schema in enumerate(({"type": "array"}, {"type": "array", "items": {"type": "string"}})):
        path = tmp_path / f"{number}.json"
        edits = {"components/schemas/RerankV2Request/properties/naps": schema}
        path.write_text(json.dumps(planted(declarations.published, edits)), encoding="utf-8")
        paths.append(str(path))
    assert run(["contract", "diff", *paths]) == 1
    assert "request.naps[]: items now declared (1 operation)" in capsys.readouterr().out
    assert run(["contract", "diff", *reversed(paths)]) == 1
    assert "request.naps[]: items no longer declared (1 operation)" in capsys.readouterr().out


def test_json_has_every_place_and_the_edit(edited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", "diff", "ours:published", str(edited), "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["format"], document["same"], document["counts"]) == (
        1, False, {"breaking": 1, "additive": 1, "notice": 0},
    )  # fmt: skip
    [terminator, added] = document["differences"]
    assert terminator["changes"] == [{"what": "terminator", "before": "[DONE]", "after": None}]
    line = added["edit"].pop("line")
    assert added == {
        "class": "additive",
        "location": "POST /v2/rerank request.relevant|spans",
        "changes": [{"what": "added", "before": None, "after": None}],
        "operations": ["POST /v2/rerank"],
        "places": ["POST /v2/rerank request.relevant|spans"],
        "edit": {"file": "contracts/openapi/rerank.yaml"},
    }
    assert line > 1


def test_markdown_is_a_table_that_no_name_breaks(
    published: Path, edited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contract", "diff", str(published), str(edited), "--format", "markdown"]) == 1
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert {row.replace("&#124;", "").count("|") for row in rows} == {6}


def test_a_wheel_says_what_it_cannot_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = (
        sdk_wheel(tmp_path),
        sdk_wheel(tmp_path, "2.0.0", changes={"types/mode": ('"exact"', '"slow"')}),
    )
    assert run(["contract", "diff", str(old), str(new)]) == 1
    text = capsys.readouterr().out
    assert 'breaking  POST /v2/things request.mode: values +"slow" -"exact" (1 operation)' in text
    assert "Not compared: cookie, error, header, path, response header, closed, default, deprecated" in text


def test_a_version_is_fetched_with_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        name, _, version = command[-1].partition("==")
        if name != "things":
            return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution found\n")
        folder = tmp_path / version
        folder.mkdir()
        wheel = sdk_wheel(folder, version)
        wheel.rename(f"{command[command.index('--dest') + 1]}/{wheel.name}")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sources.subprocess, "run", pip)
    assert run(["contract", "diff", "things==1.0.0", "things==1.0.1"]) == 0
    assert [command[-1] for command in calls] == ["things==1.0.0", "things==1.0.1"]
    assert all({"--no-deps", ":all:"} <= set(command) for command in calls)
    assert capsys.readouterr().out.startswith("things 1.0.0 -> things 1.0.1\n")
    assert run(["contract", "diff", "ours", "other==9"]) == 3
    assert "other==9: pip download: expected a package, got: ERROR: No matching" in capsys.readouterr().err


def test_the_installed_sdk_is_found_without_being_imported(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cohere")
    assert run(["contract", "diff", "sdk", "sdk"]) == 0
    assert capsys.readouterr().out.startswith("cohere ")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.yaml", None, "missing.yaml: the argument: no such file; expected 'ours'"),
        ("a.yaml", b"a: [", "a.yaml: the file: expected an OpenAPI document, got"),
        (
            "a.yaml",
            b"swagger: '2.0'\npaths: {}\n",
            "expected an OpenAPI 3 document with openapi and paths, got the keys",
        ),
        ("a.json", b"{", "a.json: the file: expected JSON, got"),
        ("a.json", b"[]", "a.json: the top: expected an object, got list"),
        ("a.json.gz", b"no gzip", "a.json.gz: the file: expected JSON, got"),
        (
            "a.json",
            b'{"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [3]}}}}',
            "GET /a: expected a valid operation, got TypeError",
        ),
        ("a.json", b'{"openapi": "3.1.0", "paths": {"/a": {"$ref": "b.yaml#/x"}}}', "b.yaml: cannot be read"),
        ("a.whl", b"no zip", "a.whl: the file: expected a wheel (a ZIP archive), got"),
        ("a.lap", b"\xff", "a.lap: the file: expected text in UTF-8, got"),
    ],
)
def test_what_cannot_be_read_is_3(
    name: str, content: bytes | None, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert run(["contract", "diff", str(tmp_path / name), "ours"]) == 3
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "arguments", [[], ["ours"], ["ours", "ours", "ours"], ["ours", "ours", "--format", "xml"]]
)
def test_a_wrong_call_is_4(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", "diff", *arguments]) == 4
    assert "Usage:" in capsys.readouterr().err
