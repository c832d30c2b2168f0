"""The dark pixels of a PNG image."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""The samples of a pixel, by color type."""
_DARK = 128
"""The brightness below which a pixel is dark, from 0 to 255."""
_PALETTE, _GRAY_ALPHA, _ALPHA = 3, 4, 6


class UnreadableImageError(Exception):
    """The pixels of an image cannot be read here, although it may be valid."""


@dataclass(frozen=True)
class Raster:
    """The dark pixels of an image.

    Attributes:
        width: in pixels.
        rows: from above, each a byte for a pixel: 1 if it is dark, else 0.
    """

    width: int
    rows: tuple[bytes, ...]

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(self.rows)


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int
    color: int

    @property
    def row(self) -> int:
        """The bytes of a row, without that of its filter."""
        return (self.width * _SAMPLES[self.color] * self.depth + 7) // 8


def dark_pixels(content: bytes) -> Raster:
    """Return the dark pixels of a PNG image whose chunks are valid.

    Raises:
        UnreadableImageError: the image is interlaced, of an unknown kind, or ends too early.
    """
    chunks = _chunks(content)
    head = chunks.get(b"IHDR", b"")
    if len(head) != 13 or head[9] not in _SAMPLES or head[8] not in {1, 2, 4, 8, 16} or head[12]:
        raise UnreadableImageError
    header = _Header(int.from_bytes(head[:4]), int.from_bytes(head[4:8]), head[8], head[9])
    whole = header.height * (header.row + 1)
    try:
        data = zlib.decompressobj().decompress(chunks.get(b"IDAT", b""), whole)
    except zlib.error as error:
        raise UnreadableImageError from error
    if len(data) < whole:
        raise UnreadableImageError
    lines = _unfiltered(data, header)
    shades = _palette(chunks.get(b"PLTE", b""), chunks.get(b"tRNS", b""))
    # Rows repeat: margins are empty, and letters are taller than a pixel is.
    dark = {line: _dark(line, header, shades) for line in set(lines)}
    return Raster(header.width, tuple(dark[line] for line in lines))


def _chunks(content: bytes) -> dict[bytes, bytes]:
    """Return the content of the chunks by type; those of one type are joined."""
    found: dict[bytes, bytes] = {}
    location = 8
    while location + 12 <= len(content):
        length = int.from_bytes(content[location : location + 4])
        kind = content[location + 4 : location + 8]
        found[kind] = found.get(kind, b"") + content[location + 8 : location + 8 + length]
        location += 12 + length
    return found


def _unfiltered(data: bytes, header: _Header) -> list[bytes]:
    step = max(1, _SAMPLES[header.color] * header.depth // 8)
    above = bytes(header.row)
    lines = []
    for start in range(0, len(data), header.row + 1):
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + header.row])
        if kind > 4:
            raise UnreadableImageError
        if kind:
            _unfilter(kind, line, above, step)
        above = bytes(line)
        lines.append(above)
    return lines


def _unfilter(kind: int, line: bytearray, above: bytes, step: int) -> None:
    """Undo the filter of a row in place."""
    for index in range(len(line)):
        left = line[index - step] if index >= step else 0
        corner = above[index - step] if index >= step else 0
        up = above[index]
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            guess = min((left, up, corner), key=lambda one: abs(left + up - corner - one))
        line[index] = (line[index] + guess) & 0xFF


def _palette(colors: bytes, opacity: bytes) -> list[int]:
    """Return the brightness of each color of a palette; a transparent one is bright."""
    shades = [_brightness(*colors[start : start + 3]) for start in range(0, len(colors) - 2, 3)]
    return [
        shade if number >= len(opacity) or opacity[number] >= _DARK else 255
        for number, shade in enumerate(shades)
    ]


def _brightness(red: int, green: int, blue: int) -> int:
    return (red * 299 + green * 587 + blue * 114) // 1000


def _dark(line: bytes, header: _Header, shades: list[int]) -> bytes:
    """Return a byte for each pixel of a row: 1 if it is dark."""
    samples = _samples(line, header)
    many = _SAMPLES[header.color]
    if header.color == _PALETTE:
        bright = [shades[one] if one < len(shades) else 255 for one in samples[: header.width]]
    else:
        most = 255 if header.depth >= 8 else (1 << header.depth) - 1
        pixels = [samples[start : start + many] for start in range(0, header.width * many, many)]
        bright = [_shade(pixel, most, header.color) for pixel in pixels]
    return bytes(one < _DARK for one in bright)


def _shade(pixel: bytes, most: int, color: int) -> int:
    if color in {_GRAY_ALPHA, _ALPHA} and pixel[-1] < _DARK:
        return 255
    return pixel[0] * 255 // most if len(pixel) < 3 else _brightness(*pixel[:3])


def _samples(line: bytes, header: _Header) -> bytes:
    """Return the samples of a row, a byte for each."""
    if header.depth == 8:
        return line
    if header.depth == 16:
        return line[::2]
    mask, each = (1 << header.depth) - 1, 8 // header.depth
    shifts = [8 - header.depth * (number + 1) for number in range(each)]
    return bytes(byte >> shift & mask for byte in line for shift in shifts)
