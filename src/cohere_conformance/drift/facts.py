"""The normal form of an API description: a tree of facts for each operation.

Names of schemas, prose, examples and the order of keys are not part of it, and neither is how a schema is put
together: references are followed, `allOf` is merged, the alternatives of a union are one node with the
types of all of them, or one child for each value of the property that distinguishes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ITEMS, OTHERS = "[]", "{}"
"""The steps from an array to its items, and from an object to the properties that have no name."""
MOST_NODES = 500_000
"""Locations of one source at most: a hundred times as many as the API has."""
ANY = frozenset({"any"})
"""The types of a schema that allows every type."""

SCHEMA_ATTRIBUTES = frozenset(
    {
        "types", "nullable", "enum", "format", "pattern", "default", "deprecated", "readOnly", "writeOnly",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
        "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems", "closed", "requires",
        "mapped",
    }
)  # fmt: skip
ATTRIBUTES = SCHEMA_ATTRIBUTES | {"required", "style", "media", "statuses", "terminator"}
"""Every attribute that a node can have; absent means the default of OpenAPI."""
ROOTS = frozenset(
    {"path", "query", "header", "cookie", "request", "response", "response header", "error", "events"}
)
"""What an operation consists of: its children begin with one of these words."""


class Unknown:
    """The value of an attribute that a source cannot know at a location; it is not compared."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = Unknown()


@dataclass(frozen=True, eq=False)
class Node:
    """One location of an operation.

    Attributes:
        origin: where the source declares it: a JSON pointer, a class, a line. Nodes with one origin are one
            declaration that is used in several places.
        attributes: what is declared about the location.
        children: by step: `.name` for a property, `[]` for items, `{}` for other properties, `<tag>` for the
            alternative with this tag; below an operation a root and a name, such as `query.limit`.
        opaque: the source cannot know what is below.
        tag: the property whose value selects the alternative `<tag>`.
    """

    origin: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    children: Mapping[str, Node] = field(default_factory=dict)
    opaque: bool = False
    tag: str = ""

    def with_attributes(self, **attributes: object) -> Node:
        """Return the node with further attributes."""
        return replace(self, attributes={**self.attributes, **attributes})

    @property
    def types(self) -> frozenset[str]:
        """The JSON types of the location; `ANY` if all are allowed."""
        types = self.attributes.get("types", ANY)
        return types if isinstance(types, frozenset) else ANY

    @property
    def branches(self) -> dict[str, Node]:
        """The alternatives, by step."""
        return {step: child for step, child in self.children.items() if step.startswith("<")}

    @cached_property
    def digest(self) -> int:
        """A hash of everything but origins: nodes with equal facts have equal digests."""
        attributes = frozenset((name, repr(_ordered(value))) for name, value in self.attributes.items())
        children = frozenset((step, child.digest) for step, child in self.children.items())
        return hash((attributes, children, self.opaque))

    def count(self) -> int:
        """Return the number of facts here and below: one for each location and one for each attribute."""
        return 1 + len(self.attributes) + sum(child.count() for child in self.children.values())


def _ordered(value: object) -> object:
    return sorted(value, key=str) if isinstance(value, frozenset) else value


class DescriptionKind(StrEnum):
    """What a source is."""

    DOCUMENT = "OpenAPI document"
    SDK = "SDK"
    NPM = "npm SDK"
    LAP = "LAP file"


@dataclass(frozen=True)
class Description:
    """What a source knows about the API.

    Attributes:
        name: of the source, for people.
        operations: by `operation_key`.
        labels: the operations as the source spells them, by key.
        kind: of the source.
        attributes: the attributes that the source can know; others are not compared.
        roots: the parts of an operation that the source can know.
        missing: references of the source that lead nowhere; what is below them is not compared.
        published: the same contract without our amendments. Where another source agrees with it, the
            difference is one that the amendments have made, and is not reported.
        declared: the same contract without our amendments, with what an SDK of the vendor declares beyond its
            document. What another source says about such an addition is reported.
        files: the folder that our contract was read from; `None` for any other source.
        version: of a document, as it says.
    """

    name: str
    operations: Mapping[str, Node]
    labels: Mapping[str, str]
    kind: DescriptionKind = DescriptionKind.DOCUMENT
    attributes: frozenset[str] = ATTRIBUTES
    roots: frozenset[str] = ROOTS
    missing: tuple[str, ...] = ()
    published: Description | None = None
    declared: Description | None = None
    files: Path | None = None
    version: str = ""

    def count(self) -> int:
        """Return the number of facts."""
        return sum(node.count() for node in self.operations.values())

    def inputs(self) -> Description:
        """Return the operations with the names of their inputs only: query parameters, JSON properties."""
        operations = {
            key: Node(node.origin, {}, dict(_inputs(node)), opaque=node.opaque or _without_json(node))
            for key, node in self.operations.items()
        }
        return replace(
            self,
            operations=operations,
            kind=DescriptionKind.LAP,
            attributes=frozenset(),
            published=None,
            declared=None,
        )


def _inputs(operation: Node) -> Iterator[tuple[str, Node]]:
    for step, child in operation.children.items():
        if step.startswith(("query.", "input.")):
            yield f"input.{step.partition('.')[2]}", Node(child.origin)
        elif step == "request":
            for below, node in child.children.items():
                if below.startswith("."):
                    yield f"input{below}", Node(node.origin)


def _without_json(operation: Node) -> bool:
    """Return whether an operation has a body that is never JSON: LAP files leave such bodies out."""
    media = operation.children["request"].attributes.get("media") if "request" in operation.children else None
    return isinstance(media, frozenset) and not any("json" in name for name in media)


def operation_key(method: str, path: str) -> str:
    """Return the key of an operation: names of path parameters do not matter on the wire."""
    return f"{method.upper()} {re.sub(r'{[^}]*}', '{}', '/' + path.lstrip('/'))}"


def root_of(step: str) -> str:
    """Return the root that a child of an operation begins with."""
    return step.partition(".")[0]


def in_request(path: tuple[str, ...]) -> bool:
    """Return whether a client sends what is at the path; otherwise it receives it."""
    return root_of(path[0]) in {"path", "query", "header", "cookie", "request", "input"}
