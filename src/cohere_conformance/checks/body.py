"""Compares one JSON value with one schema: every error at its leaf, at a location without indexes."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.checks.frame import Frame, cut, json_type, shown, value_class
from cohere_conformance.checks.parts import parts
from cohere_conformance.checks.placeholders import is_placeholder
from cohere_conformance.checks.rawjson import TOO_DEEP, TOO_LARGE
from cohere_conformance.checks.selection import MOST
from cohere_conformance.checks.structural import BOUNDS, SchemaError, structural
from cohere_conformance.checks.wording import of_keyword
from cohere_conformance.model import Finding, Kind
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import jsonschema_rs

    from cohere_conformance.checks.parsed import ParsedText
    from cohere_conformance.checks.rawjson import Defect
    from cohere_conformance.contract import Validator

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
        yield from _invalid(frame, validator, value, prefix)


def judge_text(frame: Frame, validator: Validator, text: ParsedText, prefix: str = "") -> Iterator[Finding]:
    """Yield the same for the value of a text; the errors of its structure are found once for many texts."""
    value, learn = text.parsed[0], None
    known = structural(validator) if text.plain else None
    if known is not None and text.skeleton is not None:
        form = text.skeleton.form(known.texts)
        errors = known.errors(form, value)
        if errors is not None:
            for error in errors:
                yield from _findings(frame, error, value, prefix)
            return
        learn = partial(known.learn, form, value)
    if not text.conforms(validator):
        yield from _invalid(frame, validator, value, prefix, learn)


def _invalid(
    frame: Frame,
    validator: Validator,
    value: Any,
    prefix: str,
    learn: Callable[[Sequence[SchemaError]], None] | None = None,
) -> Iterator[Finding]:
    """Yield the deviations of a value that is known to be invalid; `learn` is given all errors of a value."""
    try:
        for part in parts(value, validator.names):
            errors = _errors(validator, part)
            if learn is not None and part is value:
                learn(errors)
            for error in errors:
                yield from _findings(frame, error, part, prefix)
    except (ValueError, RecursionError):  # the validator's own limit, well below that of the JSON parser
        yield from malformed(frame, _malformed_kind(prefix), [TOO_DEEP], prefix)


def _errors(validator: Validator, value: Any) -> list[SchemaError]:
    """Return the errors of a value; that of an enumeration is left out where there is one of the type."""
    errors = list(validator.compiled.iter_errors(value))
    mistyped = {tuple(error.instance_path) for error in errors if error.schema_path[-1] == "type"}
    return [
        _violation(validator.schema, error)
        for error in errors
        if error.schema_path[-1] not in {"enum", "const"} or tuple(error.instance_path) not in mistyped
    ]


def _violation(schema: Any, error: jsonschema_rs.ValidationError) -> SchemaError:
    location, node = located(schema, error.evaluation_path)
    keyword, names = str(error.schema_path[-1]), tuple[str, ...]()
    if keyword == "required":
        names = (error.kind.as_dict()["property"],)
    elif keyword == "additionalProperties":
        names = tuple(error.kind.as_dict()["unexpected"])
    return SchemaError(keyword, tuple(error.instance_path), location, node, names)


def _malformed_kind(prefix: str) -> Kind:
    return Kind.STREAM_MALFORMED if prefix else Kind.BODY_MALFORMED


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


def _findings(frame: Frame, error: SchemaError, value: Any, prefix: str) -> Iterator[Finding]:
    """Yield the findings of an error of a value."""
    keyword, node, location = error.keyword, error.node, prefix + error.location
    for token in error.path:
        value = value[token]
    if isinstance(value, float) and math.isinf(value):  # the validator takes it for null
        yield from malformed(frame, _malformed_kind(prefix), [TOO_LARGE], prefix)
        return
    if keyword == "required":
        yield frame.finding(
            Kind.PROPERTY_MISSING,
            location=f"{location}/{escaped(error.names[0])}",
            expected="a required property",
            observed=f"an object without it (it has {cut(', '.join(sorted(value)) or 'none')})",
        )
        return
    if keyword == "additionalProperties":
        known = f"one of {cut(', '.join(sorted(node.get('properties', ()))) or 'no names at all')}"
        for name in error.names[:MOST]:
            at = f"{location}/{escaped(name)}"
            finding = frame.finding(
                Kind.PROPERTY_UNDOCUMENTED,
                location=at,
                expected=known,
                observed=f"{cut(name)}: {shown(_ordered(value[name]), at)}",
            )
            # More findings of one kind and severity than are stored for one exchange are only counted.
            further = len(error.names) - MOST if name == error.names[:MOST][-1] else 0
            yield msgspec.structs.replace(finding, omitted=further) if further > 0 else finding
        return
    if keyword == "format" and isinstance(value, str) and is_placeholder(value):
        return  # of the recorder, not of the server
    kind, variant = _kind(keyword, node, value)
    yield frame.finding(
        kind,
        location=location,
        expected=of_keyword(keyword, node),
        observed=shown(_ordered(value), location),
        value_class=variant,
    )


def _ordered(value: Any) -> Any:
    """Return a value with the properties of each object in alphabetical order."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(one) for one in value] if isinstance(value, list) else value


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
