"""The blocks of a page: lines of text, tables with ruled lines, and everything else as images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import and_, or_
from typing import TYPE_CHECKING

from cohere_conformance.reference.parsing.glyphs import HEIGHT, WIDTH, characters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cohere_conformance.reference.parsing.pixels import Raster

_SPACE = WIDTH + 1
"""The columns of a space; a gap between two characters of a word is smaller."""
_Span = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """An area of a page: its edges in pixels, the right and the lower one exclusive."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class TextArea:
    """Lines of text.

    Attributes:
        text: with a line break between lines.
        scale: the pixels of a dot.
        box: where it is.
    """

    text: str
    scale: int
    box: Box


@dataclass(frozen=True)
class TableArea:
    """A table: the texts of its cells, row by row."""

    cells: tuple[tuple[str, ...], ...]
    box: Box


@dataclass(frozen=True)
class ImageArea:
    """An area that is neither a text nor a table.

    Attributes:
        category: of the image, as a response has it.
        box: where it is.
    """

    category: str
    box: Box


Area = TextArea | TableArea | ImageArea


def areas(page: Raster) -> list[Area]:
    """Return the areas of a page from top to bottom."""
    found: list[Area] = []
    for box in _bands(page.rows, Box(0, 0, page.width, page.height)):
        line = _line(page.rows, box)
        area: Area = line or _table(page.rows, box) or ImageArea(_category(page.rows, box), box)
        last = found[-1] if found else None
        if isinstance(area, TextArea) and isinstance(last, TextArea) and _continues(last, area):
            box = replace(last.box, right=max(last.box.right, box.right), bottom=box.bottom)
            found[-1] = TextArea(f"{last.text}\n{area.text}", area.scale, box)
        else:
            found.append(area)
    return found


def _continues(above: TextArea, line: TextArea) -> bool:
    """Return whether a line belongs to the text above it: same size, and less than a line between them."""
    return above.scale == line.scale and line.box.top - above.box.bottom < HEIGHT * line.scale


def _bands(rows: Sequence[bytes], within: Box) -> Iterator[Box]:
    """Yield the areas between empty rows, without the empty columns at their sides."""
    pieces = [row[within.left : within.right] for row in rows[within.top : within.bottom]]
    for top, bottom in _runs(bytes(1 in row for row in pieces)):
        used = _runs(_columns(pieces[top:bottom], or_))
        yield Box(within.left + used[0][0], within.top + top, within.left + used[-1][1], within.top + bottom)


def _runs(flags: bytes) -> list[_Span]:
    """Return the ranges of ones."""
    found, start = [], flags.find(1)
    while start >= 0:
        end = flags.find(0, start)
        end = len(flags) if end < 0 else end
        found.append((start, end))
        start = flags.find(1, end)
    return found


def _columns(rows: Sequence[bytes], operator: Callable[[int, int], int]) -> bytes:
    """Return one byte for each column: its bytes combined."""
    return reduce(operator, (int.from_bytes(row) for row in rows)).to_bytes(len(rows[0]))


def _line(rows: Sequence[bytes], box: Box) -> TextArea | None:
    """Return the text of a line; `None` if it is none."""
    scale, rest = divmod(box.bottom - box.top, HEIGHT)
    if rest:
        return None
    pieces = [row[box.left : box.right] for row in rows[box.top : box.bottom]]
    text, end = "", 0
    for left, right in _runs(_columns(pieces, or_)):
        character = _character([row[left:right] for row in pieces], scale)
        if character is None:
            return None
        text += " " * ((left - end) // scale // _SPACE) * bool(text) + character
        end = right
    return TextArea(text, scale, box)


def _character(rows: Sequence[bytes], scale: int) -> str | None:
    glyph = tuple(row[::scale] for row in rows[::scale])
    drawn = [b"".join(bytes([dot]) * scale for dot in row) for row in glyph for _ in range(scale)]
    return characters().get(glyph) if drawn == list(rows) else None


def _table(rows: Sequence[bytes], box: Box) -> TableArea | None:
    """Return the table in a frame; `None` if there is no frame, or a cell has something else than text."""
    across, down = _rules(rows, box)
    if len(across) < 2 or len(down) < 2 or len(across) + len(down) < 5:
        return None
    cells = []
    for (_, top), (bottom, _) in pairwise(across):
        row = []
        for (_, left), (right, _) in pairwise(down):
            lines = [_line(rows, one) for one in _bands(rows, Box(left, top, right, bottom))]
            if None in lines:
                return None
            row.append(" ".join(line.text for line in lines if line is not None))
        cells.append(tuple(row))
    return TableArea(tuple(cells), box)


def _rules(rows: Sequence[bytes], box: Box) -> tuple[list[_Span], list[_Span]]:
    """Return the ruled lines across and down an area; none unless they enclose it."""
    pieces = [row[box.left : box.right] for row in rows[box.top : box.bottom]]
    across = _runs(bytes(0 not in row for row in pieces))
    down = _runs(_columns(pieces, and_))
    if not across or not down or across[0][0] or down[0][0]:
        return [], []
    if across[-1][1] != len(pieces) or down[-1][1] != len(pieces[0]):
        return [], []
    return (
        [(start + box.top, end + box.top) for start, end in across],
        [(start + box.left, end + box.left) for start, end in down],
    )


def _category(rows: Sequence[bytes], box: Box) -> str:
    """Return what an image is, as far as its shape says so."""
    pieces = [row[box.left : box.right] for row in rows[box.top : box.bottom]]
    width, height = box.right - box.left, box.bottom - box.top
    covered = sum(map(sum, pieces)) / (width * height)
    across, down = _rules(rows, box)
    if len(across) > 1 and len(down) > 1:
        return "flowchart"
    if covered < 0.5 and width >= 3 * height:
        return "signature"
    return "logo" if covered >= 0.5 and width < 3 * height else "other"
