"""What is no fact makes no difference: prose, names of schemas, order, and how a schema is put together."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.drift import schemas as schemas_module
from cohere_conformance.drift.compare import compared
from cohere_conformance.drift.folding import folded
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from cohere_conformance.contract import Declarations
    from cohere_conformance.contract.documents import Document

_PROSE = {"description", "summary", "title", "example", "examples", "externalDocs", "tags", "operationId"}


def document(schema: Any, *, request: bool = True, **schemas: Any) -> Document:
    """Return a document with one operation that sends or receives a schema."""
    content = {"content": {"application/json": {"schema": schema}}}
    operation = {"requestBody": content} if request else {"responses": {"200": content}}
    return {"paths": {"/a": {"post": operation}}, "components": {"schemas": schemas}}


def difference(one: Document, other: Document) -> list[tuple[str, str, list[str]]]:
    """Return the class, the first place and the changes of each line."""
    lines = folded(compared(document_facts(one, "one"), document_facts(other, "other")))
    return [(str(line.severity), line.places[0], [detail.what for detail in line.details]) for line in lines]


def rewritten(node: Any, *, names: bool = False) -> Any:
    """Return a document with other prose and the keys in another order."""
    if isinstance(node, list):
        return [rewritten(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        key: "another text" if not names and key in _PROSE and isinstance(value, str) else
        rewritten(value, names=key in {"properties", "schemas"})
        for key, value in reversed(node.items())
    }  # fmt: skip


def test_other_prose_and_another_order_are_no_difference(declarations: Declarations) -> None:
    assert difference(declarations.published, rewritten(declarations.published)) == []


def test_names_of_schemas_are_no_difference(declarations: Declarations) -> None:
    renamed = copy.deepcopy(declarations.published)
    schemas = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {f"{name}X": schema for name, schema in schemas.items()}

    def refer(node: Any) -> None:
        values = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in list(values):
            if isinstance(value, str) and value.startswith("#/components/schemas/"):
                node[key] = f"{value}X"
            refer(value)

    refer(renamed)
    assert difference(declarations.published, renamed) == []


_TEXT = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"enum": ["text"]}, "text": {}},
}
_IMAGE = {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["image"]}, "url": {}}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"enum": ["a"]}, {"type": "string", "const": "a"}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
        ({"$ref": "#/components/schemas/A"}, {"type": "integer"}),
        ({"allOf": [{"$ref": "#/components/schemas/A"}]}, {"type": "integer"}),
        (
            {"allOf": [{"properties": {"a": {}}}, {"required": ["a"], "properties": {"b": {}}}]},
            {"type": "object", "required": ["a"], "properties": {"a": {}, "b": {}}},
        ),
        (
            {"oneOf": [_TEXT, _IMAGE], "discriminator": {"propertyName": "type"}},
            {"anyOf": [_IMAGE, _TEXT]},
        ),
        ({"type": "integer", "x-vendor": 1, "example": 3}, {"type": "integer"}),
    ],
)
def test_schemas_that_mean_the_same_are_no_difference(one: Any, other: Any) -> None:
    integer = {"type": "integer"}
    assert difference(document(one, A=integer), document(other, A=integer)) == []


def test_a_removed_object_is_one_line() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "object", "properties": {"c": {}, "d": {}}}}}
    before = document({"type": "object", "properties": {"a": inner}})
    after = document({"type": "object", "properties": {}})
    assert difference(before, after) == [("breaking", "POST /a request.a", ["removed"])]


def test_a_recursive_schema_ends() -> None:
    tree = {"type": "object", "properties": {"below": {"$ref": "#/components/schemas/T"}}}
    bigger = {**tree, "properties": {**tree["properties"], "name": {"type": "string"}}}
    reference = {"$ref": "#/components/schemas/T"}
    found = difference(document(reference, T=tree), document(reference, T=bigger))
    assert found == [("additive", "POST /a request.name", ["added"])]


def test_a_cycle_ends_where_it_was_entered() -> None:
    """The others of the cycle, which were built on the way, are not those of a later entrance."""
    cycle = {
        name: {"type": "object", "properties": {other.lower(): {"$ref": f"#/components/schemas/{other}"}}}
        for name, other in (("A", "B"), ("B", "C"), ("C", "A"))
    }
    entered = {f"from_{name}": {"$ref": f"#/components/schemas/{name}"} for name in cycle}
    facts = document_facts(document({"type": "object", "properties": entered}, **cycle), "cycle")
    ends = {}
    for name, node in next(iter(facts.operations.values())).children["request"].children.items():
        steps, here = [], node
        while here.children:
            ((step, here),) = here.children.items()
            steps.append(step)
        ends[name] = ("".join(steps), here.opaque)
    assert ends == {".from_A": (".b.c.a", True), ".from_B": (".c.a.b", True), ".from_C": (".a.b.c", True)}


def test_schemas_that_grow_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(name: str) -> dict[str, Any]:
        reference = {"$ref": f"#/components/schemas/{name}"}
        return {"type": "object", "properties": {"a": reference, "b": reference}}

    monkeypatch.setattr(schemas_module, "MOST_NODES", 900)
    schemas = {f"S{number}": two(f"S{number + 1}") for number in range(40)}
    with pytest.raises(ContractError, match="expected at most 900 locations"):
        document_facts(document(schemas["S0"], **schemas, S40={"type": "string"}), "large")


def test_a_reference_that_leads_nowhere_is_not_compared() -> None:
    broken = document({"$ref": "#/components/schemas/Gone"})
    assert document_facts(broken, "broken").missing == ("#/components/schemas/Gone",)
    assert difference(broken, document({"type": "string"})) == []


def test_a_union_that_gets_a_second_alternative_is_one_line() -> None:
    one = document({"oneOf": [_TEXT], "discriminator": {"propertyName": "type"}}, request=False)
    two = document({"oneOf": [_TEXT, _IMAGE], "discriminator": {"propertyName": "type"}}, request=False)
    assert difference(one, two) == [("breaking", "POST /a response<image>", ["added"])]


def test_a_schema_that_becomes_a_union_is_compared_by_its_properties() -> None:
    both = {"oneOf": [_TEXT, _IMAGE]}
    assert difference(document(_TEXT), document(both)) == [
        ("additive", "POST /a request.type", ["enum"]),
        ("additive", "POST /a request.text", ["required"]),
        ("additive", "POST /a request.url", ["added"]),
    ]


def test_one_schema_in_request_and_response_is_one_line_with_the_worst_class() -> None:
    def both(*values: str) -> Document:
        content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S"}}}}
        item = {"post": {"requestBody": content, "responses": {"200": content}}}
        schema = {"type": "object", "properties": {"mode": {"enum": list(values)}}}
        return {"paths": {"/a": item, "/b": item}, "components": {"schemas": {"S": schema}}}

    lines = folded(compared(document_facts(both("x"), "one"), document_facts(both("x", "y"), "other")))
    assert [(str(line.severity), len(line.places), len(line.operations)) for line in lines] == [
        ("breaking", 4, 2)
    ]


def test_names_of_path_parameters_are_no_difference() -> None:
    def path(name: str) -> Document:
        parameter = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        return {"paths": {f"/a/{{{name}}}": {"get": {"parameters": [parameter]}}}}

    assert difference(path("id"), path("key")) == []


def test_a_stream_of_the_vendors_extension_equals_one_of_item_schema() -> None:
    schema = {"type": "object", "properties": {"type": {"type": "string"}}}
    fern = {
        "paths": {"/a": {"post": {"x-fern-streaming": {"response-stream": schema}, "responses": {"200": {}}}}}
    }
    frame = {"type": "object", "properties": {"data": {"type": "string", "contentSchema": schema}}}
    ours = {
        "paths": {
            "/a": {"post": {"responses": {"200": {"content": {"text/event-stream": {"itemSchema": frame}}}}}}
        }
    }
    assert difference(fern, ours) == []
