"""What a report says about its target besides what it found: where it has looked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.model import Aspect, Kind
from cohere_conformance.report.implementations.shape import CellState, ImplementationCell
from cohere_conformance.report.render.matrix import COLUMN_OF, Column, exercised
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from cohere_conformance.report.coverage import OperationCoverage
    from cohere_conformance.report.shape import Report, Row

_SAYS_NOTHING = frozenset({"inconclusive", "error", "not-run"})
_OF_A_RESPONSE = frozenset({Column.BODY, Column.STREAM, Column.ENVELOPE, Column.MEDIA_TYPE, Column.HEADERS})
"""Columns of checks that only responses with a status of the same class can show."""
NOT_CALLED, NOT_CLAIMED, NOT_SHOWN = "not called", "not claimed", "no response shows it"


def cell(state: CellState, detail: str, figure: object = "") -> ImplementationCell:
    """Return a cell that is not compared with others yet."""
    return ImplementationCell(state=state, detail=detail, figure=str(figure))


class Tested:
    """Where a report has looked.

    Args:
        report: of one target.
        waived: ids of the requirements that were not judged.
    """

    def __init__(self, report: Report, waived: Collection[str]) -> None:
        self.report = report
        self._waived = waived
        self._seen = {one.operation: one for one in report.coverage.operations if one.judged}
        self.absent = {
            label for cause in report.causes if cause.rule == "no-operation" for label in cause.operations
        }
        self._missing: dict[str, set[str]] = {}
        for one in report.coverage.exercise:
            if one.aspect is Aspect.PROPERTY:
                self._missing.setdefault(one.operation, set()).update(one.missing)
        ends = report.cases.ends if report.cases is not None else ()
        self._open = Counter(one.operation for one in ends if one.outcome in _SAYS_NOTHING)

    def untroubled(self, operation: str) -> ImplementationCell:
        """Return the cell of an operation without a finding."""
        seen = self._seen.get(operation)
        if seen is None:
            return cell(CellState.NOT_TESTED, NOT_CALLED)
        if self._says_nothing(seen):
            return cell(CellState.INCONCLUSIVE, quantity(self._open[operation], "inconclusive case"))
        return cell(CellState.PASS, quantity(seen.judged, "exchange"))

    def without(self, rows: Sequence[Row]) -> ImplementationCell:
        """Return the cell of a target without the findings that others have.

        It passes if its responses could have shown one of them.

        Args:
            rows: the findings of others.
        """
        claimed = [row for row in rows if self._claims(row)]
        if not claimed:
            return cell(CellState.NOT_TESTED, NOT_CLAIMED)
        called = [row for row in claimed if row.operation in self._seen and row.operation not in self.absent]
        if not called:
            absent = any(row.operation in self.absent for row in claimed)
            return cell(CellState.NOT_TESTED, "not implemented" if absent else NOT_CALLED)
        shown = [row for row in called if self._could_show(row)]
        if not shown:
            return cell(CellState.NOT_TESTED, NOT_SHOWN)
        untestable = {(one.operation, one.requirement) for one in self.report.coverage.untestable}
        testable = [row for row in shown if (row.operation, row.requirement) not in untestable]
        if not testable:
            return cell(CellState.INCONCLUSIVE, "not testable")
        labels = list(dict.fromkeys(row.operation for row in testable))
        if all(self._says_nothing(self._seen[label]) for label in labels):
            return cell(CellState.INCONCLUSIVE, "its cases are inconclusive")
        return cell(CellState.PASS, _named(labels))

    def _claims(self, row: Row) -> bool:
        target = self.report.header.target
        canned = target is not None and target.protocol_only and row.kind is Kind.EXPECTATION_FAILED
        return not canned and row.requirement not in self._waived

    def _says_nothing(self, seen: OperationCoverage) -> bool:
        """Return whether no case of an operation has a result."""
        return 0 < seen.cases <= self._open[seen.operation]

    def _could_show(self, row: Row) -> bool:
        seen = self._seen[row.operation]
        column = COLUMN_OF[row.kind]
        if column is None or not exercised(column, seen):
            return False
        if column in _OF_A_RESPONSE and not _same_class(row.status, seen.statuses):
            return False
        missing = self._missing.get(row.operation, set())
        itself = row.kind is not Kind.PROPERTY_MISSING and row.requirement is None
        return not any(place in missing for place in _places(row.location, itself=itself))


def _places(location: str, *, itself: bool) -> Iterable[str]:
    """Yield a location and those around it.

    Args:
        location: JSON pointer, in a stream with the type of the event in front.
        itself: whether the location itself is one of them.
    """
    place = location if itself else location.rpartition("/")[0]
    while place:
        yield place
        place = place.rpartition("/")[0]


def _same_class(status: int, statuses: Iterable[str]) -> bool:
    """Return whether there is a response of the same kind: an error, or none."""
    failed = status >= 400
    return any((int(one) >= 400) == failed for one in statuses if one != "0")


def _named(labels: Sequence[str]) -> str:
    return f"{labels[0]} and {len(labels) - 1} more" if len(labels) > 1 else labels[0]
