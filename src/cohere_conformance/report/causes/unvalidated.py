"""Operations that refuse no invalid request of the fuzzer: whatever rule is broken, it is one mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.group import Key
from cohere_conformance.report.causes.inputs import BODY, changed_part, sort_of_input
from cohere_conformance.report.causes.topics import refusal_expected, topic_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.coverage import Coverage

RULE = "unvalidated"
"""The rule of the cause."""
_VALUES = frozenset({BODY, "query", "path", "form"})
_TOPICS = frozenset({"required", "invalid"})
_ENOUGH, _RULES = 8, 3
"""Invalid requests, and rules that they break, which are needed to say that nothing is validated."""


def unvalidated_operations(sightings: Sequence[SeenFinding], coverage: Coverage) -> frozenset[str]:
    """Return the operations that have refused no invalid request, however different these were.

    Args:
        sightings: every finding.
        coverage: of the run.
    """
    rules: dict[str, set[str]] = {}
    for one in sightings:
        if _is_unenforced(one):
            rules.setdefault(one.row.operation, set()).add(sort_of_input(one))
    return frozenset(
        one.operation
        for one in coverage.fuzzed
        if one.negative >= _ENOUGH and not one.refused and len(rules.get(one.operation, ())) >= _RULES
    )


def unvalidated_key(one: SeenFinding, operations: frozenset[str]) -> Key | None:
    """Return what a finding has in common with all that show that operations validate nothing."""
    row = one.row
    if row.operation not in operations or not one.served:
        return None
    topic = topic_of(one)
    about_values = topic is None or topic.name in _TOPICS
    required = bool(row.requirement) and refusal_expected(row) and about_values
    return Key(RULE, ()) if required or _is_unenforced(one) else None


def _is_unenforced(one: SeenFinding) -> bool:
    """Return whether a request that breaks a rule of its schema is accepted."""
    return one.row.kind is Kind.RULE_UNENFORCED and one.served and changed_part(one.row)[0] in _VALUES


def unvalidated_words(where: str) -> tuple[str, str]:
    """Return what is wrong, and what to change.

    Args:
        where: the operations, for a reader.
    """
    return f"No invalid request to {where} is refused", (
        "Validate types, required properties, listed values and limits; refuse the invalid with 400 or 422."
    )
