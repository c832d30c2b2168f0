"""Which groups of findings follow from others: a case that fails says less than the contract does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.keys import Facts
    from cohere_conformance.report.causes.seen import SeenFinding


def explained(groups: Sequence[CauseGroup], facts: Facts) -> list[CauseGroup]:
    """Return the groups that no other explains; the others follow those that explain them."""
    weak = [group for group in groups if all(one.by_case for one in group.members)]
    strong = [group for group in groups if not all(one.by_case for one in group.members)]
    left = []
    for group in weak:
        rest = []
        for one in group.members:
            if (explaining := _explaining(one, strong)) is not None:
                explaining.followers.append(one)
            else:
                rest.append(one)
        if rest:
            group.members = rest
            left.append(group)
    return [*strong, *_in_same_cases(left)]


def _explaining(one: SeenFinding, strong: Sequence[CauseGroup]) -> CauseGroup | None:
    """Return the group that explains best why a case fails."""
    rated = [(rating, group) for group in strong if (rating := _rating(one, group)) is not None]
    # Of several that explain it equally well, the rarest: what is wrong everywhere explains nothing.
    return min(rated, key=lambda pair: (pair[0], len(pair[1].cases), pair[1].key.parts))[1] if rated else None


def _rating(one: SeenFinding, group: CauseGroup) -> int | None:
    """Return how well a group explains a finding, the smallest number best; `None` if it does not."""
    ours = [other for other in group.members if other.row.operation == one.row.operation]
    if not ours:
        return None
    together = bool(one.companions & {other.row.fingerprint for other in ours})
    shared = one.cases and one.cases <= group.cases
    if not (together or shared):
        return None
    places = [other.place for other in ours]
    if one.place in places:
        return 0
    if any(_near(one.place, place) for place in places):
        return 1
    return None


def _near(one: str, other: str) -> bool:
    """Return whether one location is above the other."""
    if not one or not other:
        return False
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _in_same_cases(groups: Sequence[CauseGroup]) -> list[CauseGroup]:
    """Return the groups with those as one that fail exactly the same cases of the same operations."""
    by_cases: dict[tuple[frozenset[str], frozenset[str]], CauseGroup] = {}
    for group in groups:
        key = (group.operations, group.cases)
        if group.cases and key in by_cases:
            by_cases[key].follow(group)
        else:
            by_cases[key if group.cases else (group.operations, frozenset(group.key.parts))] = group
    return list(by_cases.values())
