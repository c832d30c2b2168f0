"""What is wrong with an OpenAPI document: the same as openapi-spec-validator says, sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV32SpecValidator

from cohere_conformance.contract import validity
from cohere_conformance.contract.validity import document_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    import jsonschema

    from cohere_conformance.contract import Contract

SCHEMAS: dict[str, Any] = {
    "no-schema": 7,
    "unknown-type": {"type": "text"},
    "required-is-a-text": {"required": "a"},
    "empty-union": {"items": {"anyOf": []}},
    "number-below": {"properties": {"a": {"properties": {"b": {"minimum": "0"}}}}},
    "pattern": {"properties": {"a": {"pattern": "("}}},
    "comment": {"$comment": 7},
    "schema-of-a-map": {"additionalProperties": []},
    "vocabulary-of-openapi": {"xml": {"nodeType": 1}},
    "default": {"properties": {"a": {"type": "integer", "default": "x"}}},
    "required-undeclared": {"allOf": [{"properties": {"a": {}}}], "required": ["b"]},
    "two-mistakes": {"type": "text", "required": "a"},
}


def document(schema: Any, **further: Any) -> dict[str, Any]:
    info = {"title": "t", "version": "1"}
    return {"openapi": "3.2.0", "info": info, "components": {"schemas": {"A": schema}}, **further}


def shown(errors: Iterable[jsonschema.ValidationError]) -> list[tuple[str, list[str | int]]]:
    return [(error.message, list(error.absolute_path)) for error in errors]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_errors_are_those_of_the_slow_validator(name: str) -> None:
    broken = document(SCHEMAS[name])
    found = shown(document_errors(broken))
    assert found
    assert found == shown(OpenAPIV32SpecValidator(broken).iter_errors())


@pytest.mark.parametrize("dialect", ["https://json-schema.org/draft/2020-12/schema", "http://192.0.2.1/mine"])
def test_another_dialect_is_not_taken_for_that_of_openapi(dialect: str) -> None:
    foreign = document({"xml": 7}, jsonSchemaDialect=dialect)
    assert shown(document_errors(foreign)) == shown(OpenAPIV32SpecValidator(foreign).iter_errors())


def test_a_valid_schema_is_never_looked_at_by_the_slow_validator(
    published: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(validity.OAS32Validator, "check_schema", slow)
    assert not list(document_errors(published.document))


def test_without_the_compiled_validator_the_errors_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validity, "_compiled", lambda: None)
    assert not list(document_errors(document({"type": "string"})))
    assert list(document_errors(document({"type": "text"})))
