"""`contract`: the declared API in one piece, and whether its documents are in order."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cli import run
from cohere_conformance.contract.export import exported
from cohere_conformance.contract.validity import document_errors
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract import Declarations


@pytest.mark.parametrize("amended", [False, True], ids=["as published", "amended"])
def test_the_bundle_is_a_valid_document(
    amended: bool, declarations: Declarations, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contract", "bundle", *(["--amended"] if amended else [])]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    whole = exported(declarations.amended, declarations.grammars) if amended else declarations.published
    assert (document, said.err) == (whole, "")
    assert [error.message for error in document_errors(document)] == []


def test_the_shipped_documents_are_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", "lint"]) == 0
    assert capsys.readouterr().out.startswith("0 problems in ")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "contracts"
    shutil.copytree(folder("contracts"), root)
    return root


def test_a_broken_rule_is_printed_and_exits_with_1(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policies = copy / "operations.yaml"
    text = policies.read_text(encoding="utf-8").replace("  POST /v1/tokenize:", "  POST /v9/tokenize:")
    policies.write_text(text, encoding="utf-8")
    assert run(["contract", "lint", "--root", str(copy)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "tier-known: POST /v1/tokenize: no entry in operations.yaml; add its tier, effect and billing",
        "operation-exists: POST /v9/tokenize: named in operations.yaml or streams.yaml, but not declared",
        f"2 problems in {copy}",
    ]


def test_a_document_that_cannot_be_read_is_3(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "amendments.yaml").write_text("overlay: 1\noverlay: 2\n", encoding="utf-8")
    assert run(["contract", "lint", "--root", str(copy)]) == 3
    assert run(["contract", "bundle", "--root", str(copy)]) == 3
    assert (
        "amendments.yaml: line 2, column 1: expected unique keys, got 'overlay' twice"
        in capsys.readouterr().err
    )


def test_another_root_is_bundled(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = copy / "openapi" / "openapi.yaml"
    root.write_text(root.read_text(encoding="utf-8").replace("'2026-08-20'", "OFF"), encoding="utf-8")
    assert run(["contract", "bundle", "--root", str(copy)]) == 0
    assert json.loads(capsys.readouterr().out)["info"]["version"] == "OFF"
