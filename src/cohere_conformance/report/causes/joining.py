"""Joins groups of findings that one declaration does not have in common, but one API does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.importance import earliness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.keys import Facts
    from cohere_conformance.report.causes.seen import SeenFinding

_VERSIONED = re.compile(r"v\d+\.(.+)")
"""A requirement on one version of an API."""
_JOINED = frozenset({"declaration", "error-body"})
"""Rules of groups about a value; an error body of a known form is none."""


def joined(groups: Sequence[CauseGroup], facts: Facts) -> list[CauseGroup]:
    """Return groups in which equally named values of one API that are wrong in the same way are together.

    Both versions of an operation may declare a value each for itself, and one serializer writes them. What is
    wrong with the bodies of all responses is wrong with those of errors as well.

    Args:
        groups: of what the contract finds.
        facts: about the run.
    """
    left: list[CauseGroup] = []
    known: dict[tuple[str, ...], list[CauseGroup]] = {}
    for group in sorted(groups, key=_order):
        if group.key.rule not in _JOINED or len(group.key.parts) == 1:
            left.append(group)
            continue
        alike = known.setdefault(_alike(group.members[0]), [])
        first = next((one for one in alike if _same(group, one, facts)), None)
        if first is not None:
            first.members += group.members
        else:
            alike.append(group)
            left.append(group)
    places = {id(group): number for number, group in enumerate(groups)}
    return sorted(left, key=lambda group: places[id(group)])


def joined_versions(groups: Sequence[CauseGroup]) -> list[CauseGroup]:
    """Return groups in which equal requirements on both versions of an API are together.

    One handler serves both. What follows from one of them is known before, as other requirements follow from
    those on the same version.

    Args:
        groups: of causes.
    """
    known: dict[str, CauseGroup] = {}
    left = []
    for group in groups:
        about = _VERSIONED.fullmatch(group.key.parts[0]) if group.key.rule == "requirement" else None
        first = known.setdefault(about[1], group) if about else group
        if first is group:
            left.append(group)
        else:
            first.members += group.members
            first.followers += group.followers
    return left


def _order(group: CauseGroup) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return what orders groups by when an ordinary client meets them."""
    return min(map(earliness, group.members)), group.key.parts


def _alike(one: SeenFinding) -> tuple[str, ...]:
    """Return what findings have in common that may be the same elsewhere.

    One function formats all times.
    """
    if one.row.kind is Kind.FORMAT_INVALID:
        return one.row.kind, one.value_class
    return one.row.kind, one.row.location.rpartition("/")[2], one.value_class


def _same(group: CauseGroup, first: CauseGroup, facts: Facts) -> bool:
    apis = [{facts.group(label) for label in one.operations} for one in (group, first)]
    if first.members[0].row.kind is Kind.FORMAT_INVALID:
        return all(_alike(one) == _alike(first.members[0]) for one in group.members)
    return apis[0] <= apis[1] and all(
        any(_near(one, other) for other in first.members) and _alike(one) == _alike(first.members[0])
        for one in group.members
    )


def _near(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether two values of one name are at one location, or in objects that are beside each other.

    An undeclared property is added wherever its serializer is used.
    """
    parents = [found.row.location.rpartition("/")[0] for found in (one, other)]
    beside = all(parents) and parents[0].rpartition("/")[0] == parents[1].rpartition("/")[0]
    return parents[0] == parents[1] or beside or one.row.kind is Kind.PROPERTY_UNDOCUMENTED
