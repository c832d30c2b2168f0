"""The matrix of operations by what is checked."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.model import Aspect, Kind, Severity
from cohere_conformance.report.verdict import RANK, quantity

if TYPE_CHECKING:
    from cohere_conformance.report.coverage import OperationCoverage
    from cohere_conformance.report.shape import Report, Row


class Column(enum.StrEnum):
    """What is checked of an operation; the values are the headings, the first ones on a small screen."""

    BODY = "body"
    STREAM = "stream"
    REQUIREMENTS = "requirements"
    EXPECTATIONS = "expectations"
    GOLDEN = "golden"
    STATUS = "status"
    ENVELOPE = "error envelope"
    MEDIA_TYPE = "media type"
    HEADERS = "headers"
    TRANSPORT = "transport"
    REQUEST = "request"


COLUMN_OF: dict[Kind, Column | None] = {
    Kind.ANSWER_BROKEN: Column.TRANSPORT,
    Kind.STATUS_UNDECLARED: Column.STATUS,
    Kind.MEDIA_TYPE_UNDECLARED: Column.MEDIA_TYPE,
    Kind.HEADER_MISSING: Column.HEADERS,
    Kind.HEADER_INVALID: Column.HEADERS,
    Kind.BODY_MALFORMED: Column.BODY,
    Kind.PROPERTY_MISSING: Column.BODY,
    Kind.PROPERTY_UNDOCUMENTED: Column.BODY,
    Kind.TYPE_CHANGED: Column.BODY,
    Kind.NULL_UNEXPECTED: Column.BODY,
    Kind.ENUM_UNKNOWN: Column.BODY,
    Kind.FORMAT_INVALID: Column.BODY,
    Kind.BOUND_EXCEEDED: Column.BODY,
    Kind.PATTERN_MISMATCH: Column.BODY,
    Kind.UNION_UNMATCHED: Column.BODY,
    Kind.SHAPE_VANISHED: Column.BODY,
    Kind.SHAPE_NEW: Column.BODY,
    Kind.SDK_INCOMPATIBLE: Column.BODY,
    Kind.STREAM_MALFORMED: Column.STREAM,
    Kind.STREAM_EVENT_UNKNOWN: Column.STREAM,
    Kind.STREAM_ORDER: Column.STREAM,
    Kind.STREAM_UNTERMINATED: Column.STREAM,
    Kind.STREAM_FOLD_MISMATCH: Column.STREAM,
    Kind.STREAM_BUFFERED: Column.STREAM,
    Kind.ERROR_ENVELOPE: Column.ENVELOPE,
    Kind.STATUS_UNEXPECTED: Column.EXPECTATIONS,
    Kind.EXPECTATION_FAILED: Column.EXPECTATIONS,
    Kind.SERVER_ERROR: Column.EXPECTATIONS,
    Kind.VALID_REFUSED: Column.EXPECTATIONS,
    Kind.RULE_UNENFORCED: Column.EXPECTATIONS,
    Kind.REQUIREMENT_VIOLATED: Column.REQUIREMENTS,
    Kind.REQUEST_INVALID: Column.REQUEST,
    Kind.GOLDEN_CHANGED: Column.GOLDEN,
    # Exchanges without an operation have no line in the matrix.
    Kind.ROUTE_UNKNOWN: None,
}
PASSED, NOT_EXERCISED, NOT_DECLARED = "passed", "not exercised", "not declared"
NOT_TESTABLE = "not testable"


@dataclass(frozen=True)
class Cell:
    """One operation, one column.

    Attributes:
        state: a severity, `passed`, `not exercised`, `not testable` where a requirement depends on something
            that is broken, or `not declared` where there is nothing to exercise.
        symbol: what is shown, so that colour is not the only difference.
        title: the same in words.
        fingerprint: the first finding; empty where there is none.
    """

    state: str
    symbol: str
    title: str
    fingerprint: str = ""


@dataclass(frozen=True)
class Line:
    """One operation with its cells, in the order of the columns."""

    operation: str
    judged: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    """A group of operations."""

    name: str
    lines: tuple[Line, ...]


def columns(report: Report) -> tuple[Column, ...]:
    """Return the columns: recorded traffic has no expectations; a run does not judge its own requests.

    If responses are compared with golden ones, these are the expectation.
    """
    golden = report.header.golden
    if golden is not None and golden.compared:
        without = {Column.EXPECTATIONS, Column.REQUEST}
    else:
        without = {Column.GOLDEN, Column.EXPECTATIONS if report.coverage.cases is None else Column.REQUEST}
    return tuple(column for column in Column if column not in without)


def matrix(report: Report) -> tuple[Group, ...]:
    """Return all operations by group, seen or not."""
    seen = {one.operation: one for one in report.coverage.operations}
    streams = {
        row.operation for row in report.coverage.exercise if row.aspect is Aspect.EVENT and row.declared
    }
    found: dict[tuple[str, Column], list[Row]] = {}
    for row in report.findings:
        if (column := COLUMN_OF[row.kind]) is not None:
            found.setdefault((row.operation, column), []).append(row)
    untestable = Counter(one.operation for one in report.coverage.untestable)
    groups: dict[str, list[Line]] = {}
    for label in sorted({*seen, *report.coverage.unseen}, key=_by_path):
        cells = tuple(
            _declared_only(column, label, report, streams)
            or _cell(column, seen.get(label), found.get((label, column), []), untestable[label])
            for column in columns(report)
        )
        judged = seen[label].judged if label in seen else 0
        groups.setdefault(_group(label, report), []).append(Line(label, judged, cells))
    return tuple(Group(name, tuple(lines)) for name, lines in sorted(groups.items()))


def _by_path(label: str) -> tuple[str, str]:
    method, _, path = label.partition(" ")
    return path, method


def _group(label: str, report: Report) -> str:
    """Return the group that the caller gave, else the first word of the path after its version."""
    parts = label.partition(" ")[2].strip("/").split("/")
    return report.coverage.groups.get(label) or (parts[1] if len(parts) > 1 else parts[0])


def _declared_only(column: Column, label: str, report: Report, streams: set[str]) -> Cell | None:
    """Return that an operation declares no stream, where somebody counted what is declared."""
    if column is Column.STREAM and report.coverage.exercise and label not in streams:
        return Cell(NOT_DECLARED, "\N{EN DASH}", "declares no stream")
    return None


def _cell(column: Column, seen: OperationCoverage | None, rows: list[Row], untestable: int) -> Cell:
    """Return the cell; a green tick means that all of it was checked."""
    left = untestable if column is Column.REQUIREMENTS else 0
    also = f"{quantity(left, 'requirement')} not testable" if left else ""
    if rows:
        worst = min((row.severity for row in rows), key=RANK.__getitem__)
        counted = Counter(row.severity for row in rows)
        words = ", ".join(f"{counted[severity]} {severity}" for severity in Severity if counted[severity])
        title = f"{quantity(len(rows), 'finding')}: {words}" + (f"; {also}" if also else "")
        first = next(row.fingerprint for row in rows if row.severity is worst)
        mark = {Severity.BREAKING: "✗", Severity.ADDITIVE: "+", Severity.NOTICE: "i"}[worst]
        return Cell(worst, f"{mark} {len(rows)}", title, first)
    if seen is None or not exercised(column, seen):
        return Cell(NOT_EXERCISED, "○", NOT_EXERCISED)
    if left:
        return Cell(NOT_TESTABLE, f"○ {left}", also)
    return Cell(PASSED, "✓", f"{PASSED}, no finding")


def exercised(column: Column, seen: OperationCoverage) -> bool:
    """Return whether any exchange could have shown a deviation in this column."""
    answered = any(status != "0" for status in seen.statuses)
    match column:
        case Column.TRANSPORT:
            return seen.judged > 0
        case Column.STREAM:
            return seen.streams > 0
        case Column.ENVELOPE:
            return any(status[:1] in ("4", "5") for status in seen.statuses)
        case Column.EXPECTATIONS:
            return seen.cases > 0
        case Column.REQUEST:
            return seen.requests.judged > 0
        case _:
            return answered
