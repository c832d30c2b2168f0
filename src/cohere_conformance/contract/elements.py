"""What an operation declares that an answer can show: statuses, properties, events, values of enumerations.

A schema says it in pieces that refer to each other, and says more than that. Here it becomes a tree with one
node a place, so that whoever asks what an answer shows only goes down the tree along the answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.model import Aspect, Element
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract.compile import Events, Operation
    from cohere_conformance.contract.schema import Schema


@dataclass(frozen=True)
class Condition:
    """When a branch of a union is the one that is meant.

    Attributes:
        types: JSON types of the value; empty where a tag decides.
        tag: the property that decides.
        values: what the tag says then.
    """

    types: frozenset[str] = frozenset()
    tag: str = ""
    values: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shape:
    """What is declared at one place, and below it.

    Attributes:
        element: what stands there by standing there: a property, an event, in a request also a branch that a
            JSON type decides on; `None` for the whole body and for the elements of an array, which are none.
        properties: by name.
        extra: any property of another name, where they have a schema.
        items: every element of an array; `None` where nothing can be told of them, so that a vector of
            numbers costs nothing.
        values: the enumeration, by `spelled`.
        branches: what is declared there too: always (`None`), or under a condition.
    """

    element: Element | None = None
    properties: Mapping[str, Shape] = field(default_factory=dict)
    extra: Shape | None = None
    items: Shape | None = None
    values: Mapping[str, Element] = field(default_factory=dict)
    branches: tuple[tuple[Condition | None, Shape], ...] = ()

    def elements(self) -> Iterator[Element]:
        """Yield everything that is declared here and below; what several branches declare, several times."""
        if self.element is not None:
            yield self.element
        yield from self.values.values()
        for below in (*self.properties.values(), self.extra, self.items, *(one for _, one in self.branches)):
            if below is not None:
                yield from below.elements()


@dataclass(frozen=True)
class Outline:
    """Everything of one operation that can be shown.

    Attributes:
        statuses: the 2xx and 4xx by the name they are declared under (`404`, `2XX`).
        bodies: of each 2xx status and media type that is one JSON value.
        events: of each 2xx status and media type that is a stream, by type.
        elements: all of it.
    """

    statuses: Mapping[str, Element]
    bodies: Mapping[tuple[str, str], Shape]
    events: Mapping[tuple[str, str], Mapping[str, Shape]]
    elements: frozenset[Element]


def declared(operation: Operation) -> frozenset[Element]:
    """Return everything that the operation declares and that an exchange can show.

    A property that a recursive schema declares below itself again counts once, at its first place.
    """
    return outline(operation).elements


def outline(operation: Operation) -> Outline:
    """Return what the operation declares, place by place; made once for each distinct operation."""
    return _outline(Asked(operation.label, operation.digest, operation))


def spelled(value: object) -> str:
    """Return a value of an enumeration as an element names it: text as it is, anything else as JSON.

    The empty text is quoted too: nothing at all would stand in its name.
    """
    return value if isinstance(value, str) and value else json.dumps(value)


@dataclass(frozen=True)
class Asked:
    """An operation by its identity: equal digests declare alike, and the mappings in it cannot be hashed."""

    label: str
    digest: str
    operation: Operation = field(compare=False)


@lru_cache(maxsize=256)
def _outline(asked: Asked) -> Outline:
    operation = asked.operation
    label = operation.label
    statuses = {
        status: Element(label, Aspect.STATUS, status)
        for status in operation.responses
        if status.startswith(("2", "4"))
    }
    bodies: dict[tuple[str, str], Shape] = {}
    events: dict[tuple[str, str], Mapping[str, Shape]] = {}
    for status, response in operation.responses.items():
        if not status.startswith("2"):
            continue
        for media in response.media.values():
            if media.body is not None:
                shaper = Shaper(label, media.body.schema)
                bodies[status, media.name] = shaper.shape(origin=f"{label} {status}")
            if media.events is not None:
                events[status, media.name] = _events(label, media.events)
    shapes = [*bodies.values(), *(shape for stream in events.values() for shape in stream.values())]
    elements = frozenset(element for shape in shapes for element in shape.elements())
    return Outline(statuses, bodies, events, elements | frozenset(statuses.values()))


def _events(label: str, stream: Events) -> Mapping[str, Shape]:
    shapes = {}
    for name, branch in stream.branches.items():
        location = f"<{escaped(name)}>"
        shaper = Shaper(label, branch.schema, told=f"{location}/{escaped(stream.tag)}")
        shapes[name] = shaper.shape(Element(label, Aspect.EVENT, name), location, f"{label} {location}")
    return shapes


@dataclass(frozen=True)
class At:
    """A place in a body, and where the document declares what stands there."""

    location: str
    declaration: str

    def below(self, token: str) -> At:
        """Return where a property or an item of what stands here is."""
        return At(f"{self.location}/{token}", f"{self.declaration}/{token}")


class Shaper:
    """Makes the shape of one self-contained schema.

    Args:
        label: of the operation.
        schema: of a body or an event.
        told: a place whose enumeration is left out: the tag of an event. Its branch says all the values that
            the tag has in any branch, and the one that can stand there is the event itself.
    """

    def __init__(self, label: str, schema: Schema, told: str = "") -> None:
        self._label = label
        self._schema = schema
        self._told = told

    def shape(self, element: Element | None = None, location: str = "", origin: str = "") -> Shape:
        """Return the shape of the whole.

        Args:
            element: what the whole is, if it is one.
            location: where it stands.
            origin: what declares it.
        """
        return self._shape(self._schema, At(location, origin), element, frozenset())

    def _shape(self, node: Schema, at: At, element: Element | None, path: frozenset[str]) -> Shape:
        """Return the shape of a schema that stands at a place; `path` is the definitions that led there."""
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            if name in path:
                return Shape(element)  # a recursive schema has no end of places
            return self._shape(self._schema["$defs"][name], At(at.location, name), element, path | {name})
        location = at.location
        properties = {
            name: self._property(inner, at.below(escaped(name)), path)
            for name, inner in node.get("properties", {}).items()
        }
        free, items = node.get("additionalProperties"), node.get("items")
        below = None if items is None else self._shape(items, at.below("*"), None, path)
        listed = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
        if self._told and location == self._told:
            listed = []
        return Shape(
            element=element,
            properties=properties,
            extra=self._property(free, at.below("{}"), path) if isinstance(free, dict) else None,
            items=None if below is None or next(below.elements(), None) is None else below,
            values={
                spelled(value): self._element(Aspect.ENUM_VALUE, at, f" = {spelled(value)}")
                for value in listed
                if value is not None
            },
            branches=tuple(self._branches(node, at, path)),
        )

    def _property(self, node: Schema, at: At, path: frozenset[str]) -> Shape:
        return self._shape(node, at, self._element(Aspect.PROPERTY, at), path)

    def _element(self, aspect: Aspect, at: At, value: str = "") -> Element:
        return Element(self._label, aspect, at.location + value, at.declaration + value)

    def _branch(self, condition: Condition | None, at: At) -> Element | None:
        """Return what a branch is by being the one that is meant: of an answer nothing."""
        return None

    def _branches(
        self, node: Schema, at: At, path: frozenset[str]
    ) -> Iterator[tuple[Condition | None, Shape]]:
        for word in ("allOf", "oneOf", "anyOf"):
            for part in node.get(word, ()):
                condition = _condition(part["if"]) if "if" in part else None
                element = self._branch(condition, at)
                shape = self._shape(part.get("then", part), at, element, path)
                if next(shape.elements(), None) is not None:
                    yield condition, shape


def _condition(node: Schema) -> Condition:
    if "type" in node:
        return Condition(types=frozenset(node["type"]))
    [(tag, named)] = node["properties"].items()
    return Condition(tag=tag, values=frozenset(named["enum"]))
