"""Which groups of findings follow from others: a case that fails says less than the contract does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.group import Key
from cohere_conformance.report.causes.topics import ACCEPTED, outcome, refusal_expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.keys import Facts
    from cohere_conformance.report.causes.seen import SeenFinding


def explained(groups: Sequence[CauseGroup], facts: Facts) -> list[CauseGroup]:
    """Return the groups that no other explains; the others follow those that explain them."""
    strong = [group for group in groups if not all(one.by_case for one in group.members)]
    weak = [group for group in groups if all(one.by_case for one in group.members)]
    left = []
    for group in weak:
        rest = []
        for one in group.members:
            if (explaining := _explaining(one, strong, facts)) is not None:
                explaining.followers.append(one)
            else:
                rest.append(one)
        if rest:
            group.members = rest
            left.append(group)
    return [*_without_consequences(strong), *_in_same_cases(left)]


def _explaining(one: SeenFinding, strong: Sequence[CauseGroup], facts: Facts) -> CauseGroup | None:
    """Return the group that explains best why a case fails."""
    rated = [(rating, group) for group in strong if (rating := _rating(one, group, facts)) is not None]
    # Of several that explain it equally well, the rarest: what is wrong everywhere explains nothing.
    return min(rated, key=lambda pair: (pair[0], len(pair[1].cases), pair[1].key.parts))[1] if rated else None


def _rating(one: SeenFinding, group: CauseGroup, facts: Facts) -> int | None:
    """Return how well a group explains a finding, the smallest number best; `None` if it does not."""
    ours = [other for other in group.members if other.row.operation == one.row.operation]
    together = bool(one.companions & {other.row.fingerprint for other in ours})
    shared = bool(one.cases) and one.cases <= frozenset(case for other in ours for case in other.cases)
    relations = [_relation(one, other) for other in ours]
    if (together or shared) and (best := min(filter(None, relations), default=None)) is not None:
        return best
    if shared and any(not other.place and one.cases <= other.cases for other in ours):
        return _WHOLE
    api = facts.group(one.row.operation)
    near = [other for other in group.members if facts.group(other.row.operation) == api]
    if any(_names(one.place) and _names(one.place) == _names(other.place) for other in near):
        return _ELSEWHERE
    if any(_subjects(one) & _subject_of(other) and _same_outcome(one, other) for other in near):
        return _SUBJECT
    if group.key == _NOT_VALIDATED and one.row.kind is Kind.STATUS_UNEXPECTED and refusal_expected(one.row):
        return _UNCHECKED if outcome(one.row) == ACCEPTED else None
    return None


_SAME, _ABOVE, _ALIKE, _WHOLE, _ELSEWHERE, _SUBJECT, _UNCHECKED = range(1, 8)
_NOT_VALIDATED = Key("topic", ("invalid", ACCEPTED))
_WRAPPERS = frozenset({"*", "{}", "delta", "response", "message"})
_COMMON = frozenset(
    {"of", "and", "the", "is", "are", "a", "as", "by", "in", "one", "no", "not", "with", "v1", "v2"}
)


def _relation(one: SeenFinding, other: SeenFinding) -> int | None:
    """Return how close the locations of two findings are; `None` if they are about different things."""
    if one.place == other.place:
        return _SAME
    if _near(one.place, other.place):
        return _ABOVE
    names, others = _names(one.place), _names(other.place)
    return _ALIKE if names and others and names[-1] == others[-1] else None


def _near(one: str, other: str) -> bool:
    """Return whether one location is above the other."""
    if not one or not other:
        return False
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _names(place: str) -> tuple[str, ...]:
    """Return the names of properties in a location that say what a value is."""
    path = place.partition("/")[2] if place.startswith("<") else place
    names = (token for token in path.split("/") if token and token not in _WRAPPERS)
    return tuple(name.removesuffix("s") for name in names if not name.isdigit())


def _subjects(one: SeenFinding) -> frozenset[str]:
    """Return the words in the names of the cases."""
    words = (word for case in one.cases for word in case.rpartition(".")[2].split("-"))
    return frozenset(words) - _COMMON


def _subject_of(other: SeenFinding) -> frozenset[str]:
    """Return the words in the name of a requirement."""
    return frozenset((other.row.requirement or "").rpartition(".")[2].split("-")) - _COMMON


def _same_outcome(one: SeenFinding, other: SeenFinding) -> bool:
    return one.row.status // 100 == other.row.status // 100 and not other.place


def _without_consequences(groups: Sequence[CauseGroup]) -> list[CauseGroup]:
    """Return the groups without those that are found only where another one is, at the same location."""
    left = []
    for group in groups:
        if (explaining := _always_with(group, groups)) is not None:
            explaining.follow(group)
        else:
            left.append(group)
    return left


def _always_with(group: CauseGroup, groups: Sequence[CauseGroup]) -> CauseGroup | None:
    """Return a group that comes with each finding of a group, at the same location and about as often."""
    for other in groups:
        if other is group or not group.operations <= other.operations:
            continue
        fingerprints = {one.row.fingerprint: one for one in other.members}
        if all(
            any(
                one.place == fingerprints[name].place and _about_as_often(one, fingerprints[name])
                for name in one.companions & fingerprints.keys()
            )
            for one in group.members
        ) and _precedes(other, group):
            return other
    return None


def _about_as_often(one: SeenFinding, other: SeenFinding) -> bool:
    return one.row.count * 5 >= other.row.count


def _precedes(other: CauseGroup, group: CauseGroup) -> bool:
    """Return whether a group is the one that explains, if both always come together."""
    ours = {one.row.fingerprint for one in group.members}
    mutual = all(one.companions & ours for one in other.members)
    key = (other.severity, -other.count, other.key.parts), (group.severity, -group.count, group.key.parts)
    return not mutual or key[0] < key[1]


def _in_same_cases(groups: Sequence[CauseGroup]) -> list[CauseGroup]:
    """Return the groups of what only cases expect, as one if they fail a common case of one operation."""
    left: list[CauseGroup] = []
    for group in sorted(groups, key=lambda one: (-len(one.cases), one.key.parts)):
        first = next(
            (one for one in left if one.cases & group.cases and one.operations & group.operations), None
        )
        if first is None:
            left.append(group)
        else:
            first.members += group.members
    return left
