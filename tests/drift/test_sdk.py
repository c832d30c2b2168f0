"""The facts of a generated SDK, parsed out of a wheel and never imported."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from wheels import sdk_wheel

from cohere_conformance.drift.compare import compared
from cohere_conformance.drift.folding import folded
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.drift.sdk import sdk_facts
from cohere_conformance.drift.sdk_package import package_of_folder, package_of_wheel
from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.drift.facts import Description, Node


@pytest.fixture
def facts(tmp_path: Path) -> Description:
    wheel = sdk_wheel(tmp_path)
    return sdk_facts(package_of_wheel(wheel, wheel.name))


def at(node: Node, *path: str) -> Node:
    for step in path:
        node = node.children[step]
    return node


def test_operations_are_those_of_the_synchronous_raw_clients(facts: Description) -> None:
    assert facts.operations.keys() == {"POST /v2/things", "PUT /v2/things/{}/file", "GET /v2/things"}
    assert facts.labels["PUT /v2/things/{}/file"] == "PUT /v2/things/{id}/file"
    assert "things" not in sys.modules


def test_fields_of_a_request_have_names_types_and_values(facts: Description) -> None:
    request = at(facts.operations["POST /v2/things"], "request")
    assert request.children.keys() == {".text", ".mode", ".items", ".stream"}
    assert at(request, ".text").attributes == {"types": {"string"}, "required": True}
    assert at(request, ".mode").attributes["enum"] == {'"fast"', '"exact"'}
    assert "required" not in at(request, ".mode").attributes
    item = at(request, ".items", "[]")
    assert item.children.keys() == {".name", ".size", ".schema", ".below"}
    assert item.children[".below"].opaque, "a recursive model ends"


def test_queries_and_uploads_are_inputs(facts: Description) -> None:
    queries = facts.operations["GET /v2/things"].children
    assert {step: node.types for step, node in queries.items() if step != "response"} == {
        "query.limit": {"integer"},
        "query.tagNames": {"array"},
    }
    upload = at(facts.operations["PUT /v2/things/{}/file"], "request")
    required = {step: node.attributes.get("required", False) for step, node in upload.children.items()}
    assert required == {".file": True, ".extra": False}


def test_a_method_that_iterates_has_events(facts: Description) -> None:
    operation = facts.operations["POST /v2/things"]
    assert operation.children["events"].children.keys() == {"<start>", "<text>"}
    assert operation.children["response"].children.keys() == {".id", ".items", ".count"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (
            {"types/reply": ("    id: str\n", "    id: str\n    total: typing.Optional[int] = None\n")},
            [("additive", "POST /v2/things response.total", "added")],
        ),
        (
            # Required in the request, and one line with the response that uses the same model.
            {"types/item": ("    name: str", "    colour: str\n    name: str")},
            [("breaking", "POST /v2/things request.items[].colour", "added")],
        ),
        (
            {"types/mode": ('"exact"', '"exact", "slow"')},
            [("additive", "POST /v2/things request.mode", "enum")],
        ),
        (
            {"types/event": ("Union[StartEvent, TextEvent]", "Union[StartEvent]")},
            [("breaking", "POST /v2/things events<text>", "removed")],
        ),
        (
            {"things/raw_client": ('                "mode": mode,\n', "")},
            [],  # the streaming method still sends it
        ),
        (
            {"things/raw_client": ('"v2/things", method="GET"', '"v2/things/all", method="GET"')},
            [("breaking", "GET /v2/things", "removed"), ("additive", "GET /v2/things/all", "added")],
        ),
        (
            {"types/reply": ("Optional[int]", "Optional[str]")},
            [("breaking", "POST /v2/things response.count", "types")],
        ),
    ],
)
def test_two_versions_are_compared(
    changes: dict[str, tuple[str, str]],
    expected: list[tuple[str, str, str]],
    facts: Description,
    tmp_path: Path,
) -> None:
    wheel = sdk_wheel(tmp_path, "1.1.0", changes=changes)
    lines = folded(compared(facts, sdk_facts(package_of_wheel(wheel, wheel.name))))
    assert [(str(line.severity), line.places[0], line.details[0].what) for line in lines] == expected


def _item(**properties: Any) -> dict[str, Any]:
    schema = {"name": {"type": "string"}, "size": {"type": "integer"}, "schema": {"type": "object"}}
    below = {"$ref": "#/components/schemas/Item"}
    return {"type": "object", "required": ["name"], "properties": {**schema, "below": below, **properties}}


def _document(**properties: Any) -> dict[str, Any]:
    """Return what the SDK says, with what only a document can know beside it."""
    items = {"type": "array", "maxItems": 9, "items": {"$ref": "#/components/schemas/Item"}}
    request = {
        "type": "object",
        "required": ["text"],
        "properties": {
            "text": {"type": "string", "maxLength": 10},
            "mode": {"type": "string", "enum": ["fast", "exact"], "default": "fast", "nullable": True},
            "items": items,
            "stream": {"type": "boolean"},
            "created_at": {"type": "string", "readOnly": True},
        },
    }
    reply = {
        "type": "object",
        "required": ["id", "items"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "items": items,
            "count": {"type": "number"},
        },
    }
    start = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
    text = {"type": "object", "properties": {"text": {"type": "string"}}}
    mapping = {"start": "#/components/schemas/Start", "text": "#/components/schemas/Text"}
    event = {
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    post = {
        "parameters": [{"name": "X-Client", "in": "header", "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {"200": {"content": {"application/json": {"schema": reply}}}, "400": {}},
        "x-fern-streaming": {"response-stream": event, "terminator": "[DONE]"},
    }
    upload = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}, "extra": {"type": "string"}},
    }
    return {
        "paths": {
            "/v2/things": {
                "post": post,
                "get": {
                    "parameters": [
                        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                        {
                            "name": "tagNames",
                            "in": "query",
                            "schema": {"type": "array", "items": {"type": "string"}},
                        },
                    ],
                    "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
                },
            },
            "/v2/things/{thing_id}/file": {
                "put": {
                    "requestBody": {"content": {"multipart/form-data": {"schema": upload}}},
                    "responses": {"200": {}},
                }
            },
        },
        "components": {"schemas": {"Item": _item(**properties), "Start": start, "Text": text}},
    }


def test_a_document_and_its_sdk_do_not_differ(facts: Description) -> None:
    assert compared(document_facts(_document(), "document"), facts) == []


def test_what_both_can_know_is_compared(facts: Description) -> None:
    document = document_facts(_document(colour={"type": "string"}), "document")
    lines = folded(compared(document, facts))
    assert [(line.places[0], line.details[0].what, len(line.places)) for line in lines] == [
        ("POST /v2/things request.items[].colour", "removed", 2)
    ]


def test_an_installed_package_is_read_from_its_folder(facts: Description, tmp_path: Path) -> None:
    with zipfile.ZipFile(sdk_wheel(tmp_path)) as archive:
        archive.extractall(tmp_path / "site")
    installed = sdk_facts(package_of_folder(tmp_path / "site" / "things", "things"))
    assert (installed.labels, compared(facts, installed)) == (facts.labels, [])


def test_modules_are_parsed_and_not_run(tmp_path: Path) -> None:
    wheel = sdk_wheel(
        tmp_path, changes={"things/raw_client": ("import typing", "raise SystemExit\nimport typing")}
    )
    assert len(sdk_facts(package_of_wheel(wheel, "things")).operations) == 3


def test_a_module_that_is_no_python_is_reported(tmp_path: Path) -> None:
    wheel = sdk_wheel(
        tmp_path, changes={"things/raw_client": ("class RawThingsClient:", "class RawThingsClient")}
    )
    with pytest.raises(DescriptionError, match=r"things\.things\.raw_client: expected Python source"):
        sdk_facts(package_of_wheel(wheel, "things"))


def test_what_is_no_wheel_of_an_sdk_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(b"no archive")
    with pytest.raises(DescriptionError, match=r"expected a wheel \(a ZIP archive\), got"):
        package_of_wheel(path, "a")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/__init__.py", "")
    with pytest.raises(DescriptionError, match="expected modules called raw_client"):
        package_of_wheel(path, "a")
