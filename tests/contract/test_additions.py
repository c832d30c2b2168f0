"""Additions: what only SDKs declare is judged, and is no part of the document as published."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from contract_changes import planted

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.lint import lint
from cohere_conformance.contract.overlay import load_additions
from cohere_conformance.data import folder
from cohere_conformance.drift.difference import difference
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.drift.sources import our_facts
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from cohere_conformance.contract import Declarations

HEAD = "overlay: 1.0.0\ninfo: {title: t, version: v}\nactions:\n"
ADDED = (
    HEAD
    + """
  - target: $.paths
    x-id: guess.operation
    x-class: sdk-addition
    x-reason: r
    x-evidence: e
    x-since: '2026-11-29'
    update:
      /v2/guess:
        post:
          operationId: guess
          tags: [guess]
          responses:
            '200':
              description: A guess.
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Guess'}
  - target: $.components.schemas
    x-id: guess.operation
    update:
      Guess:
        type: object
        properties:
          number:
            type: integer
  - target: $.components.schemas.RerankV2Request.properties
    x-id: rerank.hints
    x-class: sdk-addition
    x-reason: r
    x-evidence: e
    x-since: '2026-11-29'
    update: {hints: {type: integer}}
"""
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy = tmp_path / "contracts"
    shutil.copytree(folder("contracts"), copy)
    (copy / "additions.yaml").write_text(ADDED, encoding="utf-8")
    return copy


@pytest.fixture
def declarations(root: Path) -> Declarations:
    return load_declarations(root)


def compared_with(declarations: Declarations, root: Path, document: dict[str, Any]) -> list[str]:
    """Return the changes from our contract to a document, and where they are edited."""
    ours = our_facts(declarations, root, amended=True)
    found = difference(ours, document_facts(document, "another", {"POST /v2/chat": "[DONE]"}))
    return [
        f"{line.changes[0].what} {line.changes[0].operation} {''.join(line.changes[0].path)} {edit}"
        for line, edit in zip(found.lines, found.edits, strict=True)
    ]


def test_additions_are_judged_and_are_not_published(declarations: Declarations) -> None:
    amended, published = declarations.contract(), declarations.contract(as_published=True)
    assert amended.operations.keys() - published.operations.keys() == {"POST /v2/guess"}
    assert amended.added == {"POST /v2/guess"}
    assert published.added == frozenset()
    assert "hints" in str(declarations.amended["components"]["schemas"]["RerankV2Request"])
    assert "hints" not in str(declarations.published)


def test_what_only_an_addition_declares_is_no_difference_to_the_document(
    declarations: Declarations, root: Path
) -> None:
    assert compared_with(declarations, root, declarations.published) == []


def test_a_source_with_the_additions_differs_in_nothing(declarations: Declarations, root: Path) -> None:
    assert compared_with(declarations, root, declarations.declared) == []


def test_what_another_source_says_about_an_addition_is_a_difference(
    declarations: Declarations, root: Path
) -> None:
    edits = {"components/schemas/Guess/properties/number/type": "string"}
    text = (root / "additions.yaml").read_text(encoding="utf-8").splitlines()
    line = 1 + next(number for number, one in enumerate(text) if "type: integer" in one)
    assert compared_with(declarations, root, planted(declarations.declared, edits)) == [
        f"types POST /v2/guess response.number contracts/additions.yaml:{line}"
    ]
    more = {"components/schemas/Guess/properties/more": {"type": "string"}}
    assert compared_with(declarations, root, planted(declarations.declared, more)) == [
        f"added POST /v2/guess response.more contracts/additions.yaml:{line - 4}"
    ]


def test_an_addition_that_the_document_declares_is_to_be_moved(root: Path) -> None:
    text = ADDED.replace("hints: {type: integer}", "top_n: {type: integer, maximum: 7}")
    (root / "additions.yaml").write_text(text, encoding="utf-8")
    problems = {problem.rule: problem for problem in lint(root)}
    assert problems["addition-new"].where == "rerank.hints: $.components.schemas.RerankV2Request.properties"


SINCE = "    x-since: '2026-11-29'\n"
CLASS = "    x-class: sdk-addition\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ADDED.replace("'2026-11-29'", "soon"), "x-since"),
        (ADDED.replace(SINCE, ""), "x-since"),
        (ADDED.replace(CLASS, "    x-class: document-defect\n"), "x-since"),
        (ADDED.replace(CLASS, "    x-class: document-defect\n").replace(SINCE, ""), "sdk-addition"),
    ],
)
def test_an_addition_says_since_when_and_has_its_class(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "additions.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=message):
        load_additions(path)
