"""LAP files: operations and the names of their inputs."""

from __future__ import annotations

from typing import Any

import pytest

from cohere_conformance.drift.compare import compared
from cohere_conformance.drift.lap import lap_facts
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.errors import DescriptionError

_FILE = """@lap v0.3
# Machine-readable API spec.
@api Things
@common_fields {X-Client-Name: str # who calls, if: you like}
@endpoints 3

@group things
@endpoint POST /v2/things
@desc Makes a thing, or {two}
@required {text: str # up to 10, note: blank is an error, mode: str(fast/exact)=fast}
@optional {items: [map{name!: str, size: num}], Accepts: str,
  created: int(unix-timestamp)}
@returns(200) {id: str, items: [map]}
@errors {400, 401}

@endpoint GET /v2/things/{id}
@required {id: str}
@optional {limit: int=10}

@endpoint POST /v2/upload
@endgroup
@end
"""


def document(*names: str, limit: str = "limit") -> dict[str, Any]:
    properties = {name: {"type": "string", "maxLength": 5} for name in names}
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}
    upload = {"content": {"multipart/form-data": {"schema": {"type": "object", "properties": {"file": {}}}}}}
    parameters = [
        {"name": "id", "in": "path", "required": True, "schema": {}},
        {"name": limit, "in": "query", "schema": {"type": "integer"}},
        {"name": "X-Client-Name", "in": "header", "schema": {}},
    ]
    return {
        "paths": {
            "/v2/things": {"post": {"requestBody": body, "responses": {"200": {}}}},
            "/v2/things/{id}": {"get": {"parameters": parameters}},
            "/v2/upload": {"post": {"requestBody": upload}},
        }
    }


def differences(found: dict[str, Any]) -> list[tuple[str, str]]:
    changes = compared(document_facts(found, "document"), lap_facts(_FILE, "things.lap"))
    return [(change.what, "".join((change.operation, " ", *change.path))) for change in changes]


def test_operations_and_names_of_inputs_are_compared() -> None:
    assert differences(document("text", "mode", "items", "created")) == []
    assert differences(document("text", "mode", "items", "made", limit="size")) == [
        ("removed", "POST /v2/things input.made"),
        ("added", "POST /v2/things input.created"),
        ("removed", "GET /v2/things/{id} input.size"),
        ("added", "GET /v2/things/{id} input.limit"),
    ]


def test_two_lap_files_are_compared() -> None:
    old = lap_facts(_FILE, "old")
    new = lap_facts(_FILE.replace("mode: str", "speed: str").replace("@endpoint POST /v2/upload", ""), "new")
    assert [(change.what, change.path) for change in compared(old, new)] == [
        ("removed", ("input.mode",)),
        ("added", ("input.speed",)),
        ("removed", ()),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a.lap: line 1: expected a LAP file"),
        ("@lap v0.3\n@api Things\n", "a.lap: line 1: expected a LAP file"),
        ("@endpoint GET /a\n", "a.lap: line 1: expected a LAP file"),
        (
            "@lap v0.3\n@endpoint FETCH /a\n",
            "a.lap: line 2: expected '@endpoint METHOD /path', got '@endpoint FETCH /a'",
        ),
        ("@lap v0.3\n@endpoint GET\n", "a.lap: line 2: expected '@endpoint METHOD /path'"),
    ],
)
def test_what_is_no_lap_file_is_reported(text: str, complaint: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        lap_facts(text, "a.lap")
    assert str(caught.value).startswith(complaint)
