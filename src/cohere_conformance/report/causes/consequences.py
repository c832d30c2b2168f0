"""Which groups of findings are consequences: they are found only where another group is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.group import Key
from cohere_conformance.report.causes.topics import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.seen import SeenFinding

_NOT_VALIDATED = (Key("topic", ("invalid", ACCEPTED)), Key("topic", ("required", ACCEPTED)))
_CRASH = Key("crash-on-invalid", ())
_RENAMED = frozenset({Kind.PROPERTY_MISSING, Kind.PROPERTY_UNDOCUMENTED})


def without_consequences(strong: Sequence[CauseGroup], weak: Sequence[CauseGroup]) -> list[CauseGroup]:
    """Return the groups of what the contract finds without those that follow from another one.

    Args:
        strong: groups of what the contract finds.
        weak: groups of what only cases expect; some of them explain what a server responds to requests that
            it should have refused.
    """
    left = list(strong)
    for find in (_unvalidated, _always_with, _same_object):
        for group in sorted(strong, key=lambda one: (-one.severity, one.count, one.key.parts)):
            if group not in left:
                continue
            others = [one for one in (*left, *(weak if find is _unvalidated else ())) if one is not group]
            if (explaining := find(group, others)) is not None:
                explaining.follow(group)
                left.remove(group)
    return left


def _unvalidated(group: CauseGroup, others: Sequence[CauseGroup]) -> CauseGroup | None:
    """Return the group about requests that were served instead of refused, if this one is about them, too."""
    if group.key in {_CRASH, *_NOT_VALIDATED} and not group.cases:
        # Only generated requests show it, and what was changed in them says more.
        return next(
            (one for one in others if one.key.rule == "input" and one.operations & group.operations), None
        )
    if group.key == _CRASH:
        return next((one for key in _NOT_VALIDATED for one in others if one.key == key), None)
    if not all(one.rank[0] and one.served for one in group.members):
        return None
    if group.key.rule in {"declaration", "requirement"} and not group.cases:
        inputs = [one for one in others if one.key.rule == "input"]
        return next((one for one in inputs if _come_with(group, one)), None)
    if group.key.rule != "declaration":
        return None
    return next(
        (
            other
            for other in others
            if any(
                one.row.kind is Kind.STATUS_UNEXPECTED and one.cases & group.cases for one in other.members
            )
        ),
        None,
    )


def _always_with(group: CauseGroup, others: Sequence[CauseGroup]) -> CauseGroup | None:
    """Return a group that comes with each finding of a group, at its location and about as often."""
    return _accompanying(group, others, _at_same_place)


def _same_object(group: CauseGroup, others: Sequence[CauseGroup]) -> CauseGroup | None:
    """Return a group of properties of the same object, which are wrong together in the same way."""
    if group.key.rule != "declaration":
        return None
    return _accompanying(group, [one for one in others if one.key.rule == "declaration"], _siblings)


def _accompanying(
    group: CauseGroup, others: Sequence[CauseGroup], fits: Callable[[SeenFinding, SeenFinding], bool]
) -> CauseGroup | None:
    for other in others:
        if not group.operations <= other.operations:
            continue
        ours = {one.row.fingerprint: one for one in other.members}
        if all(
            any(
                fits(one, ours[name]) and one.row.count * 5 >= ours[name].row.count
                for name in one.companions & ours.keys()
            )
            for one in group.members
        ) and _precedes(other, group):
            return other
    return None


def _at_same_place(one: SeenFinding, other: SeenFinding) -> bool:
    if not one.place or not other.place:
        return one.place == other.place
    return f"{one.place}/".startswith(f"{other.place}/") or other.place.startswith(f"{one.place}/")


def _come_with(group: CauseGroup, other: CauseGroup) -> bool:
    """Return whether each finding of a group comes with one of another group."""
    fingerprints = {one.row.fingerprint for one in other.members}
    return all(one.companions & fingerprints for one in group.members)


def _siblings(one: SeenFinding, other: SeenFinding) -> bool:
    if one.place.rpartition("/")[0] != other.place.rpartition("/")[0]:
        return False
    if {one.row.kind, other.row.kind} <= _RENAMED:
        return True
    return (one.row.kind, one.value_class) == (other.row.kind, other.value_class) and bool(one.value_class)


def _precedes(other: CauseGroup, group: CauseGroup) -> bool:
    """Return whether a group is the one that explains, if both always come together."""
    ours = {one.row.fingerprint for one in group.members}
    mutual = all(one.companions & ours for one in other.members)
    first = (other.severity, -other.count, other.key.parts)
    return not mutual or first < (group.severity, -group.count, group.key.parts)
