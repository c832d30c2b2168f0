"""An OpenAPI schema as a JSON Schema: it accepts and refuses the same, and errors name the leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohere_conformance.contract.overlay import apply
from cohere_conformance.contract.schema import Schema, Translator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Declarations

HERE = "#/components/schemas"


def translated(source: Schema, schemas: Schema | None = None, **options: bool) -> Schema:
    return Translator({"components": {"schemas": schemas or {}}}, **options).schema(source)


def errors(
    source: Schema, value: Any, schemas: Schema | None = None, **options: bool
) -> list[tuple[str, str]]:
    """Return where a value is wrong and the keyword that says so."""
    schema = translated(source, schemas, **options)
    found = jsonschema_rs.Draft202012Validator(schema, validate_formats=True).iter_errors(value)
    return sorted(
        ("/".join(str(token) for token in error.instance_path), str(error.schema_path[-1])) for error in found
    )


def obj(*required: str, **properties: Any) -> Schema:
    named = {name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()}
    return {"type": "object", "properties": named} | ({"required": list(required)} if required else {})


# -- objects are closed


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        (obj(a="string"), {"a": "x"}, []),
        (obj(a="string"), {"a": "x", "b": 1, "c": 2}, [("", "additionalProperties")]),
        ({"properties": {"a": {"type": "string"}}}, {"b": 1}, [("", "additionalProperties")]),
        ({"properties": {"a": {"type": "string"}}}, "no object", [("", "type")]),
        (obj(a="string") | {"additionalProperties": True}, {"b": 1}, []),
        (obj(a="string") | {"additionalProperties": {"type": "string"}}, {"b": 1}, [("b", "type")]),
        ({"type": "object", "additionalProperties": False}, {"b": 1}, [("", "additionalProperties")]),
        ({"type": "object"}, {"b": 1}, []),
        (obj("a", a="string"), {}, [("", "required")]),
        (obj(a=obj(b="string")), {"a": {"c": 1}}, [("a", "additionalProperties")]),
    ],
    ids=[
        "declared",
        "undeclared",
        "type-implied",
        "no-object",
        "open",
        "map",
        "empty",
        "free",
        "required",
        "nested",
    ],
)
def test_an_object_that_names_its_properties_has_no_others(
    source: Schema, value: Any, expected: list[tuple[str, str]]
) -> None:
    assert errors(source, value) == expected


def test_an_object_may_be_left_open() -> None:
    source = obj(a=obj(b="string"))
    assert errors(source, {"x": 1, "a": {"y": 1}}, closed=False) == []
    assert errors(source | {"additionalProperties": False}, {"x": 1}, closed=False) != []


# -- allOf


def test_all_of_is_merged_before_it_is_closed() -> None:
    source = {"allOf": [{"$ref": f"{HERE}/Base"}, obj("b", b="integer"), {"description": "no schema"}]}
    schemas = {"Base": {"allOf": [obj("a", a="string"), obj(deep="string")]}}
    assert errors(source, {"a": "x", "b": 1, "deep": "y"}, schemas) == []
    assert errors(source, {"a": 1, "c": 1}, schemas) == [
        ("", "additionalProperties"),
        ("", "required"),
        ("a", "type"),
    ]
    assert "allOf" not in translated(source, schemas)


def test_all_of_beside_properties_is_merged_with_them() -> None:
    source = {"allOf": [obj("a", a="string")]} | obj("b", b="string")
    assert errors(source, {"a": "x", "b": "y"}) == []
    assert errors(source, {"c": 1}) == [("", "additionalProperties"), ("", "required"), ("", "required")]


def test_a_property_that_two_parts_declare_must_obey_both() -> None:
    source = {"allOf": [obj(a={"type": "string", "minLength": 2}), obj(a={"type": "string", "maxLength": 3})]}
    assert [errors(source, {"a": text}) for text in ("x", "xx", "xxxx")] == [
        [("a", "minLength")],
        [],
        [("a", "maxLength")],
    ]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"allOf": [{"type": "string", "maxLength": 5}, {"maxLength": 3}]}, "four"),
        ({"allOf": [{"type": "string", "maxLength": 5}], "maxLength": 3}, "four"),
        ({"allOf": [{"type": ["object", "null"]}, {"type": "object"}]}, None),
        ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, "a"),
    ],
    ids=["limit", "limit-beside", "type", "enum"],
)
def test_an_assertion_that_two_parts_make_must_hold_twice(source: Schema, value: Any) -> None:
    assert len(errors(source, value)) == 1


def test_all_of_with_a_union_in_it_stays_what_it_is() -> None:
    union = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}
    source = {"allOf": [union, {"description": "of either kind"}]}
    assert [errors(source, value) for value in ("x", [1], ["x"], 1)] == [
        [],
        [],
        [("0", "type")],
        [("", "type")],
    ]


# -- unions

PET = {
    "Cat": obj("kind", kind={"type": "string", "enum": ["cat"]}, lives="integer"),
    "Dog": obj("kind", "name", kind="string", name="string"),
    "Pet": {
        "oneOf": [{"$ref": f"{HERE}/Cat"}, {"$ref": f"{HERE}/Dog"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"cat": f"{HERE}/Cat", "dog": f"{HERE}/Dog", "hound": f"{HERE}/Dog"},
        },
    },
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "cat", "lives": 9}, []),
        ({"kind": "hound", "name": "Rex"}, []),
        ({"kind": "cat", "lives": "many"}, [("lives", "type")]),
        ({"kind": "dog"}, [("", "required")]),
        ({"kind": "dog", "name": "Rex", "lives": 1}, [("", "additionalProperties")]),
        ({"kind": "cow"}, [("kind", "enum")]),
        ({"lives": 9}, [("", "required")]),
        ({"kind": 1}, [("kind", "enum")]),
        ("cat", [("", "type")]),
    ],
    ids=[
        "first",
        "second-name",
        "leaf",
        "required",
        "other-branch",
        "unknown",
        "none",
        "no-word",
        "no-object",
    ],
)
def test_a_tagged_union_is_judged_by_the_branch_of_its_tag(
    value: Any, expected: list[tuple[str, str]]
) -> None:
    assert sorted(set(errors({"$ref": f"{HERE}/Pet"}, value, PET))) == expected


def test_a_branch_that_forgets_its_tag_has_it_from_the_discriminator() -> None:
    schemas = {
        "Cat": obj(lives="integer"),
        "Pet": {
            "oneOf": [{"$ref": f"{HERE}/Cat"}],
            "discriminator": {"propertyName": "kind", "mapping": {"cat": f"{HERE}/Cat"}},
        },
    }
    source = {"type": "array", "items": {"$ref": f"{HERE}/Pet"}}
    value = [{"kind": "cat", "lives": 1}, {"kind": "cat", "x": 1}]
    assert errors(source, value, schemas) == [("1", "additionalProperties")]
    # Nothing is added to a branch alone.
    assert errors({"$ref": f"{HERE}/Cat"}, {"kind": "cat"}, schemas) == [("", "additionalProperties")]


def test_a_discriminator_without_mapping_goes_by_the_names_of_its_branches() -> None:
    schemas = PET | {"Pet": PET["Pet"] | {"discriminator": {"propertyName": "kind"}}}
    assert errors({"$ref": f"{HERE}/Pet"}, {"kind": "Dog", "name": "Rex"}, schemas) == []
    assert errors({"$ref": f"{HERE}/Pet"}, {"kind": "dog", "name": "Rex"}, schemas) == [("kind", "enum")]


def test_a_mapped_value_whose_target_is_no_branch_is_unknown() -> None:
    mapping = {"cat": f"{HERE}/Cat", "dog": f"{HERE}/Dog"}
    schemas = PET | {
        "Pet": {
            "oneOf": [{"$ref": f"{HERE}/Cat"}],
            "discriminator": {"propertyName": "kind", "mapping": mapping},
        }
    }
    assert errors({"$ref": f"{HERE}/Pet"}, {"kind": "dog", "name": "Rex"}, schemas) == [("kind", "enum")]


def test_branches_of_a_tagged_union_are_selected_by_value() -> None:
    translator = Translator({"components": {"schemas": PET}})
    tagged = translator.branches({"$ref": f"{HERE}/Pet"})
    assert tagged is not None
    assert (tagged[0], list(tagged[1])) == ("kind", ["cat", "dog", "hound"])
    assert translator.branches({"$ref": f"{HERE}/Cat"}) is None
    assert translator.branches({"oneOf": [{"type": "string"}]}) is None


@pytest.mark.parametrize("word", ["oneOf", "anyOf"])
def test_a_union_of_different_types_is_judged_by_the_type(word: str) -> None:
    source = {
        word: [
            {"type": "string", "minLength": 2},
            {"type": "array", "items": obj(a="string")},
            obj(b="string"),
        ]
    }
    values: list[Any] = ["xx", "x", [{"a": "x"}], [{"a": 1}], {"b": "x"}, {"a": 1}, 1, None]
    assert [errors(source, value) for value in values] == [
        [],
        [("", "minLength")],
        [],
        [("0/a", "type")],
        [],
        [("", "additionalProperties")],
        [("", "type")],
        [("", "type")],
    ]


def test_a_union_without_a_discriminator_fails_as_one() -> None:
    source = {"oneOf": [obj("a", a="string"), obj("b", b="string")]}
    assert errors(source, {"a": "x"}) == []
    assert errors(source, {"c": 1}) == [("", "oneOf")]
    assert errors({"anyOf": [{"type": "integer"}, {"type": "number"}]}, 1) == []


# -- null


def test_null_for_optional_spares_what_need_not_be_sent() -> None:
    source = obj(
        "a", a="string", b=obj("d", c="integer", d="string"), l={"type": "array", "items": {"type": "string"}}
    )
    values: list[Any] = [
        {"a": "x", "b": None, "l": None},
        {"a": None},
        {"a": "x", "b": {"c": None, "d": None}},
        {"a": "x", "l": [None]},
        {"a": "x", "b": "y"},
        None,
    ]
    assert [errors(source, value, null_for_optional=True) for value in values] == [
        [],
        [("a", "type")],
        [("b/d", "type")],
        [("l/0", "type")],
        [("b", "type")],
        [("", "type")],
    ]
    assert errors(source, {"a": "x", "b": None}) == [("b", "type")]


def test_a_type_may_be_null_by_itself() -> None:
    source = obj("a", a={"type": ["array", "null"], "items": {"type": "string"}})
    assert [errors(source, {"a": value}) for value in (None, ["x"], [1], "x")] == [
        [],
        [],
        [("a/0", "type")],
        [("a", "type")],
    ]


# -- formats


@pytest.mark.parametrize(
    ("source", "fits", "breaks"),
    [
        ({"type": "integer", "format": "int32"}, [0, -(2**31), 2**31 - 1], [2**31, -(2**31) - 1]),
        ({"type": "integer", "format": "int64"}, [2**31, -(2**63), 2**63 - 1], [2**63, -(2**63) - 1]),
        (
            {"type": "string", "format": "int64"},
            ["0", "-12", "1000000000000000000", str(2**63 - 1), str(-(2**63))],
            ["", "-", "1.5", "01", "many", str(2**63), str(-(2**63) - 1), "9" * 19, "1" * 30],
        ),
        ({"type": "string", "format": "uuid"}, ["5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c11"], ["5ab8d1b5"]),
        ({"type": "string", "format": "date-time"}, ["2026-08-20T12:00:00Z"], ["2026-08-20", "yesterday"]),
        ({"type": "string", "format": "uri"}, ["https://example.com/a?b"], ["example.com"]),
        ({"type": "number", "format": "float"}, [1, 1.5, 1e300], []),
        ({"type": "string", "format": "made-up"}, ["anything"], []),
        ({"type": "integer", "minimum": 1, "format": "int32"}, [1], [0, 2**31]),
    ],
    ids=["int32", "int64", "int64-as-text", "uuid", "date-time", "uri", "float", "unknown", "with-minimum"],
)
def test_formats_are_asserted(source: Schema, fits: list[Any], breaks: list[Any]) -> None:
    assert [errors(source, value) for value in fits] == [[] for _ in fits]
    assert [len(errors(source, value)) for value in breaks] == [1 for _ in breaks]


@pytest.mark.parametrize(("name", "high"), [("int32", 2**31 - 1), ("int64", 2**63 - 1)])
@given(st.data())
@settings(deadline=None, max_examples=100)
def test_a_number_as_text_has_the_limits_of_the_number(name: str, high: int, data: st.DataObject) -> None:
    source = {"type": "string", "format": name}
    value = data.draw(st.integers(-2 * high, 2 * high) | st.integers(-12, 12).map(lambda near: high + near))
    assert (errors(source, str(value)) == []) is (-high - 1 <= value <= high)


def test_a_format_says_nothing_about_other_types() -> None:
    assert errors({"type": "string", "format": "uuid"}, 1) == [("", "type")]
    assert errors({"type": "integer", "format": "int32"}, "x") == [("", "type")]


# -- references


def test_a_recursive_schema_is_followed_as_deep_as_the_value_goes() -> None:
    schemas = {
        "Tree": obj("name", name="string", leaves={"type": "array", "items": {"$ref": f"{HERE}/Tree"}})
    }
    value = {"name": "a", "leaves": [{"name": "b", "leaves": [{"name": 1}, {"x": 1, "name": "c"}]}]}
    assert errors({"$ref": f"{HERE}/Tree"}, value, schemas) == [
        ("leaves/0/leaves/0/name", "type"),
        ("leaves/0/leaves/1", "additionalProperties"),
    ]


def test_two_schemas_that_lead_to_each_other_are_followed() -> None:
    schemas = {"A": obj(b={"$ref": f"{HERE}/B"}), "B": obj(a={"$ref": f"{HERE}/A"})}
    assert errors({"$ref": f"{HERE}/A"}, {"b": {"a": {"b": {"c": 1}}}}, schemas) == [
        ("b/a/b", "additionalProperties")
    ]


def test_only_what_a_schema_leads_to_comes_with_it() -> None:
    schemas = {"A": obj(b={"$ref": f"{HERE}/B"}), "B": {"type": "string"}, "C": {"type": "integer"}}
    translator = Translator({"components": {"schemas": schemas}})
    translator.schema({"$ref": f"{HERE}/C"})
    assert sorted(translator.schema({"$ref": f"{HERE}/A"})["$defs"]) == ["A", "B"]
    assert "$defs" not in translator.schema({"type": "string"})


def test_assertions_beside_a_reference_hold_too() -> None:
    source = {"$ref": f"{HERE}/A", "maxLength": 3, "description": "no assertion"}
    assert errors(source, "four", {"A": {"type": "string"}}) == [("", "maxLength")]


def test_the_given_document_stays_as_it_was(declarations: Declarations) -> None:
    before = apply(declarations.published, ())
    translator = Translator(declarations.published, null_for_optional=True)
    for name in declarations.published["components"]["schemas"]:
        translator.schema({"$ref": f"{HERE}/{name}"})
    assert declarations.published == before


# -- what the shipped documents ask for

TRANSLATED = frozenset(
    "$ref type enum const required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength "
    "maxLength pattern minItems maxItems uniqueItems minProperties maxProperties properties items "
    "additionalProperties allOf oneOf anyOf discriminator format".split()
)
SAYING_NOTHING = frozenset(
    "description title default deprecated readOnly writeOnly example examples contentMediaType "
    "contentSchema".split()
)
BESIDE_A_REFERENCE = TRANSLATED - {
    *"properties items additionalProperties allOf oneOf anyOf discriminator format".split()
}


def schemas_of(node: Any) -> Iterator[Schema]:
    """Yield every schema of a document, parts of schemas included."""
    if isinstance(node, list):
        for value in node:
            yield from schemas_of(value)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in {"schema", "itemSchema"}:
            yield from parts_of(value)
        elif key == "schemas":
            for schema in value.values():
                yield from parts_of(schema)
        elif key not in {"example", "examples"}:
            yield from schemas_of(value)


def parts_of(schema: Any) -> Iterator[Schema]:
    yield schema
    if not isinstance(schema, dict):
        return
    for word in ("items", "additionalProperties", "contentSchema"):
        if isinstance(schema.get(word), dict):
            yield from parts_of(schema[word])
    for part in schema.get("properties", {}).values():
        yield from parts_of(part)
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(word, ()):
            yield from parts_of(part)


def test_no_shipped_schema_says_what_the_translation_would_lose(declarations: Declarations) -> None:
    tolerant = apply(declarations.amended, declarations.tolerances)
    for document in (declarations.published, declarations.amended, tolerant):
        every = list(schemas_of(document))
        assert len(every) > 500
        assert {type(schema) for schema in every} == {dict}
        assert {word for schema in every for word in schema} <= TRANSLATED | SAYING_NOTHING
        referring = [schema for schema in every if "$ref" in schema]
        assert {word for schema in referring for word in schema} <= BESIDE_A_REFERENCE | SAYING_NOTHING
        assert not [schema for schema in every if "oneOf" in schema and "anyOf" in schema]


def test_no_shipped_schema_has_a_format_that_means_nothing(declarations: Declarations) -> None:
    asserted = {"date-time", "uri", "uuid", "int32", "int64"}
    about_precision_or_encoding = {"float", "double", "binary"}
    published_so = {"string"}  # of the model of an embed job
    formats = {schema["format"] for schema in schemas_of(declarations.amended) if "format" in schema}
    assert formats <= asserted | about_precision_or_encoding | published_so
