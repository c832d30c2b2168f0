"""`contract propose` and `contract apply`: reviewed proposals go into the contract, or nothing is changed."""

from __future__ import annotations

import difflib
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from contract_changes import PLANTED, planted
from hostile_yaml import HOSTILE
from wheels import autumn_wheel

from cohere_conformance.cli import run
from cohere_conformance.contract import load_declarations
from cohere_conformance.data import folder
from cohere_conformance.drift import applying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cohere_conformance.contract import Declarations

_GROUPS = "src/cohere_conformance/reference/groups"
_RERANK = "components/schemas/RerankV2Request"
_RESULT = "components/schemas/RerankV2Result"
_OPERATION = "paths/~1v2~1rerank/post"
_PAGE = {"type": "object", "properties": {"index": {"type": "integer"}, "text": {"type": ["string", "null"]}}}
_SKIM = {
    "post": {
        "parameters": [
            {"$ref": "#/components/parameters/ClientName"},
            {"name": "page-range", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
        ],
        "requestBody": {
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "document": {"type": "string", "format": "binary"},
                            "mode": {"type": "string", "enum": ["blocks", "OFF"], "default": "OFF"},
                        },
                    }
                }
            }
        },
        "responses": {
            "200": {
                "description": "Their words.",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "pages": {"type": "array", "items": _PAGE},
                                "meta": {"$ref": "#/components/schemas/AnswerMeta"},
                            },
                        }
                    }
                },
            },
            "400": {"$ref": "#/components/responses/BadRequestError"},
        },
    }
}
ADDED: dict[str, Any] = {
    "paths/~1v2~1skim": _SKIM,
    f"{_RERANK}/properties/hints": {"type": "object", "properties": {"n": {"type": "integer"}}},
    "components/schemas/BilledUnits/properties/nap_tokens": {"type": "number"},
    "components/schemas/ChatV2FinishReason/enum/-": "BORED",
    f"{_OPERATION}/responses/418": {"$ref": "#/components/responses/BadRequestError"},
    "components/schemas/RerankV1Request/properties/model/default": "nap-1",
}
_ALONE = {
    "operations-deprecated", "parameter-added", "request-type-widened", "request-value-added",
    "request-maximum-raised", "request-media-type-added", "response-value-added", "response-nullable",
    "error-status-added", "success-status-added", "response-header-added", "sent-and-received-value-added",
}  # fmt: skip
_STRICTER = {
    "parameter-becomes-required", "request-property-becomes-required", "request-body-becomes-required",
    "request-values-listed", "request-maximum-lowered", "request-minimum-of-0", "request-pattern-added",
    "request-closed", "response-property-becomes-required", "response-maximum-added",
    "response-format-changed", "sent-and-received-property-becomes-required",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the contract."""
    path = tmp_path / "contracts"
    shutil.copytree(folder("contracts"), path)
    return path


@pytest.fixture
def document(declarations: Declarations, tmp_path: Path) -> Callable[..., str]:
    """Write the published document with some edits, and return its path."""

    def write(*edits: dict[str, Any]) -> str:
        edited = declarations.published
        for one in edits:
            edited = planted(edited, one)
        path = tmp_path / "document.json"
        path.write_text(json.dumps(edited), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the validation with `contract lint`, which takes seconds."""
    monkeypatch.setattr(applying, "lint", lambda _: [])


def proposed(root: Path, *witness: str, code: int = 1) -> Path:
    """Write proposals to a file, and return it."""
    path = root.parent / "proposals.yaml"
    assert run(["contract", "propose", *witness, "--root", str(root), "-o", str(path)]) == code
    return path


def actions(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["actions"]
    return found


def applied(path: Path, root: Path) -> int:
    return run(["contract", "apply", str(path), "--root", str(root)])


def drift_of(root: Path, capsys: pytest.CaptureFixture[str], *witness: str) -> list[str]:
    """Return the lines of `contract drift` about what the contract lacks."""
    capsys.readouterr()
    run(["contract", "drift", *witness, "--root", str(root)])
    out = capsys.readouterr().out
    return [one for one in out.splitlines() if re.match(r"(breaking|additive|notice|model) ", one)]


def texts(root: Path) -> dict[str, str]:
    return {
        str(one.relative_to(root)): one.read_text(encoding="utf-8") for one in sorted(root.rglob("*.yaml"))
    }


def changed_lines(before: dict[str, str], after: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return the lines that are gone and the lines that are new."""
    gone: list[str] = []
    new: list[str] = []
    for name, text in after.items():
        for line in difflib.ndiff(before.get(name, "").splitlines(), text.splitlines()):
            if line.startswith("- "):
                gone.append(line[2:].strip())
            elif line.startswith("+ "):
                new.append(line[2:].strip())
    return gone, new


def required(node: Any) -> Iterator[str]:
    """Yield what a document requires, with its location."""
    pending = [("", node)]
    while pending:
        where, one = pending.pop()
        if isinstance(one, dict):
            if "required" in one and not where.endswith("/properties"):
                yield f"{where} {one['required']}"
            pending += [(f"{where}/{key}", value) for key, value in one.items()]
        elif isinstance(one, list):
            pending += [(f"{where}/{number}", value) for number, value in enumerate(one)]


def test_what_is_proposed_and_applied_is_no_drift_any_more(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    witness = ("--document", document(ADDED))
    path = proposed(root, *witness)
    found = {one["x-edit"].partition(":")[0]: one for one in actions(path)}
    assert found.keys() == {
        *(f"contracts/openapi/{name}.yaml" for name in ("openapi", "rerank", "shared", "chat")),
        "contracts/models.yaml",
    }
    for one in actions(path):
        line = int(one["x-edit"].partition(":")[2])
        assert 0 < line <= len((root.parent / one["x-edit"].partition(":")[0]).read_text().splitlines())
        assert "document" in one["x-evidence"]
        assert one["x-class"] in {"document", "model"}
    before, demands = texts(root), set(required(load_declarations(root).published))
    assert applied(path, root) == 0
    said = capsys.readouterr().out
    assert "edited contracts/openapi/skim.yaml" in said
    gone, new = changed_lines(before, texts(root))
    assert gone == ["enum: [COMPLETE, STOP_SEQUENCE, MAX_TOKENS, TOOL_CALL, ERROR, TIMEOUT]"]
    assert "nap_tokens:" in new
    assert "Their words" not in "".join(new)
    assert set(required(load_declarations(root).published)) == demands
    assert "$ref: 'shared.yaml#/components/schemas/AnswerMeta'" in new
    assert drift_of(root, capsys, *witness) == []
    assert run(["contract", "lint", "--root", str(root)]) == 1
    said = capsys.readouterr().out.splitlines()[:-1]
    assert [one.partition(": POST /v2/skim: ")[::2] for one in said] == [
        ("tier-known", "no entry in operations.yaml; add its tier, effect and billing"),
        (
            "operation-handled",
            f"no handler in the reference server; add one with @operation to {_GROUPS}/skim.py",
        ),
        (
            "operation-required",
            "no requirement; add one, with a fault that violates it, to contracts/requirements/skim.yaml",
        ),
        ("operation-tested", "no case; add one to suites/skim/cases.yaml"),
    ]


@pytest.mark.usefixtures("unchecked")
def test_every_class_of_addition_is_applied(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = [change for change in PLANTED if change.name in _ALONE]
    assert len(changes) == len(_ALONE)
    # Two changes of one line would be one proposal: the type of the index is planted last.
    witness = ("--document", document(*(change.edits for change in changes)))
    path = proposed(root, *witness)
    assert len(actions(path)) >= len(changes)
    assert {one["x-severity"] for one in actions(path)} == {"breaking", "additive", "notice"}
    assert applied(path, root) == 0
    assert drift_of(root, capsys, *witness) == []


@pytest.mark.usefixtures("unchecked")
def test_what_would_be_stricter_is_a_comment(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = [change for change in PLANTED if change.name in _STRICTER]
    witness = ("--document", document(*(change.edits for change in changes)))
    path = proposed(root, *witness)
    assert actions(path) == []
    text = path.read_text(encoding="utf-8")
    assert text.count("Stricter than now") >= len(changes)
    before = texts(root)
    assert applied(path, root) == 0
    assert texts(root) == before
    assert len(drift_of(root, capsys, *witness)) >= len(changes) - 2  # three of them share a location


@pytest.mark.usefixtures("unchecked")
def test_a_person_may_uncomment_what_would_be_stricter(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spans = {"type": "object", "required": ["mode"], "properties": {"mode": {"type": "string"}}}
    witness = (
        "--document",
        document({f"{_RERANK}/properties/spans": spans, f"{_RERANK}/required/-": "top_n"}),
    )
    path = proposed(root, *witness)
    text = path.read_text(encoding="utf-8")
    assert "# required: [mode]  # document requires it" in text
    start = text.index("  # - target: $.components.schemas.RerankV2Request.required")
    end = text.find("\n\n", start)
    uncommented = re.sub(r"(?m)^  # ", "  ", text[start:end]).replace("actions: []", "actions:")
    text = text[:start] + uncommented + text[end:]
    path.write_text(text.replace("# required: [mode]", "required: [mode]"), encoding="utf-8")
    assert applied(path, root) == 0
    assert drift_of(root, capsys, *witness) == []


def test_nothing_is_removed(document: Callable[..., str], root: Path) -> None:
    removed = [
        change.edits
        for change in PLANTED
        if change.name in {"operation-removed", "request-property-removed", "request-alternative-removed"}
    ]
    path = proposed(root, "--document", document(*removed), code=0)
    assert actions(path) == []
    text = path.read_text(encoding="utf-8")
    for what in ("POST /v1/tokenize: absent", "request.priority: absent", "messages[]<tool>: absent"):
        assert any(line.startswith("  # notice") and what in line for line in text.splitlines())
    text = text.replace("actions: []", "actions:\n  - {target: $.paths, x-id: a, remove: true}")
    path.write_text(text, encoding="utf-8")
    assert applied(path, root) == 3


@pytest.mark.usefixtures("unchecked")
def test_what_an_sdk_shows_becomes_an_addition(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The autumn of 2026 in small: an SDK has an operation and a property more than the contract."""
    text = (root / "additions.yaml").read_text(encoding="utf-8")
    before = text[: text.index("\nactions:")] + "\nactions: []\n"
    (root / "additions.yaml").write_text(before, encoding="utf-8")
    witness = ("--sdk", str(autumn_wheel(root.parent)))
    path = proposed(root, *witness)
    found = {next(iter(one["update"])): one for one in actions(path)}
    assert found.keys() == {"relevant_spans", "/v2/parse"}
    assert {one["x-class"] for one in found.values()} == {"sdk-addition"}
    assert all("autumn 7.3.0" in one["x-evidence"] for one in found.values())
    published = {name: text for name, text in texts(root).items() if name != "additions.yaml"}
    assert applied(path, root) == 0
    now = texts(root)
    assert now.pop("additions.yaml").startswith(before.removesuffix("actions: []\n"))
    assert now == published
    additions = {one.id: one for one in load_declarations(root).additions}
    assert additions.keys() == {"rerank-v2.response-relevant-spans", "parse-v2.operation"}
    lines = drift_of(root, capsys, *witness)
    assert lines
    assert all(line.split("  ")[1].partition(": ")[2].startswith("now required") for line in lines)
    assert len(list(required(load_declarations(root).declared["paths"]["/v2/parse"]))) == 0


@pytest.fixture(scope="module")
def two_proposals(declarations: Declarations, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of a file with two proposals."""
    path = tmp_path_factory.mktemp("two") / "document.json"
    edits = {key: ADDED[key] for key in ADDED if "hints" in key or "BilledUnits" in key}
    path.write_text(json.dumps(planted(declarations.published, edits)), encoding="utf-8")
    output = path.with_name("proposals.yaml")
    assert run(["contract", "propose", "--document", str(path), "-o", str(output)]) == 1
    return output.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda text: text.replace("RerankV2Request.properties", "RerankV9Request.properties"),
            "selects nothing",
        ),
        (lambda text: text.replace("hints:", "top_n:"), "has 'top_n' already"),
        (lambda text: text.replace("properties\n", "properties.*\n", 1), "one location"),
        (lambda text: text.replace("target: $", "target: '$['", 1) + "'", "while|scalar|expected"),
        (lambda text: text.replace("x-class: document", "x-class: hearsay", 1), "hearsay|Invalid enum"),
        (lambda text: text.replace("update:", "remove: true\n    update:", 1), "remove"),
        (lambda text: text.replace("type: object", "type: obiect", 1), "obiect"),
        (lambda text: text.replace("type: object", "$ref: '#/components/schemas/Nowhere'", 1), "Nowhere"),
        (lambda text: text.replace("actions:\n", "actions:\n  - 1\n", 1), "got `int`"),
        (lambda _: "- 1\n", "mapping at the top"),
        (lambda _: "overlay: 1.0.0\n", "actions|info"),
        *((lambda _, hostile=text: hostile, reason) for text, reason in HOSTILE.values()),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(
    edit: Callable[[str], str],
    message: str,
    two_proposals: str,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, text = root.parent / "proposals.yaml", two_proposals
    changed = edit(text)
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    before = texts(root)
    assert applied(path, root) == 3
    assert re.search(message, capsys.readouterr().err)
    assert texts(root) == before


@pytest.mark.usefixtures("unchecked")
def test_a_value_that_has_changed_since_is_not_replaced(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = proposed(root, "--document", document({f"{_RERANK}/properties/priority/maximum": 2000}))
    file = root / "openapi" / "rerank.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("maximum: 999", "maximum: 998"), encoding="utf-8"
    )
    before = texts(root)
    assert applied(path, root) == 3
    assert "expected maximum 999 in the contract, got 998; nothing is changed" in capsys.readouterr().err
    assert texts(root) == before


@pytest.mark.usefixtures("unchecked")
def test_a_proposal_is_applied_once(document: Callable[..., str], root: Path) -> None:
    path = proposed(root, "--document", document(ADDED))
    assert applied(path, root) == 0
    before = texts(root)
    assert applied(path, root) == 3
    assert texts(root) == before


_NAMES = (
    "a\n  - target: $\n    remove: true\n",
    "it's",
    '"',
    "\\",
    "a: b # c",
    "{x}",
    "true",
    "1",
    "",
    "\x1b[31m",
    "é\u2028\U0001f600",
    "~1/~0",
    "- a",
    "*a",
    "::add-mask::x",
)


@pytest.mark.usefixtures("unchecked")
def test_names_with_any_characters_are_kept(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {name: {"type": "string", "enum": [name, "x"]} for name in _NAMES}
    edits = {f"{_RESULT}/properties/odd": {"type": "object", "properties": odd}} | {
        f"{_RERANK}/properties/{name.replace('~', '~0').replace('/', '~1')}": {"type": "object"}
        for name in _NAMES
    }
    witness = ("--document", document(edits))
    path = proposed(root, *witness)
    text = path.read_text(encoding="utf-8")
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert all(one["target"].startswith("$.components") for one in actions(path))
    assert applied(path, root) == 0
    schemas = load_declarations(root).published["components"]["schemas"]
    assert schemas["RerankV2Result"]["properties"]["odd"]["properties"].keys() == set(_NAMES)
    assert schemas["RerankV2Request"]["properties"].keys() >= set(_NAMES)
    assert drift_of(root, capsys, *witness) == []


@pytest.mark.parametrize("path", ["v2/odd", "/v2/o dd", "/v2/o'dd?x=1", "/v2/\n- a"])
def test_a_path_that_is_none_is_left_to_a_person(path: str, document: Callable[..., str], root: Path) -> None:
    edits = {f"paths/{path.replace('/', '~1')}": {"get": {"responses": {}}}}
    file = proposed(root, "--document", document(edits))
    assert actions(file) == []
    assert "its path is no path of OpenAPI" in file.read_text(encoding="utf-8")


def test_what_is_too_large_for_a_review_is_left_to_a_person(document: Callable[..., str], root: Path) -> None:
    wide = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(6_000)}}
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(80):
        deep = {"type": "array", "items": deep}
    file = proposed(
        root,
        "--document",
        document({f"{_RERANK}/properties/wide": wide, f"{_RESULT}/properties/deep": deep}),
    )
    assert actions(file) == []
    text = file.read_text(encoding="utf-8")
    assert text.count("By hand, in contracts/openapi/rerank.yaml:") == 2
    assert len(text) < 5_000


def test_without_a_file_the_proposals_are_printed(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["contract", "propose", "--root", str(root), "--document"]
    assert run([*arguments, document({})]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["actions"] == []
    assert run([*arguments, document({f"{_RERANK}/properties/x": {"type": "string"}})]) == 1
    [action] = yaml.safe_load(capsys.readouterr().out)["actions"]
    assert action["update"] == {"x": {"type": "string"}}


@pytest.mark.parametrize(
    "arguments",
    [["propose"], ["propose", "--sdk", "ours"], ["propose", "x"], ["apply"]],
)
def test_a_wrong_call_is_4(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", *arguments]) == 4
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("witness", [("--document", "missing.yaml"), ("--sdk", "missing.whl")])
def test_a_witness_that_cannot_be_read_is_3(
    witness: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contract", "propose", *witness]) == 3
    assert witness[1] in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_3(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert applied(root / "missing.yaml", root) == 3
    assert applied(root, root) == 3
    assert "cannot be read" in capsys.readouterr().err
