"""A change: one conforming exchange altered in one place, and what the judge must say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cohere_conformance.model import Finding, Response

ANYTHING = frozenset(Kind)
ORDER = frozenset({Kind.STREAM_ORDER, Kind.STREAM_UNTERMINATED})


class Expected(NamedTuple):
    """A finding that a change must lead to.

    Attributes:
        kind: its kind.
        place: its place, exactly.
        value_class: the beginning of its value class, if one kind and location can mean several things.
    """

    kind: Kind
    location: str = ""
    value_class: str = ""

    def met_by(self, finding: Finding) -> bool:
        """Return whether the finding is the expected one."""
        return (
            finding.kind is self.kind
            and finding.location == self.location
            and finding.value_class.startswith(self.value_class)
        )


@dataclass(frozen=True)
class Edit:
    """One alteration of one JSON value.

    Attributes:
        name: what is done, in the words of the table.
        place: where, as a finding would name it.
        value: the altered value as a whole.
        must: what has to be found; empty if no rule forbids the result.
        may: kinds that may come along: one alteration can break several rules.
        reason: why nothing has to be found, where nothing has.
    """

    name: str
    location: str
    value: Any
    must: tuple[Expected, ...] = ()
    may: frozenset[Kind] = frozenset()
    reason: str = ""


@dataclass(frozen=True)
class Change:
    """One altered response; the attributes are those of `Edit`."""

    name: str
    location: str
    response: Response
    must: tuple[Expected, ...] = ()
    may: frozenset[Kind] = frozenset()
    reason: str = ""


def replaced(value: Any, path: tuple[str | int, ...], make: Callable[[Any], Any]) -> Any:
    """Return the value with what lies at the path remade; everything else is shared, not copied."""
    if not path:
        return make(value)
    copy = value.copy()
    inside = value.get(path[0]) if isinstance(value, dict) else value[path[0]]
    copy[path[0]] = replaced(inside, path[1:], make)
    return copy


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object without one of its properties."""
    return {key: item for key, item in value.items() if key != name}


def escaped(name: object) -> str:
    """Return a name as a token of a JSON pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


def unmet(must: Iterable[Expected], findings: Iterable[Finding]) -> list[Expected]:
    """Return what is expected and was not found."""
    found = list(findings)
    return [expected for expected in must if not any(expected.met_by(finding) for finding in found)]
