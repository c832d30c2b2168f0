"""Which tests a shard has: those with resources in common are in one, so that each is created once, and no
list changes while it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.cases import belongs_to, resource_groups, shipped_suite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.session.plan import Plan


def in_shard(plan: Plan, tests: Iterable[str]) -> frozenset[str]:
    """Return the tests that are in the share of this run; all of them without `--shard`.

    Args:
        plan: of the run.
        tests: their ids, which are those of their cases.
    """
    if plan.shard is None:
        return frozenset(tests)
    groups = resource_groups(shipped_suite(plan.profile))
    return frozenset(test for test in tests if plan.shard.holds(belongs_to(test, groups)))
