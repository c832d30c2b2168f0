"""Walks a request body along its schema: every location in it, with the schemas that apply there.

Which schemas apply depends on the value: a tag, or its JSON type, selects the branch of a union. So the walk
follows a body; an absent property is a location as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import jsonschema_rs
import msgspec

from cohere_conformance.cases.template import mapped
from cohere_conformance.checks.frame import json_type
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract.schema import Schema

_HALF = re.compile("[\ud800-\udfff]")

Step = str | int
Path = tuple[Step, ...]
ABSENT = msgspec.UNSET
"""The value of an absent property: `null` is a value."""


@dataclass(frozen=True)
class Site:
    """One location in a body.

    Attributes:
        path: names of properties and indexes of lists that lead there.
        value: the value; `ABSENT` for an absent property.
        rules: every schema that applies there, references resolved and branches selected.
        required: whether the object above requires it.
    """

    path: Path
    value: Any
    rules: tuple[Schema, ...]
    required: bool = False

    @property
    def location(self) -> str:
        """The location as in findings: indexes of lists as `*`."""
        return location_of(self.path)

    def values_of(self, keyword: str) -> list[Any]:
        """Return the values of a keyword in the schemas, in their order."""
        return [rule[keyword] for rule in self.rules if keyword in rule]

    @property
    def server_set(self) -> bool:
        """Whether only the server sets the value; one in a request is ignored or refused."""
        return any(self.values_of("readOnly"))

    @property
    def types(self) -> frozenset[str]:
        """The JSON types that are allowed; empty where any is."""
        allowed = [
            frozenset([types] if isinstance(types, str) else types) for types in self.values_of("type")
        ]
        return frozenset.intersection(*allowed) if allowed else frozenset()

    @property
    def listed(self) -> list[Any]:
        """The allowed values, if they are listed."""
        found = [list(values) for values in self.values_of("enum")] + [
            [value] for value in self.values_of("const")
        ]
        return [value for value in found[0] if all(value in other for other in found[1:])] if found else []


def location_of(path: Path) -> str:
    """Return a path as a JSON pointer with `*` for every index."""
    steps = ("*" if isinstance(step, int) else escaped(step) for step in path)
    return "".join(f"/{step}" for step in steps)


def sites(schema: Schema, body: Any) -> Iterator[Site]:
    """Yield every location of a body, the outer ones first, and of a list the first element only.

    Args:
        schema: self-contained, as the contract compiles it.
        body: a value that is valid by it.
    """
    yield from _walk(schema, Site((), body, rules(schema, schema, body)))


def _walk(root: Schema, site: Site) -> Iterator[Site]:
    yield site
    if isinstance(site.value, dict):
        required = {name for names in site.values_of("required") for name in names}
        for name, declared in _properties(site).items():
            value = site.value.get(name, ABSENT)
            found = tuple(rule for schema in declared for rule in rules(root, schema, value))
            below = Site((*site.path, name), value, found, name in required)
            yield from _walk(root, below) if value is not ABSENT else iter([below])
    elif isinstance(site.value, list) and site.value:
        items = [schema for schema in site.values_of("items") if isinstance(schema, dict)]
        found = tuple(rule for schema in items for rule in rules(root, schema, site.value[0]))
        yield from _walk(root, Site((*site.path, 0), site.value[0], found, required=True))


def _properties(site: Site) -> dict[str, list[Schema]]:
    """Return the schemas of each property that an object may have."""
    found: dict[str, list[Schema]] = {}
    for properties in site.values_of("properties"):
        for name, schema in properties.items():
            found.setdefault(name, []).append(schema)
    extra = [schema for schema in site.values_of("additionalProperties") if isinstance(schema, dict)]
    for name in site.value if extra else ():
        found.setdefault(name, list(extra))
    return found


def rules(root: Schema, schema: Schema, value: Any) -> tuple[Schema, ...]:
    """Return every schema that applies to a value, references resolved and branches selected.

    Args:
        root: contains the schemas that references name.
        schema: one of its nodes.
        value: `ABSENT` for an absent property: then what applies to a value that is not `null`.
    """
    return tuple(_rules(root, schema, value))


def _rules(root: Schema, schema: Schema, value: Any) -> Iterator[Schema]:
    if "$ref" in schema:
        yield from _rules(root, followed(root, schema), value)
    if "if" in schema:
        branch = schema.get("then" if _applies(schema["if"], value) else "else")
        if branch is not None:
            yield from _rules(root, branch, value)
        return
    yield schema
    for part in schema.get("allOf", ()):
        yield from _rules(root, part, value)
    for word in ("oneOf", "anyOf"):
        for branch in schema.get(word, ()):
            if value is not ABSENT and _valid(root, branch, value):
                yield from _rules(root, branch, value)
                break


def followed(root: Schema, schema: Schema) -> Schema:
    """Return the schema that a reference names."""
    return cast("Schema", root["$defs"][schema["$ref"].removeprefix("#/$defs/")])


def _applies(condition: Schema, value: Any) -> bool:
    if value is ABSENT:
        return False
    if "type" in condition:
        types = condition["type"]
        found = json_type(value)
        return found in types or (found == "integer" and "number" in types)
    [(tag, named)] = condition["properties"].items()
    return isinstance(value, dict) and value.get(tag) in named["enum"]


def _valid(root: Schema, branch: Schema, value: Any) -> bool:
    return compiled(msgspec.json.encode({**branch, "$defs": root.get("$defs", {})})).is_valid(value)


@lru_cache(maxsize=512)
def compiled(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    """Return the validator of a schema that is given as JSON."""
    return jsonschema_rs.Draft202012Validator(msgspec.json.decode(schema), validate_formats=True)


def without_surrogates(value: Any) -> Any:
    """Return a JSON value that validators accept: U+FFFD in place of half a surrogate pair."""
    return mapped(value, lambda text: _HALF.sub("\ufffd", text))


def edited(body: Any, path: Path, value: Any) -> Any:
    """Return a copy of a body with another value at a location, or without it if the value is `ABSENT`."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(body, list):
        position = cast("int", step)
        if not rest and value is ABSENT:
            return [*body[:position], *body[position + 1 :]]
        return [*body[:position], edited(body[position], rest, value), *body[position + 1 :]]
    if not rest and value is ABSENT:
        return {name: item for name, item in body.items() if name != step}
    return {**body, step: edited(body.get(step), rest, value)}
