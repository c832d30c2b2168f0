"""Which parts of a compiled schema apply to which part of an instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mutations.change import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.contract.schema import Schema

BOUNDS = frozenset(
    "minLength maxLength minItems maxItems minProperties maxProperties minimum maximum exclusiveMinimum "
    "exclusiveMaximum multipleOf uniqueItems".split()
)
_KNOWN = BOUNDS | frozenset(
    "$ref $defs type enum const required properties additionalProperties items format pattern allOf if then "
    "else x-tag x-format readOnly".split()
)


class UnknownKeywordError(Exception):
    """The contract uses a keyword that no change here is made for, so the measure would be silent on it."""


@dataclass(frozen=True)
class Spot:
    """One place of an instance with every schema that has a say there.

    Attributes:
        path: how to get there in the instance.
        place: the same as a finding names it.
        nodes: the schemas that apply, each without its references and combinations.
        value: the value there.
    """

    path: tuple[str | int, ...]
    location: str
    nodes: tuple[Schema, ...]
    value: Any

    @property
    def types(self) -> frozenset[str] | None:
        """The JSON types that are allowed here; `None` if no schema restricts them."""
        return allowed_types(self.nodes)

    def enums(self) -> Iterator[Schema]:
        """Yield the schemas that list the values."""
        return (node for node in self.nodes if "enum" in node)


def allowed_types(nodes: Sequence[Schema]) -> frozenset[str] | None:
    """Return the JSON types that all of the schemas allow; `None` where none of them says so."""
    named = [node["type"] for node in nodes if "type" in node]
    if not named:
        return None
    sets = [frozenset([one] if isinstance(one, str) else one) for one in named]
    wide = [one | {"integer"} if "number" in one else one for one in sets]
    return frozenset.intersection(*wide)


def is_type(value: Any, name: str) -> bool:
    """Return whether the value has the JSON type."""
    match name:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def parts(root: Schema, schemas: Sequence[Schema]) -> tuple[list[Schema], list[Schema]]:
    """Return the plain schemas that always apply, and the `if`/`then` ones among them."""
    plain, conditional = [], []
    pending = list(schemas)
    while pending:
        node = pending.pop(0)
        if node.keys() - _KNOWN:
            raise UnknownKeywordError(f"no change is known for {sorted(node.keys() - _KNOWN)}")
        if "$ref" in node:
            pending.insert(0, root["$defs"][node["$ref"].removeprefix("#/$defs/")])
        if "if" in node:
            conditional.append(node)
        pending[:0] = node.get("allOf", ())
        if node.keys() - {"$ref", "$defs", "allOf", "if", "then", "else", "readOnly"}:
            plain.append(node)
    return plain, conditional


def applicable(root: Schema, schemas: Sequence[Schema], value: Any) -> list[Schema]:
    """Return every plain schema that has a say about the value."""
    plain, conditional = parts(root, schemas)
    for node in conditional:
        chosen = node.get("then" if _holds(node["if"], value) else "else")
        if chosen is not None:
            plain += applicable(root, [chosen], value)
    return plain


def _holds(condition: Schema, value: Any) -> bool:
    """Evaluate the two conditions that the compiler writes: a type, and a tag among values."""
    if condition.keys() == {"type"}:
        named = condition["type"]
        return any(is_type(value, name) for name in ([named] if isinstance(named, str) else named))
    tag = tag_of(condition)
    if tag is None:
        raise UnknownKeywordError(f"no such condition is known: {condition}")
    return isinstance(value, dict) and value.get(tag) in condition["properties"][tag]["enum"]


def tag_of(condition: Schema) -> str | None:
    """Return the tag that a condition asks for, if it asks for one."""
    tags = list(condition.get("properties", ()))
    return tags[0] if len(tags) == 1 and condition.get("required") == tags else None


def spots(root: Schema, value: Any) -> Iterator[Spot]:
    """Yield every place of the instance that the schema says something about, from the top down."""
    pending: list[tuple[tuple[str | int, ...], str, list[Schema], Any]] = [((), "", [root], value)]
    while pending:
        path, location, schemas, here = pending.pop()
        nodes = applicable(root, schemas, here)
        yield Spot(path, location, tuple(nodes), here)
        if isinstance(here, dict):
            for name, item in here.items():
                below, token = _property(nodes, name)
                if below:
                    pending.append(((*path, name), f"{location}/{token}", below, item))
        elif isinstance(here, list):
            below = [node["items"] for node in nodes if "items" in node]
            if below:
                pending += [((*path, index), f"{location}/*", below, item) for index, item in enumerate(here)]


def _property(nodes: Sequence[Schema], name: str) -> tuple[list[Schema], str]:
    named = [node["properties"][name] for node in nodes if name in node.get("properties", ())]
    free = [
        node["additionalProperties"]
        for node in nodes
        if isinstance(node.get("additionalProperties"), dict) and name not in node.get("properties", ())
    ]
    return named + free, escaped(name) if named or not free else "{}"


def closed(nodes: Sequence[Schema], name: str) -> bool:
    """Return whether an object that these schemas describe may not have the property."""
    return any(
        node.get("additionalProperties") is False and name not in node.get("properties", ()) for node in nodes
    )
