"""Every edit of a JSON value that its schema has a word about, and what that word is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cohere_conformance.model import Kind
from mutations.change import ANYTHING, Edit, Expected, escaped, replaced, without
from mutations.schemas import Spot, closed, is_type, parts, spots, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.contract.schema import Schema

UNKNOWN = "x-new/field~1"
_SAMPLES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "string": "x",
    "integer": 7,
    "number": 1.5,
    "array": [],
    "object": {},
}
_BAD_FORMATS: dict[str, list[Any]] = {
    "uuid": [
        "not-a-uuid",
        "5f0c6f9a3d514c7e9a540d7f1f6f2b11",
        "{5f0c6f9a-3d51-4c7e-9a54-0d7f1f6f2b11}",
        "5f0c6f9a-3d51-4c7e-9a54-0d7f1f6f2b1g",
        "5f0c6f9a-3d51-4c7e-9a54-0d7f1f6f2b11\n",
    ],
    "date-time": [
        "yesterday",
        "2024-02-29",
        "2024-02-29T23:59:59",
        "2024-02-30T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-02-29 23:59:59Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T23:59:59+0100",
        "1709251199",
        "2024-02-29T23:59:59Z\n",
    ],
    "int32": [2**31, -(2**31) - 1, 2147483648.0],
    "int64": [2**63, -(2**63) - 1, 1e19],
}
_BAD_INT64_TEXTS = ["12a", "1.5", "", " 1", "1\n", "+1", "٣", str(2**63), str(-(2**63) - 1)]


def edits(root: Schema, value: Any, prefix: str = "") -> Iterator[Edit]:
    """Yield each possible edit once for each place and set of schemas that apply there.

    Args:
        root: the compiled schema, `$defs` included.
        value: a conforming instance.
        prefix: what a finding's place begins with (the tag of a stream's event).
    """
    seen: set[tuple[str, frozenset[int]]] = set()
    for spot in spots(root, value):
        # Many items of one array say nothing new; a union's branches and an object's properties do.
        identity = (f"{spot.location} {_shape(spot.value)}", frozenset(map(id, spot.nodes)))
        if identity in seen:
            continue
        seen.add(identity)
        for name, suffix, must, make, reason in _at(root, spot):
            where = prefix + spot.location + suffix
            yield Edit(
                name,
                where,
                replaced(value, spot.path, make),
                tuple(Expected(kind, prefix + location, value_class) for kind, location, value_class in must),
                # In another branch everything below may be wrong as well.
                ANYTHING if name.startswith("branch ") else frozenset(),
                reason,
            )


_Step = tuple[str, str, tuple[Expected, ...], "Callable[[Any], Any]", str]


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(sorted(value))
    return next(name for name in ("null", "boolean", "string", "number", "array") if is_type(value, name))


def _step(name: str, spot: Spot, new: Any, kind: Kind, value_class: str = "") -> _Step:
    return name, "", (Expected(kind, spot.location, value_class),), lambda _: new, ""


def _invisible(name: str, below: str, make: Callable[[Any], Any], reason: str) -> _Step:
    return name, below, (), make, reason


def _at(root: Schema, spot: Spot) -> Iterator[_Step]:
    yield from _types(spot)
    yield from _enums(spot)
    if isinstance(spot.value, str):
        yield from _texts(spot)
    yield from _formats(spot)
    yield from _bounds(spot)
    if isinstance(spot.value, dict):
        yield from _objects(spot)
        yield from _other_branches(root, spot)


def _types(spot: Spot) -> Iterator[_Step]:
    allowed, enums = spot.types, list(spot.enums())
    if allowed is None and not enums:
        return  # any value is allowed here
    for name, sample in _SAMPLES.items():
        if allowed is not None and name in allowed:
            continue
        kind, value_class = Kind.TYPE_CHANGED, name
        if any(node.get("x-tag") for node in enums):
            # No branch has such a tag, so no branch's type of it counts.
            kind, value_class = Kind.UNION_UNMATCHED, ""
        elif allowed is None:
            kind, value_class = Kind.ENUM_UNKNOWN, ""
        if name == "null":
            yield _step("null", spot, None, Kind.NULL_UNEXPECTED, "null")
        else:
            yield _step(f"type {name}", spot, sample, kind, value_class)


def _enums(spot: Spot) -> Iterator[_Step]:
    enums = list(spot.enums())
    if not enums or not isinstance(spot.value, str):
        return
    tagged = any(node.get("x-tag") for node in enums)
    kind = Kind.UNION_UNMATCHED if tagged else Kind.ENUM_UNKNOWN
    for new in dict.fromkeys(["x-unknown", spot.value.swapcase(), f"{spot.value} "]):
        if all(new not in node["enum"] for node in enums):
            yield _step("unknown value", spot, new, kind, json.dumps(new))


def _texts(spot: Spot) -> Iterator[_Step]:
    patterns = [node["pattern"] for node in spot.nodes if "pattern" in node and "x-format" not in node]
    for new in ("", "?", "x y", "-1", "A" * 32, "0" * 31, "1\n"):
        if any(_mismatches(pattern, new) for pattern in patterns):
            yield _step("pattern", spot, new, Kind.PATTERN_MISMATCH)


def _mismatches(pattern: str, text: str) -> bool:
    # ECMA-262: `$` is the very end, which Python writes as `\Z`.
    return re.search(pattern.replace("$", r"\Z"), text) is None


def _formats(spot: Spot) -> Iterator[_Step]:
    allowed = spot.types
    for node in spot.nodes:
        name = node.get("format") or node.get("x-format")
        if name is None:
            continue
        samples = list(_BAD_FORMATS[name])
        if "x-format" in node:
            if isinstance(spot.value, str):
                samples = _BAD_INT64_TEXTS if allowed == frozenset({"string"}) else []
            elif allowed and "number" in allowed:
                samples.append(1.5)
        for new in samples:
            yield _step(f"format {name}", spot, new, Kind.FORMAT_INVALID, name)


def _bounds(spot: Spot) -> Iterator[_Step]:
    for node in spot.nodes:
        if "x-format" in node:
            continue
        for keyword in node:
            for new in _beyond(keyword, node[keyword], spot.value):
                yield _step(f"bound {keyword}", spot, new, Kind.BOUND_EXCEEDED, keyword)


def _beyond(keyword: str, bound: Any, value: Any) -> list[Any]:
    """Return values just beyond a bound, of the type that is there."""
    match keyword, value:
        case "minLength", str() if bound:
            return ["y" * (bound - 1)]
        case "maxLength", str():
            return ["y" * (bound + 1)]
        case "minItems", list() if bound:
            return [value[: bound - 1]]
        case "maxItems", list():
            return [[*value, *([value[0] if value else None] * (bound + 1 - len(value)))]]
        case "uniqueItems", list() if bound and value:
            return [[*value, value[0]]]
        case "minProperties", dict() if bound:
            return [dict(list(value.items())[: bound - 1])]
        case "maxProperties", dict():
            return [value | {f"more-{number}": None for number in range(bound + 1)}]
        case "minimum" | "exclusiveMinimum", int() | float():
            return [bound - (keyword == "minimum"), -(10**30)]
        case "maximum" | "exclusiveMaximum", int() | float():
            return [bound + (keyword == "maximum"), 10**30]
        case "multipleOf", int() | float():
            return [value + bound / 2]
    return []


def _objects(spot: Spot) -> Iterator[_Step]:
    value: dict[str, Any] = spot.value
    required = {name for node in spot.nodes for name in node.get("required", ())}
    for name in value:
        below = f"/{escaped(name)}"
        drop = _dropper(name)
        if name in required:
            missing = Expected(Kind.PROPERTY_MISSING, spot.location + below)
            yield "drop required", below, (missing,), drop, ""
        else:
            yield _invisible("drop optional", below, drop, "a property that is not required may be absent")
    below = f"/{escaped(UNKNOWN)}"
    for content in (None, {"a": [1]}):
        add = _adder(content)
        if closed(spot.nodes, UNKNOWN):
            extra = Expected(Kind.PROPERTY_UNDOCUMENTED, spot.location + below)
            yield "unknown property", below, (extra,), add, ""
        elif not any(isinstance(node.get("additionalProperties"), dict) for node in spot.nodes):
            yield _invisible("unknown property", below, add, "an object that declares no names may have any")
    yield _invisible(
        "reorder properties", "", lambda old: dict(reversed(old.items())), "the order of properties is free"
    )


def _dropper(name: str) -> Callable[[Any], Any]:
    return lambda old: without(old, name)


def _adder(content: Any) -> Callable[[Any], Any]:
    return lambda old: {**old, UNKNOWN: content}


def _other_branches(root: Schema, spot: Spot) -> Iterator[_Step]:
    """Turn the tag to each other branch of the union: what it lacks there, or has too much, shows."""
    _, conditional = parts(root, [{"allOf": list(spot.nodes)}] if spot.nodes else [])
    for node in conditional:
        tag = tag_of(node["if"])
        if tag is None or tag not in spot.value:
            continue
        for tag_value in node["if"]["properties"][tag]["enum"]:
            plain, _ = parts(root, [node["then"]])
            must = _shallow(plain, spot)
            if must and tag_value != spot.value[tag]:
                yield f"branch {tag_value}", f"/{escaped(tag)}", must, _setter(tag, tag_value), ""


def _setter(name: str, content: Any) -> Callable[[Any], Any]:
    return lambda old: {**old, name: content}


def _shallow(plain: list[Schema], spot: Spot) -> tuple[Expected, ...]:
    """Return what the object's own properties break of other schemas, not looking into them."""
    lacking = {name for node in plain for name in node.get("required", ()) if name not in spot.value}
    extra = {name for name in spot.value if closed(plain, name)}
    return (
        *(Expected(Kind.PROPERTY_MISSING, f"{spot.location}/{escaped(name)}") for name in sorted(lacking)),
        *(Expected(Kind.PROPERTY_UNDOCUMENTED, f"{spot.location}/{escaped(name)}") for name in sorted(extra)),
    )
