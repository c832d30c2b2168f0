"""Differences to our contract name the file and line to edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from contract_changes import DELETED, planted

from cohere_conformance.data import folder
from cohere_conformance.drift.difference import Difference, difference
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.drift.sources import our_facts

if TYPE_CHECKING:
    from cohere_conformance.contract import Declarations
    from cohere_conformance.drift.facts import Description

_RERANK = "components/schemas/RerankV2Request"


@pytest.fixture(scope="module")
def ours(declarations: Declarations) -> Description:
    return our_facts(declarations, folder("contracts"), amended=True)


def with_edits(declarations: Declarations, **edits: Any) -> Description:
    ends = {"POST /v2/chat": "[DONE]"}
    return document_facts(planted(declarations.published, edits), "edited", ends)


def edited_line(found: Difference) -> str:
    """Return the text of the only line to edit, after the name of its file."""
    [edit] = found.edits
    assert edit is not None
    assert edit.file.startswith("contracts/openapi/")
    name = edit.file.rpartition("/")[2]
    lines = (folder("contracts") / "openapi" / name).read_text(encoding="utf-8").splitlines()
    return f"{name}: {lines[edit.line - 1].strip()}"


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        # Something is to be added to the schema, or a property to be removed.
        ({f"{_RERANK}/properties/spans": {}}, "rerank.yaml: RerankV2Request:"),
        ({f"{_RERANK}/properties/top_n": DELETED}, "rerank.yaml: top_n:"),
        (
            {"components/schemas/BilledUnits/properties/video_tokens": {"type": "number"}},
            "shared.yaml: BilledUnits:",
        ),
        ({f"{_RERANK}/properties/top_n/minimum": 2}, "rerank.yaml: minimum: 1"),
        ({f"{_RERANK}/properties/top_n/maximum": 2}, "rerank.yaml: top_n:"),
        ({f"{_RERANK}/properties/top_n/type": "string"}, "rerank.yaml: type: integer"),
        ({f"{_RERANK}/required/-": "top_n"}, "rerank.yaml: required: [query, documents, model]"),
        ({"paths/~1v2~1scan": {"post": {}}}, "openapi.yaml: paths:"),
        ({"paths/~1v2~1rerank/post": DELETED}, "rerank.yaml: post:"),
        ({"paths/~1v1~1models/get/parameters/2/required": True}, "models.yaml: - name: endpoint"),
        (
            {"components/schemas/ChatV2FinishReason/enum/-": "X"},
            "chat.yaml: enum: [COMPLETE, STOP_SEQUENCE, MAX_TOKENS, TOOL_CALL, ERROR, TIMEOUT]",
        ),
    ],
)
def test_the_line_of_the_edit_is_named(
    edits: dict[str, Any], line: str, ours: Description, declarations: Declarations
) -> None:
    other = with_edits(declarations, **edits)
    assert edited_line(difference(ours, other)) == line
    assert edited_line(difference(other, ours)) == line


def test_where_our_contract_is_not_compared_no_line_is_named(declarations: Declarations) -> None:
    one, other = with_edits(declarations), with_edits(declarations, **{f"{_RERANK}/properties/spans": {}})
    assert difference(one, other).edits == [None]


def test_what_only_our_amendments_have_changed_is_no_difference(
    ours: Description, declarations: Declarations
) -> None:
    assert ours.published is not None
    assert difference(ours, with_edits(declarations)).lines == []
    assert len(difference(ours.published, ours).lines) > 40


def test_a_difference_to_the_amended_contract_is_one(ours: Description, declarations: Declarations) -> None:
    # An amendment has added the empty value, which the document lacks; that is no part of the difference.
    values = "components/schemas/Connector/properties/auth_status/enum"
    other = with_edits(declarations, **{f"{values}/-": "pending"})
    [line] = difference(ours, other).lines
    assert line.details[0].what == "enum"
    assert (line.details[0].before, line.details[0].after) == (
        {'"expired"', '"valid"'},
        {'"expired"', '"valid"', '"pending"'},
    )
