"""Errors that are remembered by the skeleton of a text are the errors that each text has by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohere_conformance.checks.body import judge_text, judge_value
from cohere_conformance.checks.frame import Frame
from cohere_conformance.checks.parsed import ParsedText
from cohere_conformance.checks.structural import structural
from cohere_conformance.contract import load_contract, load_declarations
from cohere_conformance.contract.compile import Validator

FRAME = Frame("POST /v2/things", 200)
TAGGED: dict[str, Any] = {"required": ["k"], "properties": {"k": {"enum": ["b", "a"]}}}
ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": "string", "maxLength": 2, "pattern": "^[a-y]*$"},
        "b": {"type": "integer", "minimum": 0},
        "k": {"enum": ["a", "b", 1]},
        "c": {"type": ["string", "null"], "format": "date"},
    },
    "additionalProperties": False,
}
SCHEMAS: list[dict[str, Any]] = [
    ITEM,
    {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    {"type": "object", "additionalProperties": {"$ref": "#/$defs/Item"}, "$defs": {"Item": ITEM}},
    {
        "type": "object",
        "required": ["k"],
        "properties": {"k": {"enum": ["a", "b"], "x-tag": True}},
        "allOf": [
            {"if": TAGGED, "then": ITEM},
            {"if": {"type": "string"}, "then": {"maxLength": 1}},
        ],
    },
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats(-2, 3).map(lambda number: round(number, 1))
    | st.sampled_from(["", "a", "b", "z", "abc", "2026-11-30", 'a"', "\\", "é"])
)
NAMES = st.sampled_from(["a", "b", "c", "k", "d"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=8,
)


def varied(value: Any, draw: st.DataObject) -> Any:
    """Return a value whose texts and numbers may be other ones."""
    match value:
        case bool() | None:
            return value
        case str():
            return draw.draw(st.sampled_from([value, "a", "zz", "abc", "2026-13-01"]))
        case int() | float():
            return draw.draw(st.sampled_from([value, 1, 1.0, -1, 2.5, 1e3]))
        case list():
            return [varied(one, draw) for one in value]
        case _:
            return {name: varied(one, draw) for name, one in value.items()}


@given(st.sampled_from(SCHEMAS), VALUES, st.data())
def test_remembered_errors_are_those_of_each_text(schema: Any, value: Any, data: st.DataObject) -> None:
    validator = Validator(schema)
    assert structural(validator) is not None
    for other in [value, value, *(varied(value, data) for _ in range(3))]:
        text = ParsedText(json.dumps(other), alike=True)
        assert [*judge_text(FRAME, validator, text)] == [*judge_value(FRAME, validator, other)]


def test_a_structure_is_judged_once() -> None:
    validator = Validator(ITEM)
    known = structural(validator)
    assert known is not None
    for number in range(3):
        text = ParsedText(json.dumps({"b": number, "d": f"text {number}"}), alike=True)
        found = {one.location: one.observed for one in judge_text(FRAME, validator, text)}
        assert found == {"/a": "an object without it (it has b, d)", "/d": f'd: "text {number}"'}
    assert text.skeleton is not None
    errors = known.errors(text.skeleton.form(known.texts), text.parsed[0])
    assert errors is not None
    assert {one.keyword for one in errors} == {"required", "additionalProperties"}
    assert known.errors(text.skeleton.form(known.texts), {"b": -1, "d": ""}) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"properties": {"a": {"anyOf": [{"type": "string"}]}}},
        {"allOf": [{"if": {"type": "integer"}, "then": {"required": ["a"]}}]},
        {"if": {"properties": {"a": {"enum": [1]}}}, "then": {"required": ["b"]}},
        {"enum": ['a "quoted" text']},
        {"not": {"required": ["a"]}},
    ],
)
def test_where_more_than_the_skeleton_decides_nothing_is_remembered(schema: Any) -> None:
    assert structural(Validator(schema)) is None


def test_every_schema_of_a_response_is_understood() -> None:
    for contract in (load_contract(), load_declarations().contract(as_published=True)):
        for operation in contract.operations.values():
            bodies = [
                media.body for declared in operation.responses.values() for media in declared.media.values()
            ]
            assert all(structural(body) for body in bodies if body is not None)


def test_an_object_is_shown_with_its_properties_in_alphabetical_order() -> None:
    for _ in range(3):
        text = ParsedText('{"a": "", "d": {"z": [{"y": 1, "x": 2}], "b": 3}}', alike=True)
        (found,) = judge_text(FRAME, Validator(ITEM), text)
        assert found.observed == 'd: {"b": 3, "z": [{"x": 2, "y": 1}]}'
