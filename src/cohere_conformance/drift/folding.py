"""Changes with one cause as one line, however many operations and places they affect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.drift.compare import ADDED, MEMBERSHIP, REMOVED, Change
from cohere_conformance.drift.severity import worst
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from collections.abc import Hashable

_DEPRECATED = "deprecated"


@dataclass(frozen=True)
class Detail:
    """What is another one: `added`, `removed`, or an attribute with its values before and after."""

    what: str
    before: object = None
    after: object = None


@dataclass(frozen=True)
class FoldedChange:
    """Changes that have one cause.

    Attributes:
        severity: the worst class of them.
        details: what is another one, in all of the places.
        changes: one for each place.
    """

    severity: Severity
    details: tuple[Detail, ...]
    changes: tuple[Change, ...]

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that are affected."""
        return tuple(dict.fromkeys(change.operation for change in self.changes))

    @property
    def places(self) -> tuple[str, ...]:
        """Every place: the operation and the location in it."""
        return tuple(dict.fromkeys(place(change) for change in self.changes))


def place(change: Change) -> str:
    """Return the operation and the location of a change."""
    return f"{change.operation} {''.join(change.path)}".strip()


def folded(changes: list[Change]) -> list[FoldedChange]:
    """Return one line for changes of one declaration, the worst class first.

    1. Equal changes of one declaration, in the older or in the newer source, are one line, in however many
       operations and places it is used.
    2. Different changes in the same places are one line with several details.
    3. Equal changes of operations as such (a deprecation) are one line; a deprecation of anything below
       them is part of it.
    """
    deprecated = {one.operation for one in changes if one.what == _DEPRECATED and not one.path}
    groups = [
        group
        for group in _joined(changes)
        if group[0].what != _DEPRECATED
        or not group[0].path
        or not deprecated.issuperset(change.operation for change in group)
    ]
    by_places: dict[tuple[str, ...], list[list[Change]]] = {}
    for group in groups:
        by_places.setdefault(tuple(place(change) for change in group), []).append(group)
    lines = [_line(many) for many in by_places.values()]
    return sorted(lines, key=lambda line: list(Severity).index(line.severity))


def _line(groups: list[list[Change]]) -> FoldedChange:
    details = tuple(_detail(group) for group in groups)
    severity = worst([change.severity for group in groups for change in group])
    return FoldedChange(severity, details, tuple(groups[0]))


def _detail(group: list[Change]) -> Detail:
    """Return the change of a group: what is added may be required in requests and be in responses, too."""
    first = next((change for change in group if change.after is not None), group[0])
    return Detail(first.what, first.before, first.after)


def _joined(changes: list[Change]) -> list[list[Change]]:
    """Return the equal changes of each declaration together, in the order of the first of them."""
    leader: dict[Hashable, int] = {}
    groups: dict[int, list[int]] = {}
    for number, change in enumerate(changes):
        keys = _keys(change)
        found = sorted({leader[key] for key in keys if key in leader})
        first = found[0] if found else number
        members = groups.setdefault(first, [])
        for other in found[1:]:
            members += groups.pop(other)
            for key, value in leader.items():
                if value == other:
                    leader[key] = first
        members.append(number)
        for key in keys:
            leader[key] = first
    return [[changes[number] for number in sorted(members)] for _, members in sorted(groups.items())]


def _keys(change: Change) -> list[Hashable]:
    """Return what a change has in common with others that have the same cause."""
    values = () if change.what in (ADDED, REMOVED) else (repr(change.before), repr(change.after))
    what = (change.what, *values)
    if not change.path:
        return [what] if change.what not in (ADDED, REMOVED) else [(*what, change.old, change.new)]
    step = change.path[-1] if change.what in MEMBERSHIP else ""
    return [(*what, side, origin, step) for side, origin in (("old", change.old), ("new", change.new))]
