"""Instances that conform to a compiled schema: all properties, all branches, all values of an enum.

Deterministic, because a change that is missed today must be found again tomorrow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mutations.schemas import allowed_types, is_type, parts, tag_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.contract.schema import Schema

UUID = "5f0c6f9a-3d51-4c7e-9a54-0d7f1f6f2b11"
_DEEPEST = 12
_ORDER = ("object", "array", "string", "integer", "number", "boolean", "null")
_TEXTS = ("text", UUID, "2024-02-29T23:59:59.123Z", "12", "0" * 32, "x", "", "x" * 64)
_NUMBERS = (7, 7.0, 0, 1, -1, 1.5, 100)
_FORMATS = {
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "date-time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"),
}


def variants(root: Schema) -> list[Any]:
    """Return instances that together show every branch of the schema; the last one is the smallest.

    Within one instance everything that has several variants is varied at the same time, so there are as many
    instances as the most varied part needs.
    """
    return [*_variants(root, [root], full=True, depth=0), *_variants(root, [root], full=False, depth=0)[:1]]


def _variants(root: Schema, schemas: Sequence[Schema], *, full: bool, depth: int) -> list[Any]:
    plain, conditional = parts(root, schemas)
    otherwise = [node["else"] for node in conditional if "else" in node]
    if otherwise:  # `null` or what is declared, which is all that is ever written so
        null = [None] if _is_allowed(plain, None) else []
        return _variants(root, [*_taken_apart(plain), *otherwise], full=full, depth=depth) + null
    branches = [(node["if"], node["then"]) for node in conditional if "then" in node]
    if branches:
        return _branched(root, plain, branches, full=full, depth=depth)
    enums = [node["enum"] for node in plain if "enum" in node]
    if enums:
        listed = [value for value in enums[0] if all(value in enum for enum in enums)]
        return [value for value in listed if _is_allowed(plain, value)]
    types = allowed_types(plain)
    if types is None:
        return [{"any": ["thing", 1, None]}]
    made: list[Any] = []
    for name in _ORDER:
        if name in types and not (name == "integer" and "number" in types):
            made += _of_type(root, name, plain, full=full, depth=depth)
    return made


def _branched(
    root: Schema,
    plain: Sequence[Schema],
    branches: Sequence[tuple[Schema, Schema]],
    *,
    full: bool,
    depth: int,
) -> list[Any]:
    plain = _taken_apart(plain)
    made: list[Any] = []
    for condition, then in branches:
        tag = tag_of(condition)
        if tag is None:
            narrowed = {"type": condition["type"]}
            made += _variants(root, [*plain, narrowed, then], full=full, depth=depth)
            continue
        for value in condition["properties"][tag]["enum"]:
            one = {"type": "object", "required": [tag], "properties": {tag: {"enum": [value]}}}
            made += _variants(root, [*plain, one, then], full=full, depth=depth)
    return made


def _taken_apart(nodes: Sequence[Schema]) -> list[Schema]:
    """Return the schemas without the combinations that have been followed already."""
    return [{key: value for key, value in node.items() if key not in {"$ref", "allOf"}} for node in nodes]


def _of_type(root: Schema, name: str, plain: Sequence[Schema], *, full: bool, depth: int) -> list[Any]:
    match name:
        case "object":
            return _objects(root, plain, full=full, depth=depth)
        case "array":
            return _arrays(root, plain, full=full, depth=depth)
        case "boolean":
            return [True, False]
        case "null":
            return [None]
    keywords = ("minLength", "maxLength") if name == "string" else ("minimum", "maximum")
    bounds = [
        bound
        for bound in (limit(plain, keywords[0], max), limit(plain, keywords[1], min))
        if bound is not None
    ]
    edges = ["y" * bound for bound in bounds] if name == "string" else bounds
    fitting = [
        value
        for value in (_TEXTS if name == "string" else _NUMBERS)
        if is_type(value, name) and _is_allowed(plain, value)
    ]
    edges = [value for value in edges if _is_allowed(plain, value) and value not in fitting[:2]]
    if not fitting + edges:
        raise ValueError(f"no sample fits {plain}: give `build` one that does")
    return fitting[:2] + edges


def _is_allowed(plain: Sequence[Schema], value: Any) -> bool:
    return all(_allows(node, value) for node in plain)


def _allows(node: Schema, value: Any) -> bool:
    if value not in node.get("enum", [value]):
        return False
    if "type" in node:
        named = [node["type"]] if isinstance(node["type"], str) else node["type"]
        if not any(is_type(value, name) for name in named):
            return False
    if isinstance(value, str):
        pattern, form = node.get("pattern"), _FORMATS.get(node.get("format", ""))
        return (
            node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value))
            and (pattern is None or re.search(pattern, value) is not None)
            and (form is None or form.fullmatch(value) is not None)
        )
    if is_type(value, "number"):
        return (
            node.get("minimum", value) <= value <= node.get("maximum", value)
            and ("exclusiveMinimum" not in node or node["exclusiveMinimum"] < value)
            and ("exclusiveMaximum" not in node or node["exclusiveMaximum"] > value)
            and bool(value % node.get("multipleOf", value or 1) == 0)
        )
    return True


def _objects(root: Schema, plain: Sequence[Schema], *, full: bool, depth: int) -> list[Any]:
    required = [name for node in plain for name in node.get("required", ())]
    named: dict[str, list[Schema]] = {}
    for node in plain:
        for name, schema in node.get("properties", {}).items():
            named.setdefault(name, []).append(schema)
    wanted = [name for name in named if name in required or (full and depth < _DEEPEST)]
    columns = {name: _variants(root, named[name], full=full, depth=depth + 1) for name in wanted}
    maps = [
        node["additionalProperties"] for node in plain if isinstance(node.get("additionalProperties"), dict)
    ]
    if maps and full:
        columns["a/free~key"] = _variants(root, maps, full=full, depth=depth + 1)
    if not columns:
        open_ended = full and not any(node.get("additionalProperties") is False for node in plain)
        return [{"free": "form", "deep": [{"x": 1}]}] if open_ended else [{}]
    height = max(len(column) for column in columns.values())
    return [
        {name: column[row % len(column)] for name, column in columns.items() if column}
        for row in range(height)
    ]


def _arrays(root: Schema, plain: Sequence[Schema], *, full: bool, depth: int) -> list[Any]:
    shortest, longest = limit(plain, "minItems", max) or 0, limit(plain, "maxItems", min)
    items = [node["items"] for node in plain if "items" in node]
    if (longest == 0 or not full) and not shortest:
        return [[]]
    every = _variants(root, items, full=full, depth=depth + 1)
    whole = (every * max(1, shortest))[: longest if longest is not None else None]
    if not full:
        return [whole[:shortest]]
    return [whole] if shortest else [whole, []]


def limit(plain: Sequence[Schema], keyword: str, choose: Any) -> Any:
    """Return the strictest value of a bound, or `None`."""
    bounds = [node[keyword] for node in plain if keyword in node]
    return choose(bounds) if bounds else None
