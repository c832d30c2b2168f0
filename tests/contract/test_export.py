"""The exported document is valid in both versions of OpenAPI, and schemathesis reads its streams."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
import schemathesis
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator
from schemathesis.core.failures import FailureGroup

from cohere_conformance.cli import commands
from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.export import as_openapi_31, exported
from cohere_conformance.reference import ServerState, catalogue
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator

DECLARATIONS = load_declarations()
VALIDATORS = {"3.2": OpenAPIV32SpecValidator, "3.1": OpenAPIV31SpecValidator}
DOCUMENTS = {"3.2": exported(DECLARATIONS.amended, DECLARATIONS.grammars)}
DOCUMENTS["3.1"] = as_openapi_31(DOCUMENTS["3.2"])


def words(node: Any) -> Iterator[str]:
    """Yield every key of a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from words(value)
    elif isinstance(node, list):
        for value in node:
            yield from words(value)


@pytest.mark.parametrize("version", ["3.2", "3.1"])
def test_the_command_writes_a_valid_document(version: str) -> None:
    """What `contract bundle --amended --openapi` prints passes the validator of that version."""
    done = CliRunner().invoke(commands, ["contract", "bundle", "--amended", "--openapi", version])
    written = json.loads(done.output)
    assert written == DOCUMENTS[version]
    assert written["openapi"].startswith(version)
    assert list(VALIDATORS[version](written).iter_errors()) == []
    assert len(written["paths"]) == len(DECLARATIONS.amended["paths"])


def test_openapi_31_has_a_schema_wherever_32_has_one_for_items() -> None:
    """No stream is lost, and no word of 3.2 is left."""
    assert "itemSchema" not in set(words(DOCUMENTS["3.1"]))
    for path in ("/v1/chat", "/v2/chat"):
        content = {
            version: document["paths"][path]["post"]["responses"]["200"]["content"]
            for version, document in DOCUMENTS.items()
        }
        events, lines = "text/event-stream", "application/stream+json"
        assert content["3.1"][events]["schema"] == content["3.2"][events]["itemSchema"]
        assert content["3.1"][lines] == {"x-item-schema": content["3.2"][lines]["itemSchema"]}


def test_what_was_published_is_exported_as_it_is() -> None:
    """Without amendments nothing is mended on the way out."""
    done = CliRunner().invoke(commands, ["contract", "bundle"])
    assert json.loads(done.output) == DECLARATIONS.published


def test_no_event_matches_two_branches_of_its_union() -> None:
    """The end of a block has no property that the branches of other events forbid."""
    document = DOCUMENTS["3.2"]
    schema = {"$ref": "#/components/schemas/ChatV2Event", "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    for event in (
        {"type": "content-end", "index": 0},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "debug", "prompt": "p"},
    ):
        assert validator.is_valid(event), event
        assert not validator.is_valid(event | {"type": "no-such-event"})
    before = {"$ref": "#/components/schemas/ChatV2Event", "components": DECLARATIONS.amended["components"]}
    assert not jsonschema_rs.Draft202012Validator(before).is_valid({"type": "content-end", "index": 0})


# -- schemathesis on the reference server

ASKED = [{"role": "user", "content": "When does the ferry leave?"}]
DOCUMENTS_SENT = [{"id": "a", "data": {"text": "The ferry leaves at nine in the morning."}}]
PORT = {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]}
TOOL = {"type": "function", "function": {"name": "get_tide", "description": "tides", "parameters": PORT}}
V2 = {"model": "command-a-03-2025", "messages": ASKED, "stream": True}
STREAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("/v2/chat", V2),
    "citations": ("/v2/chat", V2 | {"documents": DOCUMENTS_SENT}),
    "tools": ("/v2/chat", V2 | {"tools": [TOOL], "tool_choice": "REQUIRED"}),
    "thinking": ("/v2/chat", V2 | {"model": "command-a-reasoning-08-2025"}),
    "v1": ("/v1/chat", {"model": "command-a-03-2025", "message": "When?", "stream": True}),
}


@pytest.fixture(scope="module")
def state() -> ServerState:
    return ServerState()


@pytest.fixture(scope="module")
def url(state: ServerState) -> Iterator[str]:
    with ServerThread(state) as running:
        yield running.url


@lru_cache(maxsize=2)
def loaded(version: str) -> Any:
    """Return the document as schemathesis reads it, once."""
    return schemathesis.openapi.from_dict(DOCUMENTS[version])


def validated(version: str, url: str, path: str, body: dict[str, Any]) -> None:
    """Send a request with schemathesis and let it judge the answer."""
    case = loaded(version)[path]["POST"].Case(
        body=body, media_type="application/json", headers={"Authorization": f"Bearer {PRODUCTION}"}
    )
    response = case.call(base_url=url)
    assert response.status_code == 200
    case.validate_response(response)


@pytest.mark.parametrize("version", ["3.2", "3.1"])
@pytest.mark.parametrize("name", STREAMS)
def test_schemathesis_calls_a_good_stream_good(url: str, version: str, name: str) -> None:
    """Blocks, citations, tool calls, thoughts and the literal that ends a stream pass."""
    validated(version, url, *STREAMS[name])


@pytest.mark.parametrize("version", ["3.2", "3.1"])
def test_schemathesis_still_sees_a_broken_stream(state: ServerState, url: str, version: str) -> None:
    """An event of unknown type is not one of the union."""
    state.faults = frozenset({catalogue()["chat.v2.stream.unknown-event"]})
    try:
        with pytest.raises(FailureGroup, match=r"(?i)schema"):
            validated(version, url, *STREAMS["text"])
    finally:
        state.faults = frozenset()
