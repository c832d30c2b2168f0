"""Elements of an operation that a response can show: statuses, properties, events, values of enumerations.

The schemas of an operation become a tree with one node for each location, which is walked in parallel with a
response to find the elements that it shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.contract.keywords import keywords
from cohere_conformance.model import Aspect, Element
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract.compile import Events, Operation
    from cohere_conformance.contract.schema import Schema


@dataclass(frozen=True)
class Condition:
    """The condition that selects a branch of a union.

    Attributes:
        types: JSON types of the value; empty if a tag decides.
        tag: the property that decides.
        values: the values of the tag.
    """

    types: frozenset[str] = frozenset()
    tag: str = ""
    values: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shape:
    """The declaration of one location and everything below it.

    Attributes:
        element: the element at this location: a property, an event, in a request also a branch that a JSON
            type selects; `None` for the body itself and for array items.
        properties: by name.
        extra: properties of any other name, if they have a schema.
        items: the items of an array; `None` if they have no elements: vectors cost nothing.
        values: the enumeration, by `spelled`.
        branches: further declarations: unconditional (`None`), or under a condition.
        tested: the keywords that a value tests, by its JSON type (`keywords.TYPES`).
        sample: the items of an array that have no elements, but keywords: one item tests them all.
    """

    element: Element | None = None
    properties: Mapping[str, Shape] = field(default_factory=dict)
    extra: Shape | None = None
    items: Shape | None = None
    values: Mapping[str, Element] = field(default_factory=dict)
    branches: tuple[tuple[Condition | None, Shape], ...] = ()
    tested: Mapping[str, frozenset[Element]] = field(default_factory=dict)
    sample: Shape | None = None

    def elements(self) -> Iterator[Element]:
        """Yield every element here and below; once for each branch that declares it."""
        if self.element is not None:
            yield self.element
        yield from self.values.values()
        for below in self._below():
            yield from below.elements()

    def keywords(self) -> Iterator[Element]:
        """Yield every keyword here and below; once for each branch that declares it."""
        for tested in self.tested.values():
            yield from tested
        for below in self._below():
            yield from below.keywords()
        if self.sample is not None:
            yield from self.sample.keywords()

    def _below(self) -> Iterator[Shape]:
        for below in (*self.properties.values(), self.extra, self.items, *(one for _, one in self.branches)):
            if below is not None:
                yield below


@dataclass(frozen=True)
class Outline:
    """The elements of one operation's responses.

    Attributes:
        statuses: the 2xx and 4xx statuses by their declared names (`404`, `2XX`).
        bodies: for each 2xx status and JSON media type.
        events: for each 2xx status and media type of a stream, by type.
        elements: all of them.
        keywords: of the bodies and events.
    """

    statuses: Mapping[str, Element]
    bodies: Mapping[tuple[str, str], Shape]
    events: Mapping[tuple[str, str], Mapping[str, Shape]]
    elements: frozenset[Element]
    keywords: frozenset[Element] = frozenset()


def declared_keywords(operation: Operation) -> frozenset[Element]:
    """Return the keywords of the operation's 2xx responses that a value can put to the test."""
    return outline(operation).keywords


def declared(operation: Operation) -> frozenset[Element]:
    """Return the elements of the operation that an exchange can show.

    A property that a recursive schema declares below itself again counts once, at its first location.
    """
    return outline(operation).elements


def outline(operation: Operation) -> Outline:
    """Return the elements of the operation by location; cached for each distinct operation."""
    return _outline(OperationKey(operation.label, operation.digest, operation))


def spelled(value: object) -> str:
    """Return a value of an enumeration in the form that elements use: text as it is, anything else as JSON.

    The empty text is quoted, too.
    """
    return value if isinstance(value, str) and value else json.dumps(value)


@dataclass(frozen=True)
class OperationKey:
    """A hashable key of an operation: equal digests have equal declarations."""

    label: str
    digest: str
    operation: Operation = field(compare=False)


@lru_cache(maxsize=256)
def _outline(key: OperationKey) -> Outline:
    operation = key.operation
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
    words = frozenset(word for shape in shapes for word in shape.keywords())
    return Outline(statuses, bodies, events, elements | frozenset(statuses.values()), words)


def _events(label: str, stream: Events) -> Mapping[str, Shape]:
    shapes = {}
    for name, branch in stream.branches.items():
        location = f"<{escaped(name)}>"
        shaper = Shaper(label, branch.schema, excluded=f"{location}/{escaped(stream.tag)}")
        shapes[name] = shaper.shape(Element(label, Aspect.EVENT, name), location, f"{label} {location}")
    return shapes


@dataclass(frozen=True)
class DeclaredLocation:
    """A location in a body, and where the document declares it."""

    location: str
    declaration: str

    def below(self, token: str) -> DeclaredLocation:
        """Return the location of a property or an item."""
        return DeclaredLocation(f"{self.location}/{token}", f"{self.declaration}/{token}")


class Shaper:
    """Builds the shape of one self-contained schema.

    Args:
        label: of the operation.
        schema: of a body or an event.
        excluded: a location whose enumeration is left out: the tag of an event. It lists the tags of all
            events, of which only this event's own is possible.
    """

    def __init__(self, label: str, schema: Schema, excluded: str = "") -> None:
        self._label = label
        self._schema = schema
        self._excluded = excluded

    def shape(self, element: Element | None = None, location: str = "", origin: str = "") -> Shape:
        """Return the shape of the schema.

        Args:
            element: the element that the schema itself is, if any.
            location: its location in the body.
            origin: where the document declares it.
        """
        return self._shape(self._schema, DeclaredLocation(location, origin), element, frozenset())

    def _shape(
        self, node: Schema, at: DeclaredLocation, element: Element | None, path: frozenset[str]
    ) -> Shape:
        """Return the shape of a schema at a location; `path` is the definitions that lead there."""
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            if name in path:
                return Shape(element)  # a recursive schema has infinitely many locations
            return self._shape(
                self._schema["$defs"][name], DeclaredLocation(at.location, name), element, path | {name}
            )
        location = at.location
        properties = {
            name: self._property(inner, at.below(escaped(name)), path)
            for name, inner in node.get("properties", {}).items()
        }
        free, items = node.get("additionalProperties"), node.get("items")
        below = None if items is None else self._shape(items, at.below("*"), None, path)
        listed = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
        if self._excluded and location == self._excluded:
            listed = []
        has_elements = below is not None and next(below.elements(), None) is not None
        return Shape(
            element=element,
            properties=properties,
            extra=self._property(free, at.below("{}"), path) if isinstance(free, dict) else None,
            items=below if has_elements else None,
            values={
                spelled(value): self._element(Aspect.ENUM_VALUE, at, f" = {spelled(value)}")
                for value in listed
                if value is not None
            },
            branches=tuple(self._branches(node, at, path)),
            tested=self._tested(node, at),
            sample=None if has_elements else below,
        )

    def _tested(self, node: Schema, at: DeclaredLocation) -> Mapping[str, frozenset[Element]]:
        tested: dict[str, set[Element]] = {}
        for kind, word in keywords(node):
            tested.setdefault(kind, set()).add(self._element(Aspect.KEYWORD, at, f": {word}"))
        return {kind: frozenset(words) for kind, words in tested.items()}

    def _property(self, node: Schema, at: DeclaredLocation, path: frozenset[str]) -> Shape:
        return self._shape(node, at, self._element(Aspect.PROPERTY, at), path)

    def _element(self, aspect: Aspect, at: DeclaredLocation, value: str = "") -> Element:
        return Element(self._label, aspect, at.location + value, at.declaration + value)

    def _branch(self, condition: Condition | None, at: DeclaredLocation) -> Element | None:
        """Return the element that a branch itself is: none in a response."""
        return None

    def _branches(
        self, node: Schema, at: DeclaredLocation, path: frozenset[str]
    ) -> Iterator[tuple[Condition | None, Shape]]:
        for word in ("allOf", "oneOf", "anyOf"):
            for part in node.get(word, ()):
                condition = _condition(part["if"]) if "if" in part else None
                element = self._branch(condition, at)
                shape = self._shape(part.get("then", part), at, element, path)
                if next(shape.elements(), None) is not None or next(shape.keywords(), None) is not None:
                    yield condition, shape


def _condition(node: Schema) -> Condition:
    if "type" in node:
        return Condition(types=frozenset(node["type"]))
    [(tag, named)] = node["properties"].items()
    return Condition(tag=tag, values=frozenset(named["enum"]))
