"""The elements of an operation that a request can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import document

from cohere_conformance.contract.compile import compile_contract
from cohere_conformance.contract.requested import requestable
from cohere_conformance.model import Aspect, Element

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

THING = "POST /v1/thing"
SCHEMAS: dict[str, Any] = {
    "Mode": {"type": "string", "enum": ["fast", ""]},
    "Text": {"type": "object", "properties": {"type": {"type": "string"}, "text": {"type": "string"}}},
    "Link": {"type": "object", "properties": {"type": {"type": "string"}, "url": {"type": "string"}}},
    "Part": {
        "oneOf": [{"$ref": "#/components/schemas/Text"}, {"$ref": "#/components/schemas/Link"}],
        "discriminator": {
            "propertyName": "type",
            "mapping": {"text": "#/components/schemas/Text", "link": "#/components/schemas/Link"},
        },
    },
}
MODE = {"$ref": "#/components/schemas/Mode"}
PARTS = {"type": "array", "items": {"$ref": "#/components/schemas/Part"}}
EITHER = {"oneOf": [{"type": "string"}, PARTS]}


def requests(schema: dict[str, Any], *, media: str = "application/json", optional: bool = True) -> set[str]:
    request = {"content": {media: {"schema": schema}}}
    source = document(schemas=SCHEMAS, request=request, **{"x-null-for-optional": optional})
    found = requestable(compile_contract(source, {}).operations[THING])
    return {element.name for element in found}


@pytest.mark.parametrize("optional", [False, True], ids=["left-out", "or-null"])
@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": {"a/b": {"type": "number"}}}, {"/a~1b"}),
        ({"type": "object", "properties": {"mode": MODE}}, {"/mode", "/mode = fast", '/mode = ""'}),
        (
            {"type": "object", "properties": {"mode": MODE}, "required": ["mode"]},
            {"/mode", "/mode = fast", '/mode = ""'},
        ),
        (
            {"type": "object", "properties": {"content": EITHER}},
            {
                *("/content", "/content is string", "/content is array", "/content/*/type"),
                *("/content/*/type = text", "/content/*/type = link", "/content/*/text", "/content/*/url"),
            },
        ),
        ({"type": "object", "additionalProperties": MODE}, {"/{}", "/{} = fast", '/{} = ""'}),
        ({"type": "array", "items": {"type": "number"}}, set()),
        (
            {"type": "object", "properties": {"mode": {**MODE, "readOnly": True}, "a": {"type": "number"}}},
            {"/a"},
        ),
    ],
    ids=["names", "values", "required", "unions", "free-keys", "nothing", "said-by-the-server-only"],
)
def test_every_place_of_a_body_is_declared(
    schema: dict[str, Any], expected: set[str], optional: bool
) -> None:
    assert requests(schema, optional=optional) == expected


@pytest.mark.parametrize("optional", [False, True], ids=["left-out", "or-null"])
def test_every_part_of_a_form_is_declared(optional: bool) -> None:
    form = {"type": "object", "properties": {"file": {"type": "string"}, "mode": MODE}}
    found = requests(form, media="multipart/form-data", optional=optional)
    assert found == {"form:file", "form:mode", "form:mode = fast", 'form:mode = ""'}


def test_the_shipped_contract(amended: Contract) -> None:
    chat, uploads, metrics, models = (
        requestable(amended.operations[label])
        for label in (
            "POST /v2/chat",
            "POST /v1/datasets",
            "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics",
            "GET /v1/models",
        )
    )
    assert {
        *((Aspect.PROPERTY, "/messages/*/content/*/image_url/url"), (Aspect.PROPERTY, "/temperature")),
        *((Aspect.BRANCH, "/messages/*/content is array"), (Aspect.BRANCH, "/documents/* is string")),
        *((Aspect.ENUM_VALUE, "/messages/*/role = tool"), (Aspect.ENUM_VALUE, "/tool_choice = NONE")),
    } <= {(element.aspect, element.name) for element in chat}
    assert {element.name for element in metrics} == {
        *("path:finetuned_model_id", "query:page_size", "query:page_token")
    }
    assert {"form:data", "form:eval_data", "query:type = embed-input"} <= {one.name for one in uploads}
    assert Element("GET /v1/models", Aspect.PARAMETER, "query:endpoint") in models
    assert Element("GET /v1/models", Aspect.ENUM_VALUE, "query:endpoint = chat") in models


def test_every_operation_that_takes_something_declares_it(amended: Contract) -> None:
    nothing = {label for label, operation in amended.operations.items() if not requestable(operation)}
    assert nothing == {"GET /v1/datasets/usage", "GET /v1/embed-jobs", "POST /v1/check-api-key"}
    for label, operation in amended.operations.items():
        assert {element.operation for element in requestable(operation)} <= {label}
