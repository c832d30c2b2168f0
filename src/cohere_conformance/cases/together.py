"""Which cases have resources in common: one process that runs them all creates each resource once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohere_conformance.cases.model import Suite


def resource_groups(suite: Suite) -> dict[str, str]:
    """Return, for each case that needs resources, which cases it belongs to: the name of their first group.

    Cases that need resources of one group belong together even if these differ, because lists show all of
    them. So do those of two groups if a case needs resources of both.
    """
    parents: dict[str, str] = {}

    def first(group: str) -> str:
        while (parent := parents.setdefault(group, group)) != group:
            group = parent
        return group

    needed = {
        case.id: [one.name.partition(".")[0] for one in suite.in_order(case.needs)]
        for case in suite.cases
        if case.needs
    }
    for groups in needed.values():
        for other in groups:
            least, greater = sorted((first(groups[0]), first(other)))
            parents[greater] = least
    return {case: first(groups[0]) for case, groups in needed.items()}
