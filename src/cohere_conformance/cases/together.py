"""Which cases have resources in common: one process that runs them all creates each resource once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.cases.model import Resource, Suite


def resource_groups(suite: Suite) -> dict[str, str]:
    """Return which cases belong together: for those that need resources, the name of their first group.

    Cases that need resources of one group belong together even if these differ, because lists show all of
    them. So do those of two groups if a case needs resources of both. The name of a group whose resources are
    removed says where its other tests belong, which create something in the same lists.
    """
    parents: dict[str, str] = {}

    def first(group: str) -> str:
        while (parent := parents.setdefault(group, group)) != group:
            group = parent
        return group

    needed = {
        case.id: [name for one in suite.in_order(case.needs) for name in _lists(one)]
        for case in suite.cases
        if case.needs
    }
    for groups in needed.values():
        for other in groups:
            least, greater = sorted((first(groups[0]), first(other)))
            parents[greater] = least
    lasting = {name for one in suite.resources.values() if one.remove for name in _lists(one)}
    by_group = {group: first(group) for group in sorted(lasting & parents.keys())}
    return by_group | {case: first(groups[0]) for case, groups in needed.items()}


def _lists(resource: Resource) -> tuple[str, str]:
    """Return the group of a resource, and that of the operation that creates it, whose list shows it."""
    path = resource.create.operation.split("/")
    return resource.name.partition(".")[0], path[2]


def belongs_to(test: str, groups: Mapping[str, str]) -> str:
    """Return what a test belongs to: the name of a group, or its own id if it may be run beside all others.

    Args:
        test: its id.
        groups: see `resource_groups`.
    """
    return groups.get(test) or groups.get(test.partition(".")[0], test)
