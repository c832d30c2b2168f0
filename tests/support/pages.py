"""Pages of documents, drawn as PNG images: lines of text, ruled tables, and shapes."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

from cohere_conformance.reference.parsing.glyphs import HEIGHT, WIDTH, dots

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Page:
    """A white page on which something is drawn in black.

    Args:
        width: in pixels.
        height: in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.rows = [bytearray(width) for _ in range(height)]

    def box(self, left: int, top: int, right: int, bottom: int) -> Page:
        """Draw a filled rectangle, without the right and the lower edge."""
        for row in self.rows[top:bottom]:
            row[left:right] = bytes([1]) * (right - left)
        return self

    def text(self, line: str, left: int, top: int, scale: int = 2) -> Page:
        """Write a line of text."""
        for number, character in enumerate(line):
            if character != " ":
                for y, row in enumerate(dots(character)):
                    for x, dot in enumerate(row):
                        if dot:
                            across = left + (number * (WIDTH + 1) + x) * scale
                            down = top + y * scale
                            self.box(across, down, across + scale, down + scale)
        return self

    def table(self, cells: Sequence[Sequence[str]], left: int, top: int, size: tuple[int, int]) -> Page:
        """Draw a ruled table whose cells have the same size."""
        width, height = size
        right, bottom = left + width * len(cells[0]), top + height * len(cells)
        for down in range(top, bottom + 1, height):
            self.box(left, down, right + 1, down + 1)
        for across in range(left, right + 1, width):
            self.box(across, top, across + 1, bottom + 1)
        for number, row in enumerate(cells):
            for column, cell in enumerate(row):
                space = (height - HEIGHT) // 2
                self.text(cell, left + column * width + space, top + number * height + space + 1, 1)
        return self

    def png(self, pixel: Callable[[int], int] = lambda dot: 0 if dot else 255) -> bytes:
        """Return the page as a PNG image with eight bits a pixel."""
        lines = b"".join(b"\0" + bytes(map(pixel, row)) for row in self.rows)
        return png(self.width, len(self.rows), lines)

    def bits(self) -> bytes:
        """Return the page as a PNG image with one bit a pixel."""
        width = -(-self.width // 8) * 8
        lines = b""
        for row in self.rows:
            digits = "".join("0" if dot else "1" for dot in row).ljust(width, "1")
            lines += b"\0" + int(digits, 2).to_bytes(width // 8)
        return png(self.width, len(self.rows), lines, depth=1)


def png(width: int, height: int, lines: bytes, *, depth: int = 8, color: int = 0, more: bytes = b"") -> bytes:
    """Return a PNG image.

    Args:
        width: in pixels.
        height: in pixels.
        lines: the rows, each with its filter before it.
        depth: the bits of a sample.
        color: the color type.
        more: chunks before the pixels.
    """
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([depth, color, 0, 0, 0])
    data = chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG image."""
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def uri(content: bytes, media_type: str = "image/png") -> str:
    """Return a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def timetable() -> Page:
    """Return the page of the written cases: a heading, two lines, a table, a logo and a signature."""
    page = Page(240, 200).text("FERRY NOTES", 20, 10, 3)
    page.text("TIDES ARE HIGH AT 08:41.", 20, 50, 1).text("BOATS LEAVE AT 09:15.", 20, 60, 1)
    page.table([["PIER", "BOAT"], ["2", "TERN"]], 20, 90, (60, 18))
    page.box(20, 140, 44, 164)
    for step in range(80):
        page.box(20 + step, 180 + abs(step % 20 - 10), 21 + step, 182 + abs(step % 20 - 10))
    return page
