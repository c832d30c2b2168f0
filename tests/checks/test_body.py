"""A JSON value compared with a schema: each kind of finding, its location, and its variant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import contract, exchange, reported

from cohere_conformance.checks import judge
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Finding

HERE = "#/components/schemas"
SCHEMAS = {
    "Item": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
            "count": {"type": "integer", "minimum": 0, "maximum": 9},
            "tags": {"type": "array", "maxItems": 2, "uniqueItems": True, "items": {"type": "string"}},
            "a/b~c": {"type": "object", "properties": {"~": {"type": "string"}}},
            "items": {"type": "array", "items": {"$ref": f"{HERE}/Item"}},
        },
    },
    "Cat": {"type": "object", "required": ["kind", "lives"], "properties": {"lives": {"type": "integer"}}},
    "Dog": {"type": "object", "properties": {"kind": {"type": "string"}, "name": {"type": "string"}}},
    "Pet": {
        "oneOf": [{"$ref": f"{HERE}/Cat"}, {"$ref": f"{HERE}/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"cat": f"{HERE}/Cat", "dog": f"{HERE}/Dog"}},
    },
}
THING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "item": {"$ref": f"{HERE}/Item"},
        "list": {"type": "array", "items": {"$ref": f"{HERE}/Item"}},
        "map": {"type": "object", "additionalProperties": {"$ref": f"{HERE}/Item"}},
        "grid": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        "free": {"type": "object"},
        "none": {"type": "object", "additionalProperties": False},
        "mixed": {
            "type": "object",
            "properties": {"x": {"type": "string"}},
            "additionalProperties": {"type": "string"},
        },
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "level": {"enum": [1, 2, None]},
        "const": {"const": "x"},
        "when": {"type": "string", "format": "date-time"},
        "who": {"type": "string", "format": "uuid"},
        "small": {"type": "integer", "format": "int32"},
        "big": {"type": "string", "format": "int64"},
        "maybe": {"type": ["string", "null"]},
        "pet": {"$ref": f"{HERE}/Pet"},
        "pets": {"type": "array", "items": {"$ref": f"{HERE}/Pet"}},
        "either": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "unclear": {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}]},
        "part": {"type": "number", "multipleOf": 0.5, "exclusiveMaximum": 2},
        "api_key": {"type": "string", "maxLength": 3},
    },
}


@pytest.fixture(scope="module")
def things() -> Contract:
    return contract(THING, schemas=SCHEMAS)


def found(things: Contract, body: Any) -> list[Finding]:
    return judge(things, exchange("POST /v1/thing", body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, []),
        ({"item": {}}, [("property-missing", "/item/id", "")]),
        ({"list": [{"id": "ab"}, {}, {}]}, [("property-missing", "/list/*/id", "")]),
        ({"map": {"x": {}, "y": {}}}, [("property-missing", "/map/{}/id", "")]),
        (
            {"item": {"id": "ab", "items": [{"id": "ab", "items": [{}]}]}},
            [("property-missing", "/item/items/*/items/*/id", "")],
        ),
        (
            {"new": 1, "newer": {"deep": 2}},
            [("property-undocumented", "/new", ""), ("property-undocumented", "/newer", "")],
        ),
        (
            {"list": [{"id": "ab", "x": 1}, {"id": "cd", "x": 2}]},
            [("property-undocumented", "/list/*/x", "")],
        ),
        (
            {"none": {"x": 1, "y": 2}},
            [("property-undocumented", "/none/x", ""), ("property-undocumented", "/none/y", "")],
        ),
        ({"item": {"id": "ab", "a/b~c": {"~": 1}}}, [("type-changed", "/item/a~1b~0c/~0", "integer")]),
        ({"item": {"id": "ab", "a/b~c": {"/": 1}}}, [("property-undocumented", "/item/a~1b~0c/~1", "")]),
        ({"free": {"any": [1, None]}}, []),
        (
            {"mixed": {"x": 1, "y": 1, "z": "s"}},
            [("type-changed", "/mixed/x", "integer"), ("type-changed", "/mixed/{}", "integer")],
        ),
        ([], [("type-changed", "", "array")]),
        ("text", [("type-changed", "", "string")]),
        (True, [("type-changed", "", "boolean")]),
        ({"colour": 5}, [("type-changed", "/colour", "integer")]),
        ({"item": {"id": "ab", "count": "3"}}, [("type-changed", "/item/count", "string")]),
        ({"item": {"id": "ab", "count": 3.0}}, []),
        ({"item": {"id": "ab", "count": 3.5}}, [("type-changed", "/item/count", "number")]),
        ({"item": {"id": "ab", "count": True}}, [("type-changed", "/item/count", "boolean")]),
        (
            {"grid": [[1, "x"], [None, 2]]},
            [("null-unexpected", "/grid/*/*", "null"), ("type-changed", "/grid/*/*", "string")],
        ),
        (
            {"grid": [{}, [[]]]},
            [("type-changed", "/grid/*", "object"), ("type-changed", "/grid/*/*", "array")],
        ),
        ({"item": None}, [("null-unexpected", "/item", "null")]),
        ({"colour": None}, [("null-unexpected", "/colour", "null")]),
        ({"const": None}, [("null-unexpected", "/const", "null")]),
        ({"maybe": None, "level": None}, []),
        ({"colour": "green"}, [("enum-unknown", "/colour", '"green"')]),
        ({"level": 3}, [("enum-unknown", "/level", "3")]),
        ({"level": {"x": 1}}, [("enum-unknown", "/level", "object")]),
        ({"const": "y"}, [("enum-unknown", "/const", '"y"')]),
        ({"when": "yesterday"}, [("format-invalid", "/when", "date-time")]),
        ({"who": "5ab8d1b5"}, [("format-invalid", "/who", "uuid")]),
        ({"small": 2**31}, [("format-invalid", "/small", "int32")]),
        ({"small": -(2**31)}, []),
        ({"big": "many"}, [("format-invalid", "/big", "int64")]),
        ({"item": {"id": "a"}}, [("bound-exceeded", "/item/id", "minLength")]),
        ({"item": {"id": "ab", "count": 10}}, [("bound-exceeded", "/item/count", "maximum")]),
        ({"item": {"id": "ab", "count": -1}}, [("bound-exceeded", "/item/count", "minimum")]),
        (
            {"item": {"id": "ab", "tags": ["a", "a", "b"]}},
            [("bound-exceeded", "/item/tags", "maxItems"), ("bound-exceeded", "/item/tags", "uniqueItems")],
        ),
        (
            {"part": 2.25},
            [("bound-exceeded", "/part", "exclusiveMaximum"), ("bound-exceeded", "/part", "multipleOf")],
        ),
        ({"item": {"id": "AB"}}, [("pattern-mismatch", "/item/id", "string")]),
        ({"pet": {"kind": "cat", "lives": "x"}}, [("type-changed", "/pet/lives", "string")]),
        ({"pet": {"kind": "cat", "lives": 1, "name": "x"}}, [("property-undocumented", "/pet/name", "")]),
        ({"pet": {"kind": "cow"}}, [("union-unmatched", "/pet/kind", '"cow"')]),
        ({"pet": {"kind": 1}}, [("union-unmatched", "/pet/kind", "1")]),
        ({"pet": {"kind": None}}, [("null-unexpected", "/pet/kind", "null")]),
        ({"pet": {"lives": 1}}, [("property-missing", "/pet/kind", "")]),
        ({"pet": "cat"}, [("type-changed", "/pet", "string")]),
        ({"pet": None}, [("null-unexpected", "/pet", "null")]),
        (
            {"pets": [{"kind": "cow"}, {"kind": "hen"}, {"kind": "cow"}]},
            [("union-unmatched", "/pets/*/kind", '"cow"'), ("union-unmatched", "/pets/*/kind", '"hen"')],
        ),
        ({"either": ["x", 1]}, [("type-changed", "/either/*", "integer")]),
        ({"either": {}}, [("type-changed", "/either", "object")]),
        ({"either": None}, [("null-unexpected", "/either", "null")]),
        ({"unclear": {}}, [("union-unmatched", "/unclear", "object")]),
    ],
    ids=lambda value: json.dumps(value)[:50] if not isinstance(value, list) or not value else "",
)
def test_what_a_body_deviates_in(things: Contract, body: Any, expected: list[tuple[str, str, str]]) -> None:
    assert reported(found(things, body)) == expected


def test_several_deviations_are_all_reported(things: Contract) -> None:
    body = {"item": {"count": "x", "new": 1}, "colour": "green", "pets": [{"kind": "cat"}, {"kind": "cow"}]}
    assert reported(found(things, body)) == [
        ("enum-unknown", "/colour", '"green"'),
        ("property-missing", "/item/id", ""),
        ("property-missing", "/pets/*/lives", ""),
        ("property-undocumented", "/item/new", ""),
        ("type-changed", "/item/count", "string"),
        ("union-unmatched", "/pets/*/kind", '"cow"'),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"grid": [[1e999]]}', [("body-malformed", "", "number-too-large")]),
        (
            b'{"grid": [[-1e999, null]]}',
            [("body-malformed", "", "number-too-large"), ("null-unexpected", "/grid/*/*", "null")],
        ),
        (b'{"grid": [[1e308]]}', []),
    ],
    ids=["alone", "beside-null", "still-a-double"],
)
def test_a_number_beyond_every_double_is_not_reported_as_null(
    things: Contract, body: bytes, expected: list[tuple[str, str, str]]
) -> None:
    assert reported(found(things, body)) == expected


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        ({"item": {}}, Severity.BREAKING),
        ({"new": 1}, Severity.ADDITIVE),
        ({"colour": "green"}, Severity.BREAKING),
        ({"item": None}, Severity.BREAKING),
        ({"pet": {"kind": "cow"}}, Severity.BREAKING),
        (b"{", Severity.BREAKING),
    ],
    ids=["missing", "undocumented", "enum", "null", "union", "malformed"],
)
def test_only_what_is_too_much_is_harmless(things: Contract, body: Any, severity: Severity) -> None:
    assert {finding.severity for finding in found(things, body)} == {severity}


def test_an_object_that_may_have_nothing_is_closed_at_the_top_too() -> None:
    empty = contract({"type": "object", "additionalProperties": False})
    assert reported(judge(empty, exchange("POST /v1/thing", {"x": 1}))) == [
        ("property-undocumented", "/x", "")
    ]


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1
    return findings[0]


@pytest.mark.parametrize(
    ("body", "expected", "observed"),
    [
        ({"item": {"count": 1}}, "a required property", "an object without it (it has count)"),
        ({"item": {}}, "a required property", "an object without it (it has none)"),
        ({"none": {"x": [1]}}, "one of no names at all", "x: [1]"),
        ({"pet": {"kind": "dog", "age": 3}}, "one of kind, name", "age: 3"),
        ({"colour": "gr\u00fcn"}, "one of red, blue", '"gr\u00fcn"'),
        ({"item": {"id": "ab", "count": "3"}}, "an integer", '"3"'),
        ({"either": 1}, "an array or a string", "1"),
        ({"small": 2**31}, "an integer of 32 bits", "2147483648"),
        ({"when": "x"}, "a date and time (RFC 3339)", '"x"'),
        ({"item": {"id": "ab", "count": 10}}, "a number of at most 9", "10"),
        ({"unclear": {}}, "one of the 2 declared alternatives", "{}"),
        ({"item": None}, "an object", "null"),
        ({"colour": "x" * 500}, "one of red, blue", '"' + "x" * 118 + "…"),
        ({"free": list(range(500))}, "an object", "array of 500"),
        (
            {"api_key": "very secret"},
            "a string of at most 3 characters",
            "a string (withheld: it may be a secret)",
        ),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_expected_and_observed_of_a_finding(
    things: Contract, body: Any, expected: str, observed: str
) -> None:
    finding = only(found(things, body))
    assert (finding.expected, finding.observed) == (expected, observed)
    assert (finding.operation, finding.status, finding.requirement, finding.amendment) == (
        "POST /v1/thing",
        200,
        None,
        None,
    )


# -- identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"list": [{}]}, {"list": [{"id": "ab"}, {"id": "cd"}, {"count": 1}]}),
        ({"map": {"x": {}}}, {"map": {"y": {"count": 1}}}),
        ({"new": 1}, {"new": {"other": "value"}, "map": {}}),
        ({"item": {"id": "ab", "count": "1"}}, {"item": {"count": "2", "id": "cd"}}),
        ({"item": {"id": "a"}}, {"item": {"id": "b"}}),
        ({"when": "x"}, {"when": "2026"}),
    ],
    ids=["position", "key", "value", "order", "bound", "format"],
)
def test_a_fingerprint_depends_on_neither_position_nor_value(things: Contract, one: Any, other: Any) -> None:
    assert only(found(things, one)).fingerprint == only(found(things, other)).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"colour": "green"}, {"colour": "black"}),
        ({"pet": {"kind": "cow"}}, {"pet": {"kind": "hen"}}),
        ({"colour": 1}, {"colour": []}),
        ({"colour": 1}, {"colour": None}),
        ({"item": {"id": "a"}}, {"item": {"id": "AB"}}),
        ({"new": 1}, {"newer": 1}),
        ({"item": {}}, {"list": [{}]}),
    ],
    ids=["enum-value", "tag", "type", "null", "keyword", "name", "location"],
)
def test_a_fingerprint_distinguishes_deviations(things: Contract, one: Any, other: Any) -> None:
    assert only(found(things, one)).fingerprint != only(found(things, other)).fingerprint


def test_a_fingerprint_depends_on_the_operation_and_the_class_of_the_status(amended: Contract) -> None:
    def fingerprint(call: str, status: int) -> str:
        return only(judge(amended, exchange(call, {"message": "m", "x": 1}, status=status))).fingerprint

    chat = fingerprint("POST /v2/chat", 400)
    assert chat == fingerprint("POST /v2/chat", 404)
    assert chat != fingerprint("POST /v2/chat", 500)
    assert chat != fingerprint("POST /v2/embed", 400)
    assert len(chat) == 12


def test_each_deviation_is_reported_once(things: Contract) -> None:
    same = {"colour": "green", "list": [{"id": "a", "x": 1}] * 50, "grid": [["x"] * 50] * 50}
    fingerprints = [finding.fingerprint for finding in found(things, same)]
    assert len(fingerprints) == len(set(fingerprints)) == 4


@pytest.mark.parametrize(
    "body",
    [
        b'{"list": [{"id": "ab", "id": "ab"}, {"id": "ab", "id": "ab"}]}',
        b'{"item": {"id": "ab", "tags": [NaN, NaN]}}',
    ],
    ids=["duplicate-key", "not-a-number"],
)
def test_each_defect_of_the_text_is_reported_once(things: Contract, body: bytes) -> None:
    fingerprints = [finding.fingerprint for finding in found(things, body)]
    assert len(fingerprints) == len(set(fingerprints))


# -- the text itself


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", [("body-malformed", "", "empty")]),
        (b"{", [("body-malformed", "", "truncated")]),
        (b"<p>", [("body-malformed", "", "syntax")]),
        (b"{} x", [("body-malformed", "", "trailing")]),
        (b"\xef\xbb\xbf{}", [("body-malformed", "", "byte-order-mark")]),
        (b'{"colour": "\xff"}', [("body-malformed", "", "utf-8"), ("enum-unknown", "/colour", '"\ufffd"')]),
        (
            b'{"colour": "red", "colour": "green"}',
            [("body-malformed", "", "duplicate-key:colour"), ("enum-unknown", "/colour", '"green"')],
        ),
        (b'{"free": {"x": NaN}}', [("body-malformed", "", "not-a-number:NaN")]),
        (b'{"maybe": "\\ud800"}', [("body-malformed", "", "surrogate")]),
        (b"[" * 100_000, [("body-malformed", "", "too-deep")]),
        (b'{"grid": [[' + b"1" * 5000 + b"]]}", [("body-malformed", "", "number-too-long")]),
        (b'{"grid": [[' + b"1" * 4000 + b"]]}", []),
    ],
    ids=[
        "empty",
        "truncated",
        "syntax",
        "trailing",
        "byte-order-mark",
        "utf-8",
        "duplicate-key",
        "nan",
        "surrogate",
        "too-deep",
        "number-too-long",
        "long-number",
    ],
)
def test_a_malformed_text_is_reported_and_its_value_is_judged(
    things: Contract, body: bytes, expected: list[tuple[str, str, str]]
) -> None:
    assert reported(found(things, body)) == expected


@pytest.mark.parametrize("depth", [100, 250, 300, 900])
@pytest.mark.parametrize("location", ['{"free": {"x": %s}}', '{"new": %s}', "%s"])
def test_a_deep_value_is_judged_or_reported_as_too_deep(things: Contract, depth: int, location: str) -> None:
    body = location % ("[" * depth + "]" * depth)
    assert {kind for kind, _, _ in reported(found(things, body.encode()))} <= {
        "body-malformed",
        "property-undocumented",
        "type-changed",
    }
