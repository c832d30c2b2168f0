"""Compares one JSON value with one schema: every error at its leaf, at a location without indexes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.checks.frame import Frame, cut, json_type, shown, value_class
from cohere_conformance.checks.parts import parts
from cohere_conformance.checks.placeholders import is_placeholder
from cohere_conformance.checks.rawjson import TOO_DEEP, TOO_LARGE
from cohere_conformance.checks.selection import MOST
from cohere_conformance.checks.wording import of_keyword
from cohere_conformance.model import Finding, Kind
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import jsonschema_rs

    from cohere_conformance.checks.rawjson import Defect
    from cohere_conformance.contract import Validator

BOUNDS = frozenset(
    "minLength maxLength minItems maxItems minProperties maxProperties minimum maximum exclusiveMinimum "
    "exclusiveMaximum multipleOf uniqueItems".split()
)
"""Keywords that limit a value of the right type."""
_KINDS = {
    "required": Kind.PROPERTY_MISSING,
    "additionalProperties": Kind.PROPERTY_UNDOCUMENTED,
    "type": Kind.TYPE_CHANGED,
    "enum": Kind.ENUM_UNKNOWN,
    "const": Kind.ENUM_UNKNOWN,
    "format": Kind.FORMAT_INVALID,
    "pattern": Kind.PATTERN_MISMATCH,
    **dict.fromkeys(BOUNDS, Kind.BOUND_EXCEEDED),
}
_KEYED = frozenset({"properties", "allOf", "oneOf", "anyOf"})


def judge_value(frame: Frame, validator: Validator, value: Any, prefix: str = "") -> Iterator[Finding]:
    """Yield every deviation of the value from the schema.

    Args:
        frame: what the findings have in common.
        validator: the schema.
        value: parsed JSON.
        prefix: of each location: the tag of a stream's event.
    """
    if not validator.compiled.is_valid(value):
        yield from judge_invalid(frame, validator, value, prefix)


def judge_invalid(frame: Frame, validator: Validator, value: Any, prefix: str = "") -> Iterator[Finding]:
    """Yield what `judge_value` yields, for a value that is known to be invalid."""
    try:
        for part in parts(value, validator.names):
            yield from _judged(frame, validator, part, prefix)
    except (ValueError, RecursionError):  # the validator's own limit, well below that of the JSON parser
        yield from malformed(frame, _malformed_kind(prefix), [TOO_DEEP], prefix)


def _judged(frame: Frame, validator: Validator, value: Any, prefix: str) -> Iterator[Finding]:
    errors = list(validator.compiled.iter_errors(value))
    mistyped = {tuple(error.instance_path) for error in errors if error.schema_path[-1] == "type"}
    for error in errors:
        keyword = error.schema_path[-1]
        if keyword in {"enum", "const"} and tuple(error.instance_path) in mistyped:
            continue  # reported as its type
        if error.instance is None and _is_infinite(value, error.instance_path):
            yield from malformed(frame, _malformed_kind(prefix), [TOO_LARGE], prefix)
        else:
            yield from _findings(frame, validator.schema, error, str(keyword), prefix)


def _malformed_kind(prefix: str) -> Kind:
    return Kind.STREAM_MALFORMED if prefix else Kind.BODY_MALFORMED


def _is_infinite(value: Any, path: Sequence[str | int]) -> bool:
    """Return whether the value is a number too large for a double, which the validator takes for null."""
    for token in path:
        value = value[token]
    return isinstance(value, float) and math.isinf(value)


def malformed(frame: Frame, kind: Kind, defects: Sequence[Defect], location: str = "") -> Iterator[Finding]:
    """Yield a finding for each defect of a JSON text."""
    for defect in defects:
        rule = f"{defect.rule}:{defect.subject}" if defect.subject else defect.rule
        yield frame.finding(
            kind,
            location=location,
            expected=defect.expected,
            observed=cut(defect.observed),
            value_class=rule,
        )


def _findings(
    frame: Frame, schema: Any, error: jsonschema_rs.ValidationError, keyword: str, prefix: str
) -> Iterator[Finding]:
    location, node = located(schema, error.evaluation_path)
    location = prefix + location
    value: Any = error.instance
    if keyword == "required":
        missing = error.kind.as_dict()["property"]
        yield frame.finding(
            Kind.PROPERTY_MISSING,
            location=f"{location}/{escaped(missing)}",
            expected="a required property",
            observed=f"an object without it (it has {cut(', '.join(sorted(value)) or 'none')})",
        )
        return
    if keyword == "additionalProperties":
        known = f"one of {cut(', '.join(sorted(node.get('properties', ()))) or 'no names at all')}"
        unexpected = error.kind.as_dict()["unexpected"]
        for name in unexpected[:MOST]:
            at = f"{location}/{escaped(name)}"
            finding = frame.finding(
                Kind.PROPERTY_UNDOCUMENTED,
                location=at,
                expected=known,
                observed=f"{cut(name)}: {shown(value[name], at)}",
            )
            # More findings of one kind and severity than are stored for one exchange are only counted.
            further = len(unexpected) - MOST if name == unexpected[:MOST][-1] else 0
            yield msgspec.structs.replace(finding, omitted=further) if further > 0 else finding
        return
    if keyword == "format" and isinstance(value, str) and is_placeholder(value):
        return  # of the recorder, not of the server
    kind, variant = _kind(keyword, node, value)
    yield frame.finding(
        kind,
        location=location,
        expected=of_keyword(keyword, node),
        observed=shown(value, location),
        value_class=variant,
    )


def _kind(keyword: str, node: Any, value: Any) -> tuple[Kind, str]:
    """Return the kind of an error and what distinguishes it from others at its location."""
    kind = _KINDS.get(keyword, Kind.UNION_UNMATCHED)
    if value is None and kind in {Kind.TYPE_CHANGED, Kind.ENUM_UNKNOWN}:
        return Kind.NULL_UNEXPECTED, "null"
    if kind is Kind.ENUM_UNKNOWN:
        return (Kind.UNION_UNMATCHED if node.get("x-tag") else kind), value_class(value)
    if "x-format" in node:
        return Kind.FORMAT_INVALID, node["x-format"]
    if kind is Kind.BOUND_EXCEEDED:
        return kind, keyword
    if kind is Kind.FORMAT_INVALID:
        return kind, str(node.get("format"))
    return kind, json_type(value)


def located(schema: Any, path: Sequence[str | int]) -> tuple[str, Any]:
    """Follow an evaluation path; return the location without indexes and the schema whose keyword failed."""
    node, location = schema, ""
    tokens = iter(path[:-1])
    for token in tokens:
        if token == "$ref":
            node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
            continue
        node = node[token]
        if token in _KEYED:
            key = next(tokens)
            node = node[key]
            if token == "properties":
                location += f"/{escaped(key)}"
        elif token == "items":
            location += "/*"
        elif token == "additionalProperties":
            location += "/{}"
    return location, node
