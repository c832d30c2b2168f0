"""What has changed since the run before, in a few lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

from cohere_conformance.report.changes import ChangeState

if TYPE_CHECKING:
    from cohere_conformance.report.changes import Changes, MeasureChange, RunChange

_SHOWN = 5
"""Changes whose titles are shown."""
_NAMED = ("new", "regressed", "flapping", "resolved")


def changes_lines(changes: Changes | None, *, limit: int = _SHOWN) -> list[str]:
    """Return what has changed: the numbers of causes, then the titles of those that do not persist.

    Args:
        changes: of a report; `None` has no lines.
        limit: how many titles are shown.
    """
    if changes is None:
        return []
    if changes.since is None:
        return [f"history: this is the first run of {changes.target} with this contract"]
    lines = [f"since {changes.since[:10]}: {summary(changes.causes)}"]
    named = sorted(
        (one for one in changes.causes if one.state in _NAMED), key=lambda one: _NAMED.index(one.state)
    )
    lines += [f"{one.state}: {one.title}{_seen(one)}" for one in named[:limit]]
    if len(named) > limit:
        lines.append(f"and {len(named) - limit} more, see changes in report.json")
    different = [_measured(one) for one in changes.measures if one.state in _NAMED]
    lines += different[:limit]
    if len(different) > limit:
        lines.append(f"and {len(different) - limit} more measures, see changes in report.json")
    return lines


def diff_lines(changes: Changes) -> list[str]:
    """Return the causes and findings that do not persist, then the numbers of both."""
    lines = [f"{one.state} cause {one.id}: {one.title}" for one in changes.causes if one.state in _NAMED]
    lines += [f"{one.state} finding {one.id}: {one.title}" for one in changes.findings if one.state in _NAMED]
    return [*lines, f"causes: {summary(changes.causes)}; findings: {summary(changes.findings)}"]


def summary(changes: tuple[RunChange, ...]) -> str:
    """Return how many there are of each state."""
    numbers = Counter(one.state for one in changes)
    return ", ".join(f"{numbers[state]} {state}" for state in get_args(ChangeState) if numbers[state]) or (
        "no change"
    )


def _measured(one: MeasureChange) -> str:
    if one.state == "resolved":
        return f"{one.name}: {one.usual} again, {one.other} in the run before"
    known = "" if one.state == "new" else f" ({one.state}, in {one.runs} of the last runs)"
    return f"{one.name}: {one.other}, usually {one.usual}{known}"


def _seen(change: RunChange) -> str:
    """Return since when something is known, where it is not new."""
    if change.state == "new":
        return ""
    return f" (first seen {change.first_seen[:10]}, in {change.runs} run{'s' * (change.runs != 1)})"
