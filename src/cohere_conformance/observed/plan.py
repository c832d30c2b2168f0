"""What a walk through responses needs of the contract, resolved once for each location."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.checks.shapes import applicable
from cohere_conformance.contract.elements import OperationKey, outline
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.contract import Operation
    from cohere_conformance.contract.elements import Shape


class PlannedProperty(NamedTuple):
    """A declared property.

    Attributes:
        name: of the property.
        below: what is declared of its value.
    """

    name: str
    below: LocationPlan


class ResolvedPlan:
    """What the declarations that apply to a value say.

    Args:
        location: of the value.
        shapes: the declarations.

    Attributes:
        properties: those that are declared, in the order of the declarations.
        names: their names.
        free: the plan of properties of any other name; `None` if they have no schema.
        items: the plan of the items of an array; `None` if they have no elements.
        may_be_vector: whether no item has an enumeration, so that numbers need not be looked at one by one.
        listed: the values that enumerations have.
    """

    __slots__ = ("free", "items", "listed", "may_be_vector", "names", "properties")

    def __init__(self, location: str, shapes: tuple[Shape, ...]) -> None:
        named: dict[str, list[Shape]] = {}
        for shape in shapes:
            for name, below in shape.properties.items():
                named.setdefault(name, []).append(below)
        self.properties = tuple(
            PlannedProperty(name, LocationPlan(f"{location}/{escaped(name)}", tuple(declared)))
            for name, declared in named.items()
        )
        self.names = frozenset(named)
        free = tuple(shape.extra for shape in shapes if shape.extra is not None)
        self.free = LocationPlan(f"{location}/{{}}", free) if free else None
        items = tuple(shape.items for shape in shapes if shape.items is not None)
        self.items = LocationPlan(f"{location}/*", items) if items else None
        self.may_be_vector = not any(one.values for one in items)
        self.listed = frozenset(name for shape in shapes for name in shape.values)


class LocationPlan:
    """What is declared of the values at a location.

    Args:
        location: as in `Finding.location`.
        declared: its declarations; which of their branches apply depends on the value.

    Attributes:
        location: likewise.
    """

    __slots__ = ("_declared", "_depends", "_resolved", "location")

    def __init__(self, location: str, declared: tuple[Shape, ...]) -> None:
        self.location = location
        self._declared = declared
        self._depends = any(shape.branches for shape in declared)
        self._resolved: dict[tuple[int, ...], ResolvedPlan] = {}

    def resolved(self, value: object) -> ResolvedPlan:
        """Return what applies to a value."""
        shapes = tuple(applicable(value, self._declared)) if self._depends else self._declared
        # The shapes live as long as the plan, so that their ids do not change.
        key = tuple(map(id, shapes)) if self._depends else ()
        found = self._resolved.get(key)
        if found is None:
            found = self._resolved[key] = ResolvedPlan(self.location, shapes)
        return found


class ResponsePlans(NamedTuple):
    """The plans of an operation, by declared status and media type.

    Attributes:
        bodies: of JSON bodies.
        events: of the events of streams, by type.
    """

    bodies: Mapping[tuple[str, str], LocationPlan]
    events: Mapping[tuple[str, str], Mapping[str, LocationPlan]]


def response_plans(operation: Operation) -> ResponsePlans:
    """Return the plans of an operation; made once."""
    return _plans(OperationKey(operation.label, operation.digest, operation))


@lru_cache(maxsize=256)
def _plans(key: OperationKey) -> ResponsePlans:
    whole = outline(key.operation)
    return ResponsePlans(
        {where: LocationPlan("", (shape,)) for where, shape in whole.bodies.items()},
        {
            where: {name: LocationPlan(f"<{escaped(name)}>", (shape,)) for name, shape in events.items()}
            for where, events in whole.events.items()
        },
    )
