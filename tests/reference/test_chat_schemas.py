"""Instances of schemas and patterns: what replies in JSON and arguments of tool calls are filled with."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from cohere_conformance.reference.chat import patterns, schemas


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"[A-Z]{2}\d{3}", "AA444"),
        (r"(red|blue)-\w+", "red-a"),
        (r"[^@\s]+@[a-z]+\.com", "a@a.com"),
        ("x{,3}y*z?", "xyz"),
        ("(?=x)y", None),
        (r"(a)\1", None),
        ("[", None),
        ("(" * 400 + "a" + ")" * 400, None),
        ("a{9999}", None),
    ],
)
def test_simple_patterns_get_a_text_and_others_an_error(pattern: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(ValueError, match=r"pattern|expression|group|reference|written|made up"):
            patterns.sample(pattern)
    else:
        assert patterns.sample(pattern) == text


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"$ref": "#"}]},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/none"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"enum": []},
        {"type": "array", "minItems": 500},
    ],
)
def test_a_schema_without_an_instance_is_an_error(schema: dict[str, Any]) -> None:
    with pytest.raises(schemas.UnfillableError):
        schemas.instance(schema, schemas.Hints("Marlene was built in 1987"))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 2000, "exclusiveMaximum": 2002},
        {"type": "number", "multipleOf": 0.5, "maximum": 3},
        {"type": "array", "items": {"enum": ["b", "a"]}, "minItems": 3},
        {"oneOf": [{"type": "null"}, {"type": "string", "minLength": 30}]},
        {"allOf": [{"properties": {"a": {"const": 7}}}, {"required": ["a"], "type": "object"}]},
        {"type": "object", "required": ["b"], "additionalProperties": {"type": "boolean"}},
        {"type": "string", "format": "time"},
        {"properties": {"email": {"type": "string", "format": "email"}}, "type": "object"},
    ],
)
def test_arguments_obey_schemas_that_replies_in_json_may_not_have(schema: dict[str, Any]) -> None:
    value = schemas.instance(schema, schemas.Hints("Marlene was built in 1987, not for sale"))
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert validator.is_valid(value), value


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("How good were the sales on September 29?", "2026-09-29"),
        ("Good sales on the 3rd of March, and on 4 May 2024.", "2026-03-03"),
        ("How were the sales on September 29 2023?", "2023-09-29"),
        ("How were the sales in room 12, on 31 February?", "2026-01-01"),
        ("How good were the sales?", "2026-01-01"),
    ],
)
def test_a_string_described_as_a_date_is_a_date(text: str, day: str) -> None:
    schema = {"type": "string", "description": "Retrieves the sales of this day, formatted as YYYY-MM-DD."}
    assert schemas.instance(schema, schemas.Hints(text)) == day
    assert schemas.instance(schema | {"maxLength": 4}, schemas.Hints(text)) == day[:4]
