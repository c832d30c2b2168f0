"""The matrix of targets for a terminal, and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.implementations.shape import CellState, MatrixBy
from cohere_conformance.report.render.safe import markdown_code as code
from cohere_conformance.report.render.safe import markdown_text as prose
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.report.implementations.shape import (
        ImplementationCell,
        ImplementationMatrix,
        ImplementationRow,
    )

_SHORT = {
    CellState.PASS: "pass",
    CellState.FAIL: "FAIL",
    CellState.NOT_TESTED: "-",
    CellState.INCONCLUSIVE: "?",
}
_SYMBOLS = {
    CellState.PASS: "✓",
    CellState.FAIL: "✗",
    CellState.NOT_TESTED: "–",
    CellState.INCONCLUSIVE: "?",
}
LEGEND = "pass, FAIL, - not tested, ? inconclusive; * unlike all others that were tested"
_MARK = "*"
_TITLE, _COLUMN = 62, 6
_LISTED = 10
"""Lines of one target that are listed again; the table has all of them."""
_UNLIKE = {CellState.PASS: "passes alone", CellState.FAIL: "fails alone"}


def symbol(one: ImplementationCell) -> str:
    """Return the symbol of a cell."""
    return _SYMBOLS[one.state]


def heading(matrix: ImplementationMatrix) -> str:
    """Return what the lines are about, in a few words."""
    number = len(matrix.rows)
    return {
        MatrixBy.CHECK: f"{quantity(number, 'mistake')} that at least one target makes",
        MatrixBy.FEATURE: quantity(number, "feature"),
        MatrixBy.OPERATION: quantity(number, "operation"),
    }[matrix.by]


def alone(matrix: ImplementationMatrix) -> list[tuple[str, list[tuple[str, ImplementationRow]]]]:
    """Return what each target does unlike all others, in words; targets like others are left out."""
    found = []
    for column, target in enumerate(matrix.implementations):
        rows = [(_UNLIKE[row.cells[column].state], row) for row in matrix.rows if row.cells[column].unlike]
        if rows:
            found.append((target.name, rows))
    return found


def terminal(matrix: ImplementationMatrix) -> bytes:
    """Return the matrix as lines in UTF-8, of 62 characters and 6 for each target."""
    return _encoded(_terminal(matrix))


def _encoded(lines: Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _terminal(matrix: ImplementationMatrix) -> Iterator[str]:
    for number, target in enumerate(matrix.implementations, start=1):
        yield f"{number}  {plain(target.name)}: {plain(target.verdict, longest=None)}"
    yield ""
    numbers = "".join(f"{number:>{_COLUMN}}" for number in range(1, len(matrix.implementations) + 1))
    yield f"{heading(matrix):<{_TITLE}}{numbers}"
    for row in matrix.rows:
        title = plain(row.title, longest=None)
        if row.id != row.title:
            title = f"{plain(row.id)}  {title}"
        title = title if len(title) < _TITLE else f"{title[: _TITLE - 4]}..."
        cells = "".join(f"{_SHORT[one.state]}{_MARK * one.unlike}".rjust(_COLUMN) for one in row.cells)
        yield f"{title:<{_TITLE}}{cells}"
    yield LEGEND
    if matrix.untested:
        yield f"not tested anywhere: {quantity(len(matrix.untested), 'line')}"


def markdown(matrix: ImplementationMatrix) -> bytes:
    """Return the matrix in Markdown: the targets, the lines, and what a target does unlike all others."""
    return _encoded(_markdown(matrix))


def _markdown(matrix: ImplementationMatrix) -> Iterator[str]:
    yield "| target | how it was called | exchanges | causes | verdict |"
    yield "|---|---|--:|--:|---|"
    for target in matrix.implementations:
        figures = f"{target.exchanges} | {target.causes}"
        yield (
            f"| {prose(target.name)} | {code(target.command)} {prose(target.target)} | {figures} "
            f"| {prose(target.verdict)} |"
        )
    yield ""
    names = " | ".join(prose(target.name) for target in matrix.implementations)
    yield f"| {heading(matrix)} | {names} |"
    yield f"|---|{':-:|' * len(matrix.implementations)}"
    for row in matrix.rows:
        cells = " | ".join(map(_cell, row.cells))
        yield f"| {_title(row)} | {cells} |"
    yield ""
    yield "✓ pass, ✗ fail, – not tested, ? inconclusive, **bold**: unlike all others that were tested."
    if matrix.untested:
        yield f"Not tested anywhere: {quantity(len(matrix.untested), 'line')}."
    for name, rows in alone(matrix):
        yield ""
        yield f"{prose(name)}:"
        yield ""
        for how, row in rows[:_LISTED]:
            yield f"- {how}: {_title(row)}"
        if len(rows) > _LISTED:
            yield f"- and {len(rows) - _LISTED} more"


def _title(row: ImplementationRow) -> str:
    severity = f"{row.severity}: " if row.severity else ""
    name = "" if row.id == row.title else f" ({code(row.id)})"
    return f"{severity}{prose(row.title)}{name}"


def _cell(one: ImplementationCell) -> str:
    shown = f"**{symbol(one)}**" if one.unlike else symbol(one)
    return f"{shown} {one.figure}".rstrip()
