"""Elements of an operation that a request can show: parameters, form parts, and those of a body.

The elements of a body are its properties, the values of its enumerations, and the JSON types of properties
with several. If a tag selects the branch of a union, the values of the tag represent the branches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.contract.elements import Condition, OperationKey, Shape, Shaper
from cohere_conformance.model import Aspect, Element

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.contract.compile import Operation, Validator
    from cohere_conformance.contract.elements import DeclaredLocation
    from cohere_conformance.contract.schema import Schema

FORM = "multipart/form-data"
_GIVEN = Condition(types=frozenset({"array", "boolean", "integer", "number", "object", "string"}))
"""A `null` of an optional property means absent."""
_PARAMETER = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True)
class RequestOutline:
    """The elements of one operation's requests.

    Attributes:
        path: the parameters of the path, which every request of the operation has.
        query: by name of the parameter, with the values of one occurrence.
        form: by name of the part, likewise; empty if no form is declared.
        bodies: for each JSON media type.
        elements: all of them.
    """

    path: frozenset[Element]
    query: Mapping[str, Shape]
    form: Mapping[str, Shape]
    bodies: Mapping[str, Shape]
    elements: frozenset[Element]


def requestable(operation: Operation) -> frozenset[Element]:
    """Return the elements of the operation that a request can show."""
    return request_outline(operation).elements


def request_outline(operation: Operation) -> RequestOutline:
    """Return the elements of the operation's requests; cached for each distinct operation."""
    return _outline(OperationKey(operation.label, operation.digest, operation))


@lru_cache(maxsize=256)
def _outline(key: OperationKey) -> RequestOutline:
    operation, label = key.operation, key.label
    media = operation.request.media if operation.request is not None else {}
    path = frozenset(Element(label, Aspect.PARAMETER, f"path:{name}") for name in _PARAMETER.findall(label))
    query = {name: _text(label, f"query:{name}", one.value) for name, one in operation.query.items()}
    form = _form(label, media[FORM]) if FORM in media else {}
    bodies = {
        name: _RequestShaper(label, validator.schema).shape(origin=label)
        for name, validator in media.items()
        if name != FORM
    }
    shapes = (*query.values(), *form.values(), *bodies.values())
    return RequestOutline(
        path, query, form, bodies, path.union(*(frozenset(shape.elements()) for shape in shapes))
    )


def _text(label: str, location: str, declared: Validator) -> Shape:
    """Return the elements of a value that is sent as text: its presence, and its enumeration."""
    return _named(label, location, _RequestShaper(label, declared.schema).shape())


def _form(label: str, declared: Validator) -> Mapping[str, Shape]:
    parts = _RequestShaper(label, declared.schema).shape().properties
    return {name: _named(label, f"form:{name}", shape) for name, shape in parts.items()}


def _named(label: str, location: str, shape: Shape) -> Shape:
    values = {
        value: Element(label, Aspect.ENUM_VALUE, f"{location} = {value}")
        for one in (shape, *(branch for _, branch in shape.branches))
        for value in one.values
    }
    return Shape(Element(label, Aspect.PARAMETER, location), values=values)


class _RequestShaper(Shaper):
    """Builds the shape of a request body, in which `null` may mean absent."""

    def _property(self, node: Schema, at: DeclaredLocation, path: frozenset[str]) -> Shape:
        declared = node.get("else", node)
        if declared.get("readOnly"):
            return Shape()  # set by the server only
        shape = super()._property(declared, at, path)
        return shape if declared is node else Shape(branches=((_GIVEN, shape),))

    def _branch(self, condition: Condition | None, at: DeclaredLocation) -> Element | None:
        if condition is None or not condition.types:
            return None
        return self._element(Aspect.BRANCH, at, f" is {' or '.join(sorted(condition.types))}")
