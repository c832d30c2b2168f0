"""Which operations do not exist on a target, as far as all findings of a run show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.absent import NOT_THERE, is_absent, never_served
from cohere_conformance.report.causes.frameworks import error_text
from cohere_conformance.report.causes.topics import refusal_expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.coverage import Coverage, OperationCoverage


def absent_operations(sightings: Sequence[SeenFinding], coverage: Coverage) -> frozenset[str]:
    """Return the operations that do not exist on the target.

    Many servers parse a body before they look for the route, so an operation that takes no JSON, or an empty
    body, is refused with 400 although it does not exist. It is taken as absent if every valid request that
    was refused like that got an error that operations of other groups give as well, and if the route is not
    found with a body that can be parsed, or nothing can exist for it to find.

    Args:
        sightings: every finding.
        coverage: of the run.
    """
    absent = {one.operation for one in coverage.operations if is_absent(one)}
    if not absent:
        return frozenset()
    groups = coverage.groups
    without = {groups.get(label) for label in absent}
    unserved = [one for one in coverage.operations if one.operation not in absent and never_served(one)]
    errors = _errors(sightings)
    for one in unserved:
        said = errors.get(one.operation, set())
        group = groups.get(one.operation)
        others = set[str]().union(*(texts for label, texts in errors.items() if groups.get(label) != group))
        nothing = "{" in one.operation and group in without
        if said <= others and (nothing or _not_found(one)):
            absent.add(one.operation)
    return frozenset(absent)


def _not_found(one: OperationCoverage) -> bool:
    return bool(one.statuses.keys() & NOT_THERE)


def _errors(sightings: Sequence[SeenFinding]) -> dict[str, set[str]]:
    """Return what valid requests were refused with, by operation, unless the route was not found."""
    found: dict[str, set[str]] = {}
    for one in sightings:
        row = one.row
        refused = row.kind is Kind.STATUS_UNEXPECTED and row.status >= 400
        if refused and str(row.status) not in NOT_THERE and not refusal_expected(row):
            found.setdefault(row.operation, set()).add(error_text(row.example.response_text))
    return found
