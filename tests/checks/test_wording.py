from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cases import shipped_suite
from cohere_conformance.checks.expect import expected
from cohere_conformance.checks.wording import of_keyword, of_schema
from cohere_conformance.model import Exchange, Expectation, Request, Response, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Contract

UNKNOWN = "that satisfies"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (True, "anything"),
        ({}, "anything"),
        (False, "absent"),
        ({"type": "string"}, "a string"),
        ({"type": ["string", "null"]}, "a string or null"),
        ({"type": "string", "minLength": 1}, "a non-empty string"),
        ({"minLength": 2, "maxLength": 5}, "a string of 2 to 5 characters"),
        ({"minItems": 3, "maxItems": 3}, "an array of exactly 3 elements"),
        ({"maxItems": 0}, "an empty array"),
        ({"maxItems": 1}, "an array of at most 1 element"),
        ({"type": "integer", "minimum": 0}, "an integer of at least 0"),
        ({"minimum": 1, "maximum": 2}, "a number from 1 to 2"),
        ({"pattern": "^a$"}, "a string that matches ^a$"),
        ({"format": "uuid"}, "a UUID"),
        ({"const": "x"}, '"x"'),
        ({"not": {"const": "x"}}, 'other than "x"'),
        ({"contains": {"properties": {"id": {"const": 1}}}}, "an array with an element whose id is 1"),
        ({"items": {"type": "number"}, "minItems": 1}, "a non-empty array of elements, each a number"),
        ({"required": ["a", "b"]}, "an object with a, b"),
        ({"properties": {"a": {"const": 1}, "b": False}}, "an object whose a is 1 and without b"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "a string or null"),
        ({"if": {"const": 1}, "then": {"const": 2}}, "2 if it is 1"),
    ],
)
def test_a_schema_is_said_in_english(schema: object, words: str) -> None:
    assert of_schema(schema) == words


@pytest.mark.parametrize(
    ("keyword", "schema", "words"),
    [
        ("type", {"type": ["string", "array"]}, "a string or an array"),
        ("enum", {"enum": ["A", "B"], "type": "string"}, "one of A, B"),
        ("enum", {"enum": ["assistant"]}, "assistant"),
        ("maxItems", {"type": "array", "maxItems": 96}, "an array of at most 96 elements"),
        ("anyOf", {"anyOf": [{}, {}]}, "one of the 2 declared alternatives"),
    ],
)
def test_a_violated_keyword_is_said_without_the_others(
    keyword: str, schema: dict[str, Any], words: str
) -> None:
    assert of_keyword(keyword, schema) == words


def _schemas() -> Iterator[object]:
    for case in shipped_suite().cases:
        for one in (case.expect, *case.profiles.values()):
            if isinstance(one, Expectation):
                yield from (*one.body.values(), *one.headers.values())


def test_every_keyword_of_the_shipped_expectations_has_words() -> None:
    nested = [schema for schema in _schemas() if isinstance(schema, dict) and "const" not in schema]
    assert nested
    assert [schema for schema in nested if UNKNOWN in of_schema(schema)] == []
    assert UNKNOWN in of_schema({"unevaluatedItems": False})


def test_only_what_is_violated_is_said(amended: Contract) -> None:
    schema: dict[str, object] = {
        "properties": {"b": {"properties": {"c": {"type": "string"}, "d": {"const": 1}}}},
        "required": ["b"],
    }
    sent = Exchange(
        Request("POST", "https://api.cohere.com/v2/rerank"),
        Response(200, (("content-type", "application/json"),), b'{"a": {"b": {"c": 5, "d": 1}}}'),
        Source("test"),
    )
    (found,) = expected(amended, sent, Expectation((200,), body={"/a": schema}))
    assert (found.expected, found.observed) == ("an object whose b.c is a string", "5 at /b/c")
