"""The elements of an operation, and those that an exchange shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import JSON, NDJSON, SSE, block, chat_v2, contract, document, events, exchange, lines, sse

from cohere_conformance.checks.exercised import exercised, exercised_with_keywords
from cohere_conformance.contract.compile import compile_contract
from cohere_conformance.contract.elements import declared, declared_keywords
from cohere_conformance.data import folder
from cohere_conformance.model import Aspect, Element, Exchange
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.contract import Contract

THING = "POST /v1/thing"
CHAT = "POST /v2/chat"
SCHEMAS: dict[str, Any] = {
    "Cat": {
        "type": "object",
        "properties": {"type": {"type": "string"}, "lives": {"type": "integer", "enum": [7, 9]}},
    },
    "Dog": {
        "type": "object",
        "properties": {"type": {"type": "string"}, "good": {"type": "boolean", "enum": [True]}},
    },
    "Wild": {
        "type": "object",
        "properties": {"type": {"type": "string"}},
        "additionalProperties": {"type": "string", "enum": ["", "x", None]},
    },
    "Pet": {
        "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Cat", "Dog", "Wild")],
        "discriminator": {
            "propertyName": "type",
            "mapping": {name.lower(): f"#/components/schemas/{name}" for name in ("Cat", "Dog", "Wild")},
        },
    },
    "Tree": {
        "type": "object",
        "properties": {
            "leaf": {"type": "string"},
            "twigs": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        },
    },
}
EITHER = {
    "oneOf": [
        {"type": "number", "enum": [1.5, 2]},
        {"type": "array", "items": {"type": "string", "enum": ["a"]}},
        {"type": "object", "properties": {"a/b": {"type": "null"}}},
    ]
}


def pet(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


PETS = {"type": "array", "items": pet("Pet")}


def names(elements: Iterable[Element], aspect: Aspect | None = None) -> set[str]:
    return {each.name for each in elements if aspect in {None, each.aspect}}


def examples(name: str) -> list[Exchange]:
    found = parse_recording(str(folder("cassettes") / "examples" / f"{name}.jsonl"))
    return [each for each in found if isinstance(each, Exchange)]


# -- what is declared


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "enum": ["a", "b"]}, {" = a", " = b"}),
        ({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, set()),
        ({"type": "object", "properties": {"a~b": {"const": 3}}}, {"/a~0b", "/a~0b = 3"}),
        (EITHER, {"/a~1b", " = 1.5", " = 2", "/* = a"}),
        ({"type": "object", "additionalProperties": EITHER["oneOf"][2]}, {"/{}", "/{}/a~1b"}),
        (pet("Tree"), {"/leaf", "/twigs"}),
        ({"anyOf": [pet("Tree"), {"properties": {"leaf": {"enum": [7]}}}]}, {"/leaf", "/leaf = 7", "/twigs"}),
        (
            PETS,
            {
                *("/*/type", "/*/type = cat", "/*/type = dog", "/*/type = wild", "/*/lives", "/*/lives = 7"),
                *("/*/lives = 9", "/*/good", "/*/good = true", "/*/{}", '/*/{} = ""', "/*/{} = x"),
            },
        ),
    ],
    ids=["values", "numbers", "constant", "types", "free-keys", "recursive", "any-of", "tagged"],
)
def test_every_place_of_a_body_is_declared(schema: dict[str, Any], expected: set[str]) -> None:
    made = contract(schema, schemas=SCHEMAS)
    assert names(declared(made.operations[THING])) == expected | {"200"}


def test_statuses_are_named_as_they_are_declared() -> None:
    source = document()
    source["paths"]["/v1/thing"]["post"]["responses"] = {
        status: {"description": "It."} for status in ("201", "2XX", "302", "404", "4XX", "500", "default")
    }
    made = compile_contract(source, {})
    assert names(declared(made.operations[THING])) == {"201", "2XX", "404", "4XX"}
    shown = {
        status: names(exercised(made, exchange(THING, {}, status=status))) for status in (201, 204, 404, 409)
    }
    assert shown == {201: {"201"}, 204: {"2XX"}, 404: {"404"}, 409: {"4XX"}}
    assert not any(exercised(made, exchange(THING, {}, status=status)) for status in (0, 302, 500, 503))


def bare(elements: Iterable[Element]) -> frozenset[Element]:
    """Return elements by operation, aspect and name."""
    return frozenset(msgspec.structs.replace(element, declaration="") for element in elements)


def test_one_declaration_may_have_many_locations(amended: Contract) -> None:
    versions = {
        element.declaration
        for label in ("POST /v2/embed", "POST /v2/rerank", "POST /v1/tokenize")
        for element in declared(amended.operations[label])
        if element.name == "/meta/api_version/version"
    }
    assert len(versions) == 1
    assert versions == {"MetaApiVersion/version"}


def test_the_shipped_contract(amended: Contract) -> None:
    chat = bare(declared(amended.operations[CHAT]))
    assert {
        Element(CHAT, Aspect.STATUS, "200"),
        Element(CHAT, Aspect.STATUS, "429"),
        Element(CHAT, Aspect.PROPERTY, "/message/content/*/text"),
        Element(CHAT, Aspect.PROPERTY, "<message-end>/delta/usage"),
        Element(CHAT, Aspect.EVENT, "tool-call-delta"),
        Element(CHAT, Aspect.ENUM_VALUE, "/message/content/*/type = thinking"),
        Element(CHAT, Aspect.ENUM_VALUE, "<message-end>/delta/finish_reason = ERROR"),
    } <= chat
    assert "<message-end>/type" in names(chat, Aspect.PROPERTY)
    assert not [name for name in names(chat, Aspect.ENUM_VALUE) if name.startswith("<message-end>/type =")]


# -- what is shown


@pytest.mark.parametrize(
    ("schema", "body", "expected"),
    [
        (EITHER, 2, {" = 2"}),
        (EITHER, ["a", "b"], {"/* = a"}),
        (EITHER, {"a/b": 3, "c": 4}, {"/a~1b"}),
        (
            pet("Pet"),
            {"type": "cat", "lives": 9, "good": True},
            {"/type", "/type = cat", "/lives", "/lives = 9"},
        ),
        (pet("Pet"), {"type": "wild", "lives": ""}, {"/type", "/type = wild", "/{}", '/{} = ""'}),
        (pet("Pet"), {"type": ["cat"], "lives": 9}, {"/type"}),
        (pet("Pet"), {"lives": 9}, set()),
        (pet("Pet"), "cat", set()),
        ({"type": "string", "enum": ["a"]}, b"{", set()),
        (PETS, [{"type": "dog"}, {"type": "cat"}], {"/*/type", "/*/type = dog", "/*/type = cat"}),
        (pet("Tree"), {"twigs": [{"leaf": "", "twigs": []}]}, {"/twigs"}),
        ({"properties": {"a": {"type": "string", "enum": ["null"]}}}, {"a": None}, {"/a"}),
    ],
)
def test_only_the_branch_that_is_meant_is_shown(
    schema: dict[str, Any], body: Any, expected: set[str]
) -> None:
    made = contract(schema, schemas=SCHEMAS)
    assert names(exercised(made, exchange(THING, body))) == expected | {"200"}


STREAM = [*chat_v2(*block("Hi")), {"type": "unheard-of", "index": 0}, {"index": 0}]
SHOWN = {
    *("200", "message-start", "content-start", "content-delta", "content-end", "message-end"),
    *("<message-start>/id", "<message-start>/delta/message/role = assistant", "<content-delta>/index"),
    *("<content-start>/delta/message/content/type = text", "<message-end>/delta/finish_reason = COMPLETE"),
    *("<content-delta>/delta/message/content/text", "<message-end>/delta/usage/tokens/input_tokens"),
}


@pytest.mark.parametrize(
    "made",
    [
        exchange(CHAT, sse(STREAM), headers=SSE),
        exchange(CHAT, sse(STREAM), headers=()),
        exchange(CHAT, lines(STREAM), headers=NDJSON),
        exchange(CHAT, lines(STREAM), headers=(("content-type", "text/plain"),)),
        exchange(CHAT, headers=SSE, events=events(STREAM)),
        exchange(CHAT, headers=JSON, events=events(STREAM)),
    ],
    ids=["sse", "no-headers", "lines", "other-type", "recorded", "recorded-as-json"],
)
def test_a_stream_shows_the_same_in_every_framing(amended: Contract, made: Exchange) -> None:
    shown = exercised(amended, made)
    assert shown == exercised(amended, exchange(CHAT, sse(STREAM), headers=SSE))
    assert names(shown) >= SHOWN
    assert names(shown, Aspect.EVENT) == {each["type"] for each in chat_v2(*block("Hi"))}
    assert not [name for name in names(shown) if name.startswith("/")]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (exchange(CHAT, {"id": "1", "message": {}}, status=404), {"404"}),
        (exchange(CHAT, {"id": "1"}, status=302), set()),
        (exchange(CHAT, b"\xff{", headers=JSON), {"200"}),
        (exchange(CHAT, b"7", headers=SSE), {"200"}),
        (exchange(CHAT, None, headers=()), {"200"}),
        (exchange(CHAT, [[{"id": 1}]]), {"200"}),
        (exchange("POST /v2/nowhere", {"id": "1"}), set()),
        (exchange("POST https://example.com/v2/chat", {"id": "1"}), set()),
    ],
    ids=["refused", "undeclared", "no-json", "no-stream", "no-body", "other", "no-operation", "no-api"],
)
def test_what_shows_little(amended: Contract, made: Exchange, expected: set[str]) -> None:
    assert names(exercised(amended, made)) == expected


@pytest.mark.parametrize("name", ["conforming", "deviating"])
def test_what_is_shown_is_declared(amended: Contract, published: Contract, name: str) -> None:
    for made in (amended, published):
        known = {each for operation in made.operations.values() for each in declared(operation)}
        assert all(exercised(made, each) <= known for each in examples(name))


def test_the_examples_show_every_operation_succeed(amended: Contract) -> None:
    shown = bare(element for each in examples("conforming") for element in exercised(amended, each))
    statuses = {Element(label, Aspect.STATUS, "200") for label in amended.operations}
    assert statuses <= shown
    assert {
        Element("POST /v2/rerank", Aspect.PROPERTY, "/results/*/relevance_score"),
        Element("POST /v1/classify", Aspect.PROPERTY, "/classifications/*/labels/{}/confidence"),
        Element("POST /v1/chat", Aspect.EVENT, "stream-end"),
        Element("GET /v1/models", Aspect.ENUM_VALUE, "/models/*/endpoints/* = chat"),
    } <= shown


VECTORS: dict[str, Any] = {
    "type": "object",
    "required": ["id", "a/b"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "a/b": {"type": ["integer", "null"], "minimum": 1},
        "vectors": {"type": "array", "minItems": 1, "items": {"type": "array", "items": {"type": "number"}}},
    },
}


@pytest.mark.parametrize(
    ("body", "tested"),
    [
        ([], set()),
        ({}, {": type object", ": required id", ": required a~1b"}),
        ({"id": 7}, set()),
        ({"id": "x"}, {"/id: type string", "/id: format"}),
        ({"a/b": None}, {"/a~1b: null"}),
        ({"a/b": 0}, {"/a~1b: type integer", "/a~1b: minimum"}),
        (
            {"vectors": [[0.5, "x"]]},
            {
                "/vectors: type array",
                "/vectors: minItems",
                "/vectors/*: type array",
                "/vectors/*/*: type number",
            },
        ),
    ],
)
def test_a_keyword_is_shown_by_a_value_that_tests_it(body: Any, tested: set[str]) -> None:
    """Whether a bound is kept is a finding; a type is shown only by a value that has it."""
    of = contract(VECTORS)
    made = exchange(THING, body)
    keywords = declared_keywords(of.operations[THING])
    shown = {one for one in exercised_with_keywords(of, made) if one.aspect is Aspect.KEYWORD}
    assert shown <= keywords
    assert {": type object"} <= names(keywords)
    always = {": type object", ": required id", ": required a~1b"} if isinstance(body, dict) else set()
    assert names(shown) == tested | always
    assert not any(one.aspect is Aspect.KEYWORD for one in exercised(of, made))


def test_the_keywords_of_the_shipped_contract(amended: Contract) -> None:
    words = names(declared_keywords(amended.operations["POST /v2/rerank"]))
    assert {"/results: type array", ": required results", "/results/*/index: type integer"} <= words
    assert len(words) < 60
