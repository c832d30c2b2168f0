"""JSON Schemas of an OpenAPI document as nodes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.bundle import resolve
from cohere_conformance.drift.facts import ANY, ITEMS, MOST_NODES, OTHERS, SCHEMA_ATTRIBUTES, UNKNOWN, Node
from cohere_conformance.drift.unions import intersected, united
from cohere_conformance.errors import ContractError
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract.documents import Document

_PLAIN = SCHEMA_ATTRIBUTES - {"types", "nullable", "enum", "default", "closed", "requires", "mapped"}
_STRUCTURE = {"properties", "required", "items", "additionalProperties", "allOf", "oneOf", "anyOf"}
"""Keywords beside a reference that do not only annotate it."""
_UNIONS = ("oneOf", "anyOf")
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}


class SchemaReader:
    """Turns the schemas of one document into nodes; each component once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._components: dict[str, tuple[Node, int]] = {}
        """The node of each component, and of how many locations it is."""
        self._leads_to: dict[str, frozenset[str]] = {}
        """The components that one uses, by itself or through others, and itself."""
        self._used: dict[str, frozenset[str]] = {}
        """The components that one uses by itself."""
        self._nodes = 0
        self.missing: set[str] = set()
        """References that lead nowhere: the vendor has published such documents."""

    def target(self, node: Any, pointer: str) -> tuple[Any, str]:
        """Return what a reference leads to, and its pointer; any other value as it is.

        Raises:
            ContractError: the reference leads nowhere.
        """
        seen: set[str] = set()
        while isinstance(node, dict) and isinstance(node.get("$ref"), str) and node["$ref"] not in seen:
            pointer = node["$ref"]
            seen.add(pointer)
            node = resolve(self._document, pointer)
        return node, pointer

    def node(self, schema: Any, pointer: str, path: frozenset[str] = frozenset()) -> Node:
        """Return the node of a schema.

        Args:
            schema: the schema, or a reference to it.
            pointer: where the document declares it.
            path: the references that led here: a recursive schema ends where it begins again.

        Raises:
            ContractError: the schemas have too many locations.
        """
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise ContractError(f"{pointer}: expected at most {MOST_NODES:,} locations, got more")
        if not isinstance(schema, dict):
            return Node(pointer, {"types": ANY})
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return self._built(schema, pointer, path)
        if not _STRUCTURE.isdisjoint(schema):
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self._built(
                {**rest, "allOf": [{"$ref": reference}, *rest.get("allOf", ())]}, pointer, path
            )
        if reference in path:
            return Node(reference, {"types": frozenset({"object"})}, opaque=True)
        found = self._component(reference, path)
        beside = self._attributes({key: value for key, value in schema.items() if key != "$ref"})
        beside.pop("types", None)
        return replace(found, origin=pointer, attributes={**found.attributes, **beside}) if beside else found

    def _component(self, reference: str, path: frozenset[str]) -> Node:
        """Return the node of a component, built once for all paths that it does not lead back to."""
        if not path.isdisjoint(self._reachable(reference)):
            return self._built_component(reference, path)
        if reference not in self._components:
            before = self._nodes
            node = self._built_component(reference, frozenset())
            self._components[reference] = (node, self._nodes - before)
            return node
        node, locations = self._components[reference]
        self._nodes += locations
        return node

    def _built_component(self, reference: str, path: frozenset[str]) -> Node:
        try:
            schema = resolve(self._document, reference)
        except ContractError:
            self.missing.add(reference)
            return Node(reference, {"types": UNKNOWN}, opaque=True)
        return self.node(schema, reference, path | {reference})

    def _reachable(self, reference: str) -> frozenset[str]:
        """Return the component and those that it uses, by itself or through others."""
        if reference not in self._leads_to:
            found = {reference}
            pending = [self._uses(reference)]
            while pending:
                for other in pending.pop() - found:
                    found.add(other)
                    pending.append(self._uses(other))
            self._leads_to[reference] = frozenset(found)
        return self._leads_to[reference]

    def _uses(self, reference: str) -> frozenset[str]:
        if reference not in self._used:
            with suppress(ContractError):
                self._used[reference] = frozenset(_references(resolve(self._document, reference)))
        return self._used.setdefault(reference, frozenset())

    def _built(self, schema: Document, pointer: str, path: frozenset[str]) -> Node:
        required = {name for name in schema.get("required", ()) if isinstance(name, str)}
        properties = schema.get("properties") or {}
        children = {}
        for name, inner in properties.items():
            child = self.node(inner, f"{pointer}/properties/{escaped(name)}", path)
            children[f".{name}"] = child.with_attributes(required=True) if name in required else child
        for word, step in (("items", ITEMS), ("additionalProperties", OTHERS)):
            if isinstance(schema.get(word), dict) and schema[word]:
                children[step] = self.node(schema[word], f"{pointer}/{word}", path)
        attributes = self._attributes(schema)
        parts = [
            self.node(part, f"{pointer}/allOf/{number}", path)
            for number, part in enumerate(schema.get("allOf", ()))
        ]
        inherited = {step for part in parts for step in part.children}
        undeclared = {name for name in required - properties.keys() if f".{name}" not in inherited}
        if undeclared:
            attributes["requires"] = frozenset(undeclared)
        node = Node(pointer, attributes, children)
        unions = [self._union(schema, word, pointer, path) for word in _UNIONS if schema.get(word)]
        for part in [*parts, *unions]:
            alone = not node.children and node.attributes.keys() <= {"types"} and node.types == ANY
            node = part if alone else intersected(node, part)
        for name in required:
            if (step := f".{name}") in node.children:
                node = replace(
                    node, children={**node.children, step: node.children[step].with_attributes(required=True)}
                )
        return node

    def _union(self, schema: Document, word: str, pointer: str, path: frozenset[str]) -> Node:
        discriminator = schema.get("discriminator") or {}
        mapping = discriminator.get("mapping") or {}
        variants: list[Node] = []
        tags: dict[int, list[str]] = {}
        nullable = False
        for number, inner in enumerate(schema[word]):
            if isinstance(inner, dict) and inner.get("type") == "null":
                nullable = True
                continue
            reference = inner.get("$ref", "") if isinstance(inner, dict) else ""
            tags[len(variants)] = [value for value, target in mapping.items() if target == reference]
            variants.append(self.node(inner, f"{pointer}/{word}/{number}", path))
        if not variants:
            return Node(pointer, {"types": ANY})
        node = united(variants, pointer, discriminator.get("propertyName", ""), tags)
        missing = [tag for tag in mapping if not any(tag in found for found in tags.values())]
        extra: dict[str, object] = {"nullable": True} if nullable else {}
        return node.with_attributes(**extra, **({"mapped": frozenset(missing)} if missing else {}))

    def _attributes(self, schema: Document) -> dict[str, object]:
        attributes: dict[str, object] = {
            name: value
            for name, value in schema.items()
            if name in _PLAIN and value is not None and value is not False
        }
        listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
        types = _types(schema, listed)
        if schema.get("nullable") or "null" in types or (listed is not None and None in listed):
            attributes["nullable"] = True
        types -= {"null"}
        attributes["types"] = types or ANY
        if listed is not None:
            attributes["enum"] = frozenset(json.dumps(value) for value in listed if value is not None)
        if "default" in schema:
            attributes["default"] = json.dumps(schema["default"], sort_keys=True)
        if schema.get("additionalProperties") is False:
            attributes["closed"] = True
        return attributes


def _references(schema: Any) -> Iterator[str]:
    """Yield the target of each reference in a schema."""
    pending = [schema]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            pending += one.values()
            if isinstance(one.get("$ref"), str):
                yield one["$ref"]


def _types(schema: Document, listed: list[Any] | None) -> frozenset[str]:
    declared = schema.get("type")
    types = set(declared) if isinstance(declared, list) else {declared} if declared else set()
    if not types and listed:
        types = {_JSON_TYPES[type(value)] for value in listed if type(value) in _JSON_TYPES}
    if not types and (schema.get("properties") or isinstance(schema.get("additionalProperties"), dict)):
        types = {"object"}
    if not types and "items" in schema:
        types = {"array"}
    return frozenset(types - {"integer"} if "number" in types else types)
