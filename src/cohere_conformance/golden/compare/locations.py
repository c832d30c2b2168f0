"""Checks locations in a response against the contract: whether they can exist, and which names are free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cohere_conformance.contract import Operation
    from cohere_conformance.contract.schema import Schema

ITEM = "*"
"""Matches every element of an array."""
FREE = "{}"
"""Matches every property name that the contract leaves open."""

_WHOLE = frozenset({"properties", "additionalProperties", "items", "prefixItems", "enum", "const", "type"})
_PARTS = ("allOf", "oneOf", "anyOf")


class SchemaNode(NamedTuple):
    """A part of a schema, and the complete schema in which its references are resolved."""

    whole: Schema
    part: Schema


def bodies(operation: Operation, status: int | None = None) -> tuple[SchemaNode, ...]:
    """Return the declared schemas of responses that are not streams.

    Args:
        operation: what was called.
        status: of the response; all of them if not given.
    """
    answers = operation.responses.values() if status is None else filter(None, [operation.response(status)])
    media = (one for answer in answers for one in answer.media.values())
    return tuple(SchemaNode(one.body.schema, one.body.schema) for one in media if one.body is not None)


def events(operation: Operation) -> dict[str, tuple[SchemaNode, ...]]:
    """Return the declared schemas of each event that the operation can stream, by its type."""
    found: dict[str, tuple[SchemaNode, ...]] = {}
    for answer in operation.responses.values():
        for media in answer.media.values():
            for tag, branch in media.events.branches.items() if media.events is not None else ():
                found.setdefault(tag, (SchemaNode(branch.schema, branch.schema),))
    return found


def possible(roots: Iterable[SchemaNode], tokens: Sequence[str]) -> bool:
    """Return whether a value can exist at a location; `True` below what declares nothing."""
    nodes = tuple(roots)
    for at, token in enumerate(tokens):
        if at and any(_is_open(node) for node in _spread(nodes)):
            return True
        nodes = _below(nodes, token)
    return bool(nodes)


def folded(roots: Iterable[SchemaNode], tokens: Sequence[str]) -> str:
    """Return a location as findings name it: with `{}` for every name that the contract leaves open."""
    nodes: tuple[SchemaNode, ...] | None = tuple(roots) or None
    location = ""
    for token in tokens:
        known = () if nodes is None else tuple(_spread(nodes))
        named = token == ITEM or any(token in node.part.get("properties", ()) for node in known)
        free = any(_is_open(node) or _extra(node) is not None for node in known)
        location += f"/{FREE if free and not named else escaped(token)}"
        if not (nodes and any(_is_open(node) for node in known)):
            nodes = _below(known, token) or None
    return location


def _below(nodes: Iterable[SchemaNode], token: str) -> tuple[SchemaNode, ...]:
    """Return what is declared one step further down."""
    found: list[SchemaNode] = []
    for node in _spread(nodes):
        if token == ITEM:
            items = node.part.get("items")
            found += [SchemaNode(node.whole, items)] if isinstance(items, dict) else []
            continue
        extra = _extra(node)
        if token in node.part.get("properties", ()):
            found.append(SchemaNode(node.whole, node.part["properties"][token]))
        elif extra is not None:
            found.append(SchemaNode(node.whole, extra))
    return tuple(found)


def _extra(node: SchemaNode) -> Schema | None:
    """Return what is declared of properties with any name."""
    extra = node.part.get("additionalProperties")
    return extra if isinstance(extra, dict) else None


def _is_open(node: SchemaNode) -> bool:
    """Return whether any value is allowed below."""
    part = node.part
    if part.get("type") in ("object", ["object", "null"]):
        return not part.get("properties") and part.get("additionalProperties") in (None, True)
    return not _WHOLE & part.keys() and "$ref" not in part and not any(word in part for word in _PARTS)


def _spread(nodes: Iterable[SchemaNode]) -> Iterator[SchemaNode]:
    """Yield nodes with their references followed and every branch beside them."""
    pending, seen = list(nodes), set[int]()
    while pending:
        node = pending.pop()
        part: dict[str, Any] = node.part
        if id(part) in seen:
            continue
        seen.add(id(part))
        if "$ref" in part:
            pending.append(SchemaNode(node.whole, node.whole["$defs"][part["$ref"].removeprefix("#/$defs/")]))
            continue
        branches = [one for word in _PARTS for one in part.get(word, ())]
        branches = [one.get("then", one) for one in branches]
        pending += [SchemaNode(node.whole, one) for one in branches if _WHOLE & one.keys() or "$ref" in one]
        pending += [SchemaNode(node.whole, one) for one in branches if any(word in one for word in _PARTS)]
        yield node
