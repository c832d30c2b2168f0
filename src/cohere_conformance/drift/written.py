"""OpenAPI for what a witness shows: schemas and operations in the style of our contract, without prose.

Nothing in it is `required`: what a witness requires is a remark, which is written as a comment.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import ANY, ITEMS, OTHERS, SCHEMA_ATTRIBUTES, UNKNOWN, Node
from cohere_conformance.drift.yamltext import Remark
from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract.documents import Document
    from cohere_conformance.drift.facts import Description

MOST_LOCATIONS, DEEPEST = 5_000, 60
"""Locations and levels of one addition at most: a person reviews it."""
_SCHEMA_POINTER = re.compile(r"#/components/schemas/[^/]+")
_KEYWORDS = sorted(
    SCHEMA_ATTRIBUTES - {"types", "nullable", "enum", "default", "closed", "requires", "mapped"}
)
_JSON = "application/json"


def shared_schemas(ours: Description, theirs: Description) -> dict[str, str]:
    """Return the schemas of a witness that are one of our components wherever both are used.

    Args:
        ours: our contract.
        theirs: the witness.

    Returns:
        The reference to our component, by the origin in the witness.
    """
    found: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    pending = [
        (ours.operations[key], node) for key, node in theirs.operations.items() if key in ours.operations
    ]
    while pending:
        mine, other = pending.pop()
        if _SCHEMA_POINTER.fullmatch(mine.origin):
            found.setdefault(other.origin, set()).add(mine.origin)
            if (mine.origin, other.origin) in seen:
                continue
            seen.add((mine.origin, other.origin))
        pending += [
            (mine.children[step], other.children[step])
            for step in mine.children.keys() & other.children.keys()
        ]
    return {origin: next(iter(many)) for origin, many in found.items() if origin and len(many) == 1}


class Writer:
    """Writes what one witness shows.

    Args:
        document: our contract, whose parameters and responses are referred to.
        shared: what `shared_schemas` returns for the witness.
        witness: its name.
    """

    def __init__(self, document: Document, shared: Mapping[str, str], witness: str) -> None:
        self._document = document
        self._shared = shared
        self._witness = witness
        self._locations = 0

    def begin(self) -> None:
        """Begin another addition."""
        self._locations = 0

    def schema(self, node: Node | None, depth: int = 0) -> Document:
        """Return the schema of a location; an empty one if nothing is known about it.

        Raises:
            DescriptionError: it is too large to be reviewed.
        """
        if node is None:
            return {}
        self._locations += 1
        if self._locations > MOST_LOCATIONS or depth > DEEPEST:
            expected = f"expected at most {MOST_LOCATIONS:,} locations and {DEEPEST} levels in one addition"
            raise DescriptionError(self._witness, node.origin, f"{expected}, got more; add it by hand")
        if (reference := self._shared.get(node.origin)) is not None:
            return {"$ref": reference}
        branches = node.branches
        if not branches:
            return self._plain(node, node.children, depth)
        alternatives = [self.alternative(node.tag, step, child, depth) for step, child in branches.items()]
        rest = {step: child for step, child in node.children.items() if step not in branches}
        others = node.types - {"object"}
        if node.types != ANY and others:
            bare = Node(node.origin, {**node.attributes, "types": others}, rest)
            return {"anyOf": [self._plain(bare, rest, depth), *alternatives]}
        return {**self._plain(node, rest, depth), "anyOf": alternatives}

    def alternative(self, tag: str, step: str, node: Node, depth: int = 0) -> Document:
        """Return the schema of an alternative of a union: `tag` has the value that is in the step."""
        schema = self._plain(node, node.children, depth + 1)
        properties = schema.setdefault("properties", {})
        if tag:
            schema["properties"] = {tag: {"type": "string", "enum": [step[1:-1]]}} | {
                name: value for name, value in properties.items() if name != tag
            }
        return schema

    def _plain(self, node: Node, children: Mapping[str, Node], depth: int) -> Document:
        schema = _keywords(node)
        names = [step for step in children if step.startswith(".")]
        if required := [step[1:] for step in names if children[step].attributes.get("required") is True]:
            schema[Remark(f"{self._witness} requires")] = {"required": required}
        if names:
            schema["properties"] = {step[1:]: self.schema(children[step], depth + 1) for step in names}
        if ITEMS in children:
            schema["items"] = self.schema(children[ITEMS], depth + 1)
        if OTHERS in children:
            schema["additionalProperties"] = self.schema(children[OTHERS], depth + 1)
        return schema

    def parameter(self, step: str, node: Node | None) -> Document:
        """Return a parameter: the one of our components with this name, or a new one."""
        kind, _, name = step.partition(".")
        for key, one in self._document.get("components", {}).get("parameters", {}).items():
            if one.get("in") == kind and str(one.get("name", "")).lower() == name.lower():
                return {"$ref": f"#/components/parameters/{key}"}
        parameter: Document = {"name": name, "in": kind}
        if kind == "path":
            parameter["required"] = True  # OpenAPI allows nothing else
        elif node is not None and node.attributes.get("required") is True:
            parameter[Remark(f"{self._witness} requires")] = {"required": True}
        return {**parameter, "schema": self.schema(node) if node is not None else {"type": "string"}}

    def request(self, node: Node | None) -> Document:
        """Return the body of a request."""
        media = node.attributes.get("media") if node is not None else None
        names = sorted(media) if isinstance(media, frozenset) and media else [_JSON]
        body: Document = {}
        if node is not None and node.attributes.get("required") is True:
            body[Remark(f"{self._witness} requires")] = {"required": True}
        return {**body, "content": {name: {"schema": self.schema(node)} for name in names}}

    def error(self, status: str, node: Node | None) -> Document:
        """Return an error response: as other operations declare it for this status, or a new one."""
        for item in self._document["paths"].values():
            for operation in item.values():
                response = operation.get("responses", {}).get(status) if isinstance(operation, dict) else None
                if isinstance(response, dict) and response.keys() == {"$ref"}:
                    return response
        schema = self.schema(node)
        return {"description": _status_in_words(status)} | (
            {"content": {_JSON: {"schema": schema}}} if schema else {}
        )

    def operation(self, label: str, node: Node, taken: set[str]) -> Document:
        """Return an operation.

        Args:
            label: of the operation.
            node: what the witness shows about it.
            taken: the `operationId` of every other one.
        """
        method, _, path = label.partition(" ")
        children = node.children
        parameters = [
            self.parameter(f"path.{name}", children.get(f"path.{number}"))
            for number, name in enumerate(re.findall(r"{([^}]*)}", path), 1)
        ]
        parameters += [
            self.parameter(step, child)
            for step, child in children.items()
            if step.partition(".")[0] in {"query", "header", "cookie"}
        ]
        operation: Document = {"summary": label, "operationId": operation_id(method, path, taken)}
        operation["tags"] = [_group(path)]
        if parameters:
            operation["parameters"] = parameters
        if "request" in children:
            operation["requestBody"] = self.request(children["request"])
        return {**operation, "responses": dict(self._responses(children))}

    def unknown_operation(self, label: str, taken: set[str]) -> Document:
        """Return an operation of which only its method and path are known."""
        return self.operation(label, Node(), taken)

    def _responses(self, children: Mapping[str, Node]) -> Iterator[tuple[str, Document]]:
        node = children.get("response")
        statuses, media = (
            (node.attributes.get("statuses"), node.attributes.get("media")) if node else (None, None)
        )
        names = sorted(media) if isinstance(media, frozenset) and media else [_JSON]
        first, *others = sorted(statuses) if isinstance(statuses, frozenset) and statuses else ["200"]
        schema = self.schema(node)
        content: Document = {name: {"schema": schema} for name in names} if schema else {}
        if "events" in children:
            content["text/event-stream"] = {"itemSchema": self._frame(children["events"])}
        headers = {
            step.partition(".")[2]: {"schema": self.schema(child)}
            for step, child in children.items()
            if step.startswith("response header.")
        }
        response: Document = {"description": _status_in_words(first)}
        yield (
            first,
            response | ({"headers": headers} if headers else {}) | ({"content": content} if content else {}),
        )
        yield from ((status, {"description": _status_in_words(status)}) for status in others)
        for step, child in sorted(children.items()):
            if step.startswith("error."):
                yield step.partition(".")[2], self.error(step.partition(".")[2], child)

    def _frame(self, node: Node) -> Document:
        data = {"type": "string", "contentMediaType": _JSON, "contentSchema": self.schema(node)}
        return {"type": "object", "properties": {"data": data}}


def _keywords(node: Node) -> Document:
    """Return what is declared about a location itself."""
    schema: Document = {}
    attributes = node.attributes
    types = sorted(node.types) if attributes.get("types") is not UNKNOWN and node.types != ANY else []
    if types and attributes.get("nullable") is True:
        types.append("null")
    if types:
        schema["type"] = types[0] if len(types) == 1 else types
    if isinstance(listed := attributes.get("enum"), frozenset):
        schema["enum"] = [json.loads(value) for value in sorted(listed)]
        if attributes.get("nullable") is True:
            schema["enum"].append(None)
    if isinstance(default := attributes.get("default"), str):
        schema["default"] = json.loads(default)
    schema |= {
        name: attributes[name] for name in _KEYWORDS if name in attributes and attributes[name] is not UNKNOWN
    }
    if attributes.get("closed") is True:
        schema["additionalProperties"] = False
    return schema


def operation_id(method: str, path: str, taken: set[str]) -> str:
    """Return a new `operationId`, such as `parse-v2` for `/v2/parse`."""
    version, _, rest = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-").partition("-")
    name = f"{rest or 'operation'}-{version}" if re.fullmatch(r"v\d+", version) else f"{version}-{rest}"
    names = (name.strip("-").lower(), f"{method.lower()}-{name.strip('-').lower()}")
    free = [one for one in names if one not in taken]
    number = 2
    while not free:
        free = [one for one in (f"{names[1]}-{number}",) if one not in taken]
        number += 1
    taken.add(free[0])
    return free[0]


def _group(path: str) -> str:
    """Return the group of an operation: the first part of its path that is no version."""
    parts = [part for part in re.findall(r"[A-Za-z0-9-]+", path) if not re.fullmatch(r"v\d+", part)]
    return parts[0] if parts else "other"


def _status_in_words(status: str) -> str:
    return f"Status {status}."
