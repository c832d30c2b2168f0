"""The lint: the shipped contract is consistent, and each rule reports the change that violates it.

The rules are tested twice: on copies of the shipped contract and, for their variants, on a small one.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.checks.fold import FOLDS
from cohere_conformance.contract import lint as lint_module
from cohere_conformance.contract.lint import LintProblem, lint
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract.documents import Document

VALIDATED: dict[tuple[str, str], list[LintProblem]] = {}
"""The problems of a document, which take seconds to find; most tests change only one of the two."""


@pytest.fixture(autouse=True)
def _each_document_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    validate = lint_module._valid

    def valid(which: str, document: Document) -> list[LintProblem]:
        key = which, json.dumps(document, sort_keys=True, default=str)
        if key not in VALIDATED:
            VALIDATED[key] = list(validate(which, document))
        return VALIDATED[key]

    monkeypatch.setattr(lint_module, "_valid", valid)


WHY = "x-class: document-defect, x-reason: r, x-evidence: e"


def rules_broken(problems: list[LintProblem]) -> list[tuple[str, str]]:
    return sorted((problem.rule, problem.where) for problem in problems)


def test_the_shipped_contract_is_in_order() -> None:
    assert lint(folder("contracts")) == []


# -- copies of the shipped contract with one change


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "contracts"
    shutil.copytree(folder("contracts"), root)
    return root


def test_a_requirement_says_whether_it_is_about_content(copy: Path) -> None:
    path = copy / "requirements" / "tokenize.yaml"
    path.write_text(path.read_text().replace("    about: content\n", "", 1))
    assert rules_broken(lint(copy)) == [("requirement-about", "tokenize.strings")]


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def appended(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def action(target: str, more: str) -> str:
    return f"\n  - {{target: {target!r}, x-id: made.up, {WHY}, {more}}}\n"


@pytest.mark.parametrize(
    ("target", "more", "problems"),
    [
        (
            "$.components.schemas.RerankV2Answer.properties.id",
            "update: {$ref: '#/components/schemas/Gone'}",
            [("references-resolve", "#/components/schemas/Gone")],
        ),
        (
            "$.components.schemas.RerankV2Answer",
            "update: {required: [spans]}",
            [("required-declared", "/components/schemas/RerankV2Answer")],
        ),
        (
            "$.components.schemas.ChatV2Source.discriminator.mapping",
            "update: {web: '#/components/schemas/RerankV2Answer'}",
            [("discriminator-agrees", "/components/schemas/ChatV2Source")],
        ),
        (
            "$.paths['/v1/tokenize'].post.operationId",
            "remove: true",
            [("operation-id", "POST /v1/tokenize")],
        ),
        ("$.nowhere", "remove: true", [("amendment-hits", "made.up")]),
        (
            "$.paths['/v1/tokenize'].post.responses['400']",
            "update: {description: [1]}",
            [("valid-openapi", "amended: paths//v1/tokenize/post/responses/400/description")],
        ),
    ],
    ids=[
        "references-resolve",
        "required-declared",
        "discriminator-agrees",
        "operation-id",
        "amendment-misses",
        "valid-openapi",
    ],
)
def test_an_amendment_that_violates_a_rule_is_reported(
    copy: Path, target: str, more: str, problems: list[tuple[str, str]]
) -> None:
    appended(copy / "amendments.yaml", action(target, more))
    assert rules_broken(lint(copy)) == problems


@pytest.mark.parametrize(
    ("file", "old", "new", "problems"),
    [
        (
            "operations.yaml",
            "  POST /v1/tokenize:\n",
            "  POST /v3/tokenize:\n",
            [("operation-exists", "POST /v3/tokenize"), ("tier-known", "POST /v1/tokenize")],
        ),
        (
            "streams.yaml",
            "  POST /v1/generate: generate",
            "  POST /v1/summarize: generate",
            [("stream-grammar", "POST /v1/generate"), ("stream-grammar", "POST /v1/summarize")],
        ),
        (
            "tolerances.yaml",
            "$.components.schemas.ChatV2Document.properties.data",
            "$.components.schemas.ChatV2Document.properties.date",
            [("amendment-hits", "chat-v2.document-text")],
        ),
        (
            "openapi/tokenize.yaml",
            "operationId: tokenize\n",
            "operationId: detokenize\n",
            [
                ("operation-id", "POST /v1/detokenize"),
                ("valid-openapi", "amended: "),
                ("valid-openapi", "as published: "),
            ],
        ),
        (
            "openapi/tokenize.yaml",
            "      tags: [tokenize]\n",
            "      tags: tokenize\n",
            [
                ("valid-openapi", "amended: paths//v1/tokenize/post/tags"),
                ("valid-openapi", "as published: paths//v1/tokenize/post/tags"),
            ],
        ),
    ],
    ids=["tier-known", "stream-grammar", "tolerance-misses", "operation-id", "valid-openapi"],
)
def test_a_change_of_a_shipped_file_that_violates_a_rule_is_reported(
    copy: Path, file: str, old: str, new: str, problems: list[tuple[str, str]]
) -> None:
    replaced(copy / file, old, new)
    assert rules_broken(lint(copy)) == problems


def test_a_link_to_nothing_is_reported(copy: Path) -> None:
    text = (copy / "links.yaml").read_text(encoding="utf-8")
    known = text.index("operationId: ")
    (copy / "links.yaml").write_text(
        f"{text[:known]}operationId: gone-{text[known + 13 :]}", encoding="utf-8"
    )
    (problem,) = lint(copy)
    assert (problem.rule, problem.where) == ("links-lead-somewhere", "links.yaml")
    assert "operationId: expected a declared one" in problem.message


def test_a_malformed_list_of_retired_models_is_reported(copy: Path) -> None:
    (copy / "models.yaml").write_text("retired: [", encoding="utf-8")
    with pytest.raises(ContractError, match=r"models\.yaml"):
        lint(copy)


# -- a small contract, changed in one place

ROOT = """\
openapi: 3.2.0
info: {title: Small, version: '1'}
tags: [{name: things}]
paths: {/v1/things: {$ref: 'things.yaml#/paths/~1v1~1things'}}
"""
THINGS = """\
paths:
  /v1/things:
    get:
      operationId: list-things
      tags: [things]
      responses:
        '200':
          description: All of them.
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Things'}
            application/stream+json:
              itemSchema: {$ref: '#/components/schemas/Event'}
components:
  schemas:
    Things:
      type: object
      required: [things]
      properties: {things: {type: array, items: {$ref: '#/components/schemas/Thing'}}}
    Thing:
      oneOf: [{$ref: '#/components/schemas/Big'}, {$ref: '#/components/schemas/Small'}]
      discriminator:
        propertyName: size
        mapping: {big: '#/components/schemas/Big', small: '#/components/schemas/Small'}
    Big: {type: object, required: [size], properties: {size: {type: string, enum: [big]}}}
    Small:
      allOf:
        - {type: object, required: [size], properties: {size: {$ref: '#/components/schemas/Size'}}}
        - {type: object, properties: {colour: {type: string}}}
    Size: {type: string}
    Event:
      oneOf: [{$ref: '#/components/schemas/End'}]
      discriminator: {propertyName: t, mapping: {end: '#/components/schemas/End'}}
    End: {type: object, properties: {t: {type: string}}}
"""
STREAMS = """\
grammars:
  things: {tag: t, start: open, end: done, fold: generate, reason: r, states: {open: {end: {to: done}}}}
operations: {GET /v1/things: things}
"""
OPERATIONS = "operations: {GET /v1/things: {tier: N0, effect: reads, billing: none}}\n"
OVERLAY = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions: []\n"
FILES = {
    "openapi/openapi.yaml": ROOT,
    "openapi/things.yaml": THINGS,
    "streams.yaml": STREAMS,
    "operations.yaml": OPERATIONS,
    "amendments.yaml": OVERLAY,
    "tolerances.yaml": OVERLAY,
}


def small(root: Path, changes: dict[str, tuple[str, str]]) -> Path:
    (root / "openapi").mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text, encoding="utf-8")
    for name, (old, new) in changes.items():
        replaced(root / name, old, new)
    return root


def test_the_small_contract_is_in_order(tmp_path: Path) -> None:
    assert lint(small(tmp_path, {})) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            "openapi/things.yaml",
            "mapping: {big: '#/components/schemas/Big', small: '#/components/schemas/Small'}",
            "mapping: {big: '#/components/schemas/Big'}",
            ("discriminator-agrees", "no value of size leads to #/components/schemas/Small"),
        ),
        (
            "openapi/things.yaml",
            "[{$ref: '#/components/schemas/Big'}, {$ref: '#/components/schemas/Small'}]",
            "[{$ref: '#/components/schemas/Big'}]",
            ("discriminator-agrees", "size 'small' leads to no branch of the union"),
        ),
        (
            "openapi/things.yaml",
            "enum: [big]",
            "enum: [huge]",
            ("discriminator-agrees", "#/components/schemas/Big does not allow size big"),
        ),
        (
            "openapi/things.yaml",
            "    End: {type: object, properties: {t: {type: string}}}",
            "    End: {type: object, properties: {u: {type: string}}}",
            ("discriminator-agrees", "#/components/schemas/End does not declare t"),
        ),
        (
            "openapi/things.yaml",
            "      required: [things]\n",
            "      required: [things, next, last]\n",
            ("required-declared", "required but not a property: last, next"),
        ),
        (
            "openapi/things.yaml",
            "        - {type: object, properties: {colour: {type: string}}}",
            "        - {type: object, required: [colour]}",
            ("required-declared", "required but not a property: colour"),
        ),
        (
            "openapi/things.yaml",
            "    Size: {type: string}",
            "    Size: {type: string, anyOf: []}",
            ("no-empty-union", "anyOf has no branch"),
        ),
        (
            "streams.yaml",
            "{end: {to: done}}",
            "{end: {to: done}, more: {to: open}}",
            ("stream-grammar", "more is unknown to the document"),
        ),
        (
            "openapi/things.yaml",
            "mapping: {end: '#/components/schemas/End'}",
            "mapping: {end: '#/components/schemas/End', more: '#/components/schemas/End'}",
            ("stream-grammar", "more is unknown to the grammar"),
        ),
        (
            "streams.yaml",
            "operations: {GET /v1/things: things}",
            "operations: {}",
            ("stream-grammar", "a stream needs a grammar in streams.yaml, and a grammar a stream"),
        ),
        (
            "openapi/things.yaml",
            "      operationId: list-things\n",
            "      operationId: ''\n",
            ("operation-id", "operationId '' is empty or in use by None"),
        ),
        (
            "streams.yaml",
            "operations: {GET /v1/things: things}",
            "operations: {GET /v1/things: things, GET /v1/others: things}",
            ("operation-exists", "named in operations.yaml or streams.yaml, but not declared"),
        ),
        (
            "amendments.yaml",
            "actions: []",
            f"actions:\n- {{target: $.components.schemas.Size, x-id: a.b, {WHY}, update: {{}}}}",
            ("amendment-hits", "changes nothing"),
        ),
    ],
    ids=[
        "unmapped-branch",
        "unknown-target",
        "tag-not-allowed",
        "tag-not-declared",
        "required-not-declared",
        "required-in-all-of",
        "empty-union",
        "event-unknown-to-document",
        "event-unknown-to-grammar",
        "stream-without-grammar",
        "no-operation-id",
        "unknown-operation",
        "amendment-without-effect",
    ],
)
def test_a_variant_of_a_rule_is_reported(
    tmp_path: Path, file: str, old: str, new: str, problem: tuple[str, str]
) -> None:
    problems = lint(small(tmp_path, {file: (old, new)}))
    assert [(one.rule, one.message) for one in problems if one.rule != "valid-openapi"] == [problem]


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("openapi/openapi.yaml", "things.yaml#", "gone.yaml#", r"gone\.yaml: cannot be read"),
        (
            "openapi/things.yaml",
            "schemas/Size'",
            "schemas/Gone'",
            "expected a component, got nothing at 'Gone'",
        ),
        ("operations.yaml", "tier: N0", "tier: N9", r"operations\.yaml: .*N9"),
        ("tolerances.yaml", "actions: []", "actions: [", r"tolerances\.yaml: line"),
        ("amendments.yaml", "overlay: 1.0.0\n", "", r"amendments\.yaml: .*overlay"),
        ("streams.yaml", "start: open", "start: shut", r"streams\.yaml: grammar things: no such state"),
        (
            "streams.yaml",
            "tag: t",
            "tag: t, never_after: {end: x}",
            r"grammar things: no such event: \['x'\]",
        ),
    ],
    ids=["no-file", "dangling", "policy", "no-yaml", "no-overlay", "state", "event"],
)
def test_what_cannot_be_read_at_all_is_refused(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(ContractError, match=complaint):
        lint(small(tmp_path, {file: (old, new)}))


def test_the_fold_of_a_stream_is_one_that_exists(tmp_path: Path) -> None:
    root = small(tmp_path, {"streams.yaml": ("fold: generate", "fold: chat-v3")})
    assert lint(root) == []
    assert [(one.rule, one.where) for one in lint(root, FOLDS)] == [("fold-known", "GET /v1/things")]
    assert "expected a fold such as chat-v1, chat-v2, generate, got chat-v3" in lint(root, FOLDS)[0].message


def test_what_one_part_requires_another_may_declare(tmp_path: Path) -> None:
    old = "properties: {colour: {type: string}}}"
    assert lint(small(tmp_path, {"openapi/things.yaml": (old, "required: [size]}")})) == []


def test_an_amendment_that_does_nothing_does_not_hide_the_next(tmp_path: Path) -> None:
    actions = "".join(
        f"\n- {{target: {target}, x-id: a.{name}, {WHY}, remove: true}}"
        for name, target in [("one", "$.x"), ("two", "$.components.schemas.Size.type"), ("three", "$.y")]
    )
    problems = lint(small(tmp_path, {"amendments.yaml": ("actions: []", f"actions:{actions}")}))
    assert rules_broken(problems) == [("amendment-hits", "a.one"), ("amendment-hits", "a.three")]
