"""The list of ends names what exists, once, and everything that the document marks as deprecated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.deprecations import load_ends, shipped_ends
from cohere_conformance.errors import ContractError
from cohere_conformance.session.deprecations import deprecated_parts, known_deprecations

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = "{what: [POST /v1/generate], date: 2025-09-15, source: [docs]}"


def test_every_deprecated_operation_has_an_end_and_nothing_else_has() -> None:
    known = {one.name for one in known_deprecations(load_contract()) if one.kind == "operation"}
    listed = {name for name in shipped_ends() if " request." not in name}
    assert known == listed


def test_parts_of_deprecated_operations_are_not_listed_besides() -> None:
    parts = {one.name: one for one in deprecated_parts()}
    assert parts["POST /v1/chat request.connectors"].ends == "2025-09-15"
    assert [name for name in parts if name.startswith(("POST /v1/classify", "POST /v1/generate"))] == []


def test_a_deprecated_model_has_a_successor_that_is_served() -> None:
    models = {one.name: one.successor for one in known_deprecations(load_contract()) if one.kind == "model"}
    assert models["embed-english-v2.0"] == "embed-v4.0"
    assert [name for name, successor in models.items() if not successor or successor in models] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"ends: [{ENTRY}, {ENTRY}]", "expected everything once, got 'POST /v1/generate' twice"),
        (f"ends: [{ENTRY}]".replace("generate", "new"), "expected an operation of the document"),
        (f"ends: [{ENTRY}]".replace("2025-09-15", "soon"), "date"),
        ("ends: [{what: [], date: 2025-09-15, source: [docs]}]", "what"),
    ],
)
def test_a_wrong_list_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "deprecations.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=message):
        load_ends(path, ["POST /v1/generate"])
