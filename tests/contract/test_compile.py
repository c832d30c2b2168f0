"""The compiled contract: operations, their declarations, and digests that are equal if two judge alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import contract, document

from cohere_conformance.contract import load_contract, load_declarations
from cohere_conformance.contract.compile import Contract, compile_contract, digest
from cohere_conformance.contract.grammar import Grammar, Step
from cohere_conformance.contract.overlay import Action, Amendment, apply
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract import Declarations

THING = "POST /v1/thing"
STREAMS = Grammar(
    tag="t",
    states={"s": {"a": Step("e")}},
    start="s",
    end="e",
    fold="generate",
    reason="",
    terminators={"text/event-stream": "[END]"},
)


def test_the_shipped_contracts_have_every_operation(published: Contract, amended: Contract) -> None:
    """The only place with their number: other tests compare with the contract."""
    assert (published.origins, amended.origins) == ({"document": 41}, {"document": 41, "SDK": 1})
    for made in (published, amended):
        assert [operation.label for operation in made.operations.values()] == list(made.operations)
        assert {operation.group for operation in made.operations.values()} == {
            tag["name"] for tag in made.document["tags"]
        }
    assert (published.version, amended.version) == ("2026-08-20", "2026-08-20")


def test_every_schema_of_every_operation_compiles(published: Contract, amended: Contract) -> None:
    for made in (published, amended):
        for operation in made.operations.values():
            for validator in operation.request.media.values() if operation.request else ():
                assert validator.compiled
            for response in operation.responses.values():
                assert all(header.value.compiled for header in response.headers.values())
                for media in response.media.values():
                    assert media.body is None or media.body.compiled
                    assert not media.events or all(one.compiled for one in media.events.branches.values())


def test_a_contract_is_loaded_once() -> None:
    assert load_contract() is load_contract()
    assert load_contract(as_published=True) is load_contract(as_published=True)
    assert load_contract(as_published=True) is not load_contract()


def test_the_streams_of_the_shipped_contract(amended: Contract) -> None:
    streams = {
        (label, media.name): (media.framing, media.events.tag, media.events.terminator)
        for label, operation in amended.operations.items()
        for response in operation.responses.values()
        for media in response.media.values()
        if media.events is not None and media.events.grammar is not None
    }
    assert streams == {
        ("POST /v1/chat", "application/stream+json"): ("ndjson", "event_type", None),
        ("POST /v1/chat", "text/event-stream"): ("sse", "event_type", None),
        ("POST /v1/generate", "application/stream+json"): ("ndjson", "event_type", None),
        ("POST /v2/chat", "application/stream+json"): ("ndjson", "type", None),
        ("POST /v2/chat", "text/event-stream"): ("sse", "type", "[DONE]"),
    }


# -- one operation


@pytest.mark.parametrize(
    ("declared", "status", "found"),
    [
        (("200", "4XX", "default"), 200, "200"),
        (("200", "4XX", "default"), 404, "4XX"),
        (("200", "4XX", "404"), 404, "404"),
        (("200", "4XX", "default"), 500, "default"),
        (("200", "4XX"), 500, None),
        (("2XX",), 299, "2XX"),
        ((), 200, None),
    ],
)
def test_a_status_finds_its_declaration(declared: tuple[str, ...], status: int, found: str | None) -> None:
    made = document()
    made["paths"]["/v1/thing"]["post"]["responses"] = {name: {"description": "."} for name in declared}
    response = compile_contract(made, {}).operations[THING].response(status)
    assert (response and response.status) == found


def test_what_one_operation_declares() -> None:
    header = {"X-Count": {"required": True, "schema": {"type": "integer"}}, "X-Free": {}}
    made = document({"type": "string"}, response={"headers": header})
    made["paths"]["/v1/thing"]["post"] |= {"deprecated": True}
    operation = compile_contract(made, {}).operations[THING]
    response = operation.responses["200"]
    assert (operation.label, operation.group, operation.deprecated, operation.request) == (
        THING,
        "things",
        True,
        None,
    )
    assert list(response.media) == ["application/json"]
    headers = response.headers.items()
    assert [(name, header.required, header.value.schema) for name, header in headers] == [
        ("x-count", True, {"type": "integer"}),
        ("x-free", False, {}),
    ]


def test_names_of_media_types_and_headers_are_in_lower_case() -> None:
    made = document(response={"content": {"Application/JSON": {"schema": {}}}, "headers": {"X-A": {}}})
    response = compile_contract(made, {}).operations[THING].responses["200"]
    assert (list(response.media), list(response.headers)) == (
        ["application/json"],
        ["x-a"],
    )


def test_references_of_an_operation_are_followed() -> None:
    made = document()
    made["paths"]["/v1/thing"]["post"] |= {
        "requestBody": {"$ref": "#/components/requestBodies/R"},
        "responses": {"200": {"$ref": "#/components/responses/R"}},
    }
    made["components"] |= {
        "requestBodies": {"R": {"required": True, "content": {"application/json": {"schema": {"const": 1}}}}},
        "responses": {"R": {"headers": {"H": {"$ref": "#/components/headers/H"}}}},
        "headers": {"H": {"required": True, "schema": {"type": "boolean"}}},
    }
    operation = compile_contract(made, {}).operations[THING]
    assert operation.request is not None
    assert (operation.request.required, operation.request.media["application/json"].schema) == (
        True,
        {"const": 1},
    )
    assert [
        (name, one.required, one.value.schema) for name, one in operation.responses["200"].headers.items()
    ] == [("h", True, {"type": "boolean"})]


def streaming(item: Any, media: str) -> Contract:
    schemas = {
        "A": {"type": "object", "properties": {"t": {"type": "string"}, "x": {"type": "integer"}}},
        "U": {
            "oneOf": [{"$ref": "#/components/schemas/A"}],
            "discriminator": {"propertyName": "t", "mapping": {"a": "#/components/schemas/A"}},
        },
    }
    return contract(
        schemas=schemas, response={"content": {media: {"itemSchema": item}}}, grammars={THING: STREAMS}
    )


@pytest.mark.parametrize(
    ("media", "item", "framing", "terminator"),
    [
        ("application/stream+json", {"$ref": "#/components/schemas/U"}, "ndjson", None),
        ("application/jsonl", {"$ref": "#/components/schemas/U"}, "ndjson", None),
        (
            "text/event-stream",
            {
                "type": "object",
                "properties": {
                    "data": {"type": "string", "contentSchema": {"$ref": "#/components/schemas/U"}}
                },
            },
            "sse",
            "[END]",
        ),
    ],
    ids=["stream+json", "jsonl", "sse"],
)
def test_an_item_schema_is_a_stream(media: str, item: Any, framing: str, terminator: str | None) -> None:
    declared = streaming(item, media).operations[THING].responses["200"].media[media]
    assert declared.events is not None
    assert (declared.framing, declared.body, declared.events.tag, declared.events.terminator) == (
        framing,
        None,
        "t",
        terminator,
    )
    assert list(declared.events.branches) == ["a"]
    compiled = declared.events.branches["a"].compiled
    assert [compiled.is_valid(value) for value in ({"t": "a", "x": 1}, {"t": "a", "x": "1"})] == [True, False]


def test_requests_are_judged_by_a_document_of_their_own() -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
    }
    request = {"content": {"application/json": {"schema": schema}}}
    strict = document(schema, request=request)
    loose = document(schema, request=request, **{"x-null-for-optional": True})
    bodies: list[dict[str, Any]] = [{"a": "x"}, {"a": "x", "b": None}, {"a": None}]

    def accepts(made: Contract) -> tuple[list[bool], list[bool]]:
        operation = made.operations[THING]
        assert operation.request is not None
        sent = operation.request.media["application/json"].compiled
        answer = operation.responses["200"].media["application/json"].body
        assert answer is not None
        return [sent.is_valid(one) for one in bodies], [answer.compiled.is_valid(one) for one in bodies]

    assert accepts(compile_contract(strict, {})) == ([True, False, False], [True, False, False])
    assert accepts(compile_contract(strict, {}, requests=loose)) == (
        [True, True, False],
        [True, False, False],
    )


# -- digests


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": [3, 4]}}) == digest({"b": {"d": [3, 4], "c": 2}, "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert len(digest({})) == 12


def test_the_digest_of_an_operation_depends_on_what_it_leads_to() -> None:
    schemas = {"A": {"items": {"$ref": "#/components/schemas/B"}}, "B": {"type": "string"}, "C": {}}
    base = document({"$ref": "#/components/schemas/A"}, schemas=schemas)

    def digest_of(*actions: Action, requests: bool = False) -> str:
        changed = apply(base, [Amendment("a.b", "document-defect", "r", "e", actions)])
        made = compile_contract(base, {}, requests=changed) if requests else compile_contract(changed, {})
        return made.operations[THING].digest

    same = digest_of()
    assert digest_of(Action("$.components.schemas.C", update={"type": "string"})) == same
    assert digest_of(Action("$.components.schemas.B", update={"maxLength": 1})) != same
    assert digest_of(Action("$.paths['/v1/thing'].post", update={"deprecated": True})) != same
    request = {"requestBody": {"content": {"application/json": {"schema": {}}}}}
    assert digest_of(Action("$.paths['/v1/thing'].post", update=request), requests=True) != same
    grammars = {THING: STREAMS}
    assert compile_contract(base, grammars).operations[THING].digest != same


def test_only_what_an_amendment_reaches_is_judged_twice(published: Contract, amended: Contract) -> None:
    same = {
        label
        for label in published.operations
        if published.operations[label].digest == amended.operations[label].digest
    }
    assert "POST /v1/tokenize" not in same, "its header is declared by an amendment"
    assert same
    for label in same:
        theirs, ours = published.operations[label], amended.operations[label]
        assert {status: one.media.keys() for status, one in theirs.responses.items()} == {
            status: one.media.keys() for status, one in ours.responses.items()
        }


def test_the_digest_of_a_contract_is_that_of_its_document(declarations: Declarations) -> None:
    assert declarations.contract().digest == digest(declarations.amended)
    assert declarations.contract(as_published=True).digest == digest(declarations.published)
    assert digest(declarations.amended) != digest(declarations.published)


# -- loading


def test_another_folder_of_the_same_layout_is_read(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"openapi\.yaml: cannot be read"):
        load_declarations(tmp_path)
    assert load_declarations(folder("contracts")) == load_declarations()


def test_some_amendments_alone_make_a_contract(declarations: Declarations) -> None:
    embed = [one for one in declarations.amendments if one.id == "embed.api-version"]
    made = declarations.contract_with(embed)
    answer = made.document["components"]["schemas"]["EmbedByTypeAnswer"]
    assert "api_version" not in answer["required"]
    assert declarations.contract_with(()).digest == declarations.contract(as_published=True).digest


def test_the_headers_that_the_shipped_contract_declares(amended: Contract) -> None:
    declared = {
        name
        for operation in amended.operations.values()
        for response in operation.responses.values()
        for name in response.headers
    }
    assert declared == {"x-api-warning", "num_tokens", "num_chars"}
