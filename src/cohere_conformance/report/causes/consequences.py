"""Which groups of findings are consequences: they are found only where another group is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.fitting import (
    at_same_place,
    is_of_type,
    repeats,
    siblings,
    typed,
    unwrapped,
)
from cohere_conformance.report.causes.group import Key
from cohere_conformance.report.causes.inputs import DRAWN
from cohere_conformance.report.causes.streams import of_damaged_stream, without_readable_end
from cohere_conformance.report.causes.topics import ACCEPTED, refusal_expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.keys import Facts
    from cohere_conformance.report.causes.seen import SeenFinding

NOT_VALIDATED = (Key("topic", ("invalid", ACCEPTED)), Key("topic", ("required", ACCEPTED)))
"""Keys of the groups about requests that are not validated."""
_MANY = 6
"""Requirements on what is refused: if so many are violated, requests are not validated in general."""
_COMMON = "common"
"""The catalogue of the requirements on all operations, where one API says nothing about another."""
CRASH = Key("crash-on-invalid", ())
"""Key of the group about invalid requests that crash."""
_OF_TYPE = frozenset({Kind.TYPE_CHANGED, Kind.NULL_UNEXPECTED})


def without_consequences(
    strong: Sequence[CauseGroup], weak: Sequence[CauseGroup], facts: Facts
) -> list[CauseGroup]:
    """Return the groups of what the contract finds without those that follow from another one.

    Args:
        strong: groups of what the contract finds.
        weak: groups of what only cases expect; some of them explain what a server responds to requests that
            it should have refused.
        facts: about the run.
    """
    search = _Search(strong, weak, facts)
    for find in (
        search.drawn,
        search.unvalidated,
        search.hardly_validated,
        search.founded,
        search.of_another_object,
        search.of_another_type,
        search.repeated,
        search.in_damaged_stream,
        search.always_with,
        search.same_object,
    ):
        for group in sorted(strong, key=lambda one: (-one.severity, one.count, one.key.parts)):
            if group in search and (explaining := find(group)) is not None:
                explaining.follow(group)
                search.remove(group)
    return search.left


class _Search:
    """The groups that are left, and where to look for those that may explain one: thousands are not compared
    in pairs.

    Args:
        strong: groups of what the contract finds.
        weak: groups of what only cases expect.
        facts: about the run.
    """

    def __init__(self, strong: Sequence[CauseGroup], weak: Sequence[CauseGroup], facts: Facts) -> None:
        everything = (*strong, *weak)
        self._facts = facts
        self._violations: dict[str, list[CauseGroup]] = {}
        self._order = {id(group): number for number, group in enumerate(everything)}
        self._left = {id(group): group for group in strong}
        self._weak = {id(group): group for group in weak}
        self._inputs = [group for group in everything if group.key.rule == "input"]
        self._typing = [group for group in strong if any(map(is_of_type, group.members))]
        self._types: dict[str, list[CauseGroup]] = {}
        for group in strong:
            if declaration := _of_type(group):
                self._types.setdefault(declaration, []).append(group)
        self._by_key = {group.key: group for group in everything}
        self._owners: dict[str, CauseGroup] = {}
        self._unexpected: dict[str, list[CauseGroup]] = {}
        self._operations = {id(group): group.operations for group in everything}
        self._served = {group.key for group in strong if _serves_invalid(group)}
        for group in everything:
            for one in group.members:
                self._owners[one.row.fingerprint] = group
                if one.row.requirement and group not in self._violations.setdefault(one.row.requirement, []):
                    self._violations[one.row.requirement].append(group)
                if one.row.kind is Kind.STATUS_UNEXPECTED:
                    for case in one.cases:
                        self._unexpected.setdefault(case, []).append(group)

    def __contains__(self, group: CauseGroup) -> bool:
        return id(group) in self._left

    @property
    def left(self) -> list[CauseGroup]:
        """The groups that nothing explains, in their order."""
        return list(self._left.values())

    def remove(self, group: CauseGroup) -> None:
        """Take out a group that another one explains."""
        del self._left[id(group)]

    def drawn(self, group: CauseGroup) -> CauseGroup | None:
        """Return the group of a known input with the same outcome, if this one is about random values."""
        if group.key.rule != "input" or group.key.parts[-1] != DRAWN:
            return None
        known = (one for one in self._inputs if one.key.parts[:3] == group.key.parts[:3])
        return self._first(
            group, (one for one in known if self._operations[id(group)] <= self._operations[id(one)])
        )

    def unvalidated(self, group: CauseGroup) -> CauseGroup | None:
        """Return the group about requests that were served instead of refused, if it explains this one."""
        if group.key in {CRASH, *NOT_VALIDATED} and not group.cases:
            # Only generated requests show it, and what was changed in them says more.
            return self._first(group, (one for one in self._inputs if one.operations & group.operations))
        if group.key == CRASH:
            known = (self._by_key[key] for key in NOT_VALIDATED if key in self._by_key)
            return next((one for one in known if self._explains(group, one)), None)
        if group.key.rule == "declaration" and all(one.served and not one.cases for one in group.members):
            # Only what removes resources has seen it: a value that was accepted when one was created.
            known = (self._by_key[key] for key in NOT_VALIDATED if key in self._by_key)
            if (
                accepting := next((one for one in known if self._apis(group) <= self._apis(one)), None)
            ) is not None:
                return accepting if self._explains(group, accepting) else None
        refusals = [one for one in self._companions(group) if _serves_invalid(one)]
        if found := [one for one in refusals if _come_with(group, one) and not _serves_invalid(group)]:
            return self._first(group, found)
        if not all(one.rank[0] and one.served for one in group.members):
            return None
        if group.key.rule in {"declaration", "requirement"} and not group.cases:
            inputs = [one for one in self._companions(group) if one.key.rule == "input"]
            return self._first(group, (one for one in inputs if _come_with(group, one)))
        if group.key.rule not in {"declaration", "requirement"} or _serves_invalid(group):
            return None
        return self._first(group, (one for case in group.cases for one in self._unexpected.get(case, ())))

    def hardly_validated(self, group: CauseGroup) -> CauseGroup | None:
        """Return the group about invalid values, if many requests are served like that."""
        if len(self._served) < _MANY or group.key not in self._served:
            return None
        return self._first(group, (self._by_key[key] for key in NOT_VALIDATED if key in self._by_key))

    def founded(self, group: CauseGroup) -> CauseGroup | None:
        """Return the group of a requirement without which another one says nothing."""
        required = {one.row.requirement for one in group.members}
        known = self._facts.background.follows
        # A subject of several requirements follows only if each of them does.
        follows = set.intersection(*(set(known.get(name or "", ())) for name in required))
        apis = self._apis(group)
        catalogues = {_catalogue(name or "") for name in required}
        found = (
            one
            for name in follows
            for one in self._violations.get(name, ())
            if apis <= self._apis(one) or catalogues == {_catalogue(name)} != {_COMMON}
        )
        return self._first(group, (one for one in found if one in self))

    def _apis(self, group: CauseGroup) -> set[str]:
        return {self._facts.group(label) for label in self._operations[id(group)]}

    def of_another_object(self, group: CauseGroup) -> CauseGroup | None:
        """Return a group of a requirement that says that the object of each finding is another one.

        What a wrong type selects is wrong in other operations of the same API as well.
        """
        if group.key.rule != "declaration":
            return None
        objects = [one for one in self._companions(group) if one.key.rule in {"requirement", "declaration"}]
        found = [one for one in objects if one in self and _come_with(group, one, unwrapped)]
        typing = (one for one in self._typing if one in self and self._apis(group) <= self._apis(one))
        found += [one for one in typing if all(any(typed(a, b) for b in one.members) for a in group.members)]
        return self._first(group, found)

    def of_another_type(self, group: CauseGroup) -> CauseGroup | None:
        """Return the group about the same values of the same operations, which have still another type.

        What is sent as a text is null where there is nothing to send.
        """
        ours = self._operations[id(group)]
        declared = self._types.get(_of_type(group), ())
        found = (one for one in declared if ours <= self._operations[id(one)] and _is_rather(one, group))
        return self._first(group, (one for one in found if one in self))

    def repeated(self, group: CauseGroup) -> CauseGroup | None:
        """Return a group of a requirement on a value that the header fields of a group repeat."""
        if group.key.rule != "header":
            return None
        required = [one for one in self._companions(group) if one.key.rule == "requirement"]
        return self._first(
            group, (one for one in required if one in self and _come_with(group, one, repeats))
        )

    def in_damaged_stream(self, group: CauseGroup) -> CauseGroup | None:
        """Return a group about the events of each stream in which the findings of this one are."""
        others = [one for one in self._companions(group) if one in self]
        damaging = (one for one in others if _come_with(group, one, of_damaged_stream))
        unreadable = (one for one in self.left if without_readable_end(group, one))
        return self._first(group, (*damaging, *unreadable))

    def always_with(self, group: CauseGroup) -> CauseGroup | None:
        """Return a group that comes with each finding of a group, at its location and about as often."""
        return self._accompanying(group, self._companions(group), at_same_place)

    def same_object(self, group: CauseGroup) -> CauseGroup | None:
        """Return a group of properties of the same object, which are wrong together in the same way."""
        if group.key.rule != "declaration":
            return None
        declared = [one for one in self._companions(group) if one.key.rule == "declaration"]
        return self._accompanying(group, declared, siblings)

    def _accompanying(
        self,
        group: CauseGroup,
        others: Iterable[CauseGroup],
        fits: Callable[[SeenFinding, SeenFinding], bool],
    ) -> CauseGroup | None:
        operations = self._operations[id(group)]
        found = (
            one
            for one in others
            if one in self and operations <= self._operations[id(one)] and _accompanies(one, group, fits)
        )
        return self._first(group, found)

    def _companions(self, group: CauseGroup) -> list[CauseGroup]:
        """Return the groups with a finding that comes with the first one of a group."""
        names = group.members[0].companions & self._owners.keys()
        return list({id(owner): owner for owner in map(self._owners.__getitem__, names)}.values())

    def _explains(self, group: CauseGroup, one: CauseGroup) -> bool:
        return one is not group and (one in self or id(one) in self._weak)

    def _first(self, group: CauseGroup, others: Iterable[CauseGroup]) -> CauseGroup | None:
        """Return the group that comes first in the order of all groups."""
        explaining = (one for one in others if self._explains(group, one))
        return min(explaining, key=lambda one: self._order[id(one)], default=None)


def _catalogue(requirement: str) -> str:
    """Return what the ids of requirements of one catalogue have in common."""
    return requirement.rpartition(".")[0]


def _serves_invalid(group: CauseGroup) -> bool:
    """Return whether a requirement says that something is refused, and it was served."""
    return group.key.rule == "requirement" and all(
        one.served and not one.place and refusal_expected(one.row) for one in group.members
    )


def _accompanies(
    other: CauseGroup, group: CauseGroup, fits: Callable[[SeenFinding, SeenFinding], bool]
) -> bool:
    """Return whether each finding of a group comes with one of another group, which explains it."""
    ours = {one.row.fingerprint: one for one in other.members}
    return all(
        any(
            fits(one, ours[name]) and one.row.count * 5 >= ours[name].row.count
            for name in one.companions & ours.keys()
        )
        for one in group.members
    ) and _precedes(other, group)


def _of_type(group: CauseGroup) -> str:
    """Return the declaration of values of another type; empty for all other groups."""
    kind, *declaration = group.key.parts if group.key.rule == "declaration" else ("",)
    return declaration[0] if kind in _OF_TYPE else ""


def _is_rather(one: CauseGroup, group: CauseGroup) -> bool:
    """Return whether a type says more than that of another group about the same values."""
    ours, theirs = (
        (found.key.parts[0] == Kind.NULL_UNEXPECTED, -found.count, found.key.parts) for found in (one, group)
    )
    return ours < theirs


def _come_with(
    group: CauseGroup,
    other: CauseGroup,
    fits: Callable[[SeenFinding, SeenFinding], bool] = lambda one, other: True,
) -> bool:
    """Return whether each finding of a group comes with one of another group that fits."""
    ours = {one.row.fingerprint: one for one in other.members}
    return all(any(fits(one, ours[name]) for name in one.companions & ours.keys()) for one in group.members)


def _precedes(other: CauseGroup, group: CauseGroup) -> bool:
    """Return whether a group is the one that explains, if both always come together."""
    ours = {one.row.fingerprint for one in group.members}
    mutual = all(one.companions & ours for one in other.members)
    return not mutual or _order(other) < _order(group)


def _order(group: CauseGroup) -> tuple[bool, int, int, tuple[str, ...]]:
    # What the schema declares says more exactly than a requirement what to change.
    return group.key.rule == "requirement", group.severity, -group.count, group.key.parts
