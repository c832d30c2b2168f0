"""Images in requests: their format, size and bit depth, read from the bytes of a data URI."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

_DATA_URI = re.compile(r"data:image/(png|jpe?g|gif|webp)(?:;[^;,]*)*;base64,", re.IGNORECASE)
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""The samples of a pixel, by color type of a PNG."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG that start a frame; the three others of the range are tables."""
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""The markers of a JPEG without a length."""
_Size = tuple[int, int, int]


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        width: in pixels.
        height: in pixels.
        format: the media type of the bytes, which may differ from that of the URI.
        bit_depth: the bits of a pixel.
        bytes: the content of the file.
    """

    width: int
    height: int
    format: str
    bit_depth: int
    bytes: bytes


def inspect(data_uri: str) -> Image:
    """Return the image in a data URI.

    Raises:
        ApiError: 400, it is not a data URI of an image, or the image is damaged.
    """
    start = _DATA_URI.match(data_uri)
    if start is None:
        raise ApiError(400, "invalid image: expected a data URI of a jpeg, png, webp or gif image in base64")
    try:
        content = base64.b64decode(data_uri[start.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, "invalid image: the data URI does not hold valid base64") from error
    found = [(kind, read) for magic, kind, read in _READERS if magic.match(content)]
    if not found:
        raise ApiError(400, "invalid image: the bytes are no jpeg, png, webp or gif image")
    kind, read = found[0]
    # The readers index into bytes that may end too early.
    try:
        width, height, depth = read(content)
    except (IndexError, ValueError) as error:
        raise ApiError(400, f"invalid image: the {kind} image is damaged") from error
    if not (width and height):
        raise ApiError(400, f"invalid image: the {kind} image has no pixels")
    return Image(width, height, f"image/{kind}", depth, content)


def _number(content: bytes, start: int, length: int, *, little: bool = False) -> int:
    piece = content[start : start + length]
    if len(piece) < length:
        raise ValueError("the file ends too early")
    return int.from_bytes(piece, "little" if little else "big")


def _png(content: bytes) -> _Size:
    """Read a PNG to its end: the checksum of each chunk shows whether it is damaged."""
    size = None
    location = 8
    while True:
        length = _number(content, location, 4)
        kind = content[location + 4 : location + 8]
        body = content[location + 4 : location + 8 + length]
        if zlib.crc32(body) != _number(content, location + 8 + length, 4):
            raise ValueError("a chunk does not match its checksum")
        if kind == b"IHDR":
            depth = body[12] * _CHANNELS.get(body[13], 1)
            size = (_number(body, 4, 4), _number(body, 8, 4), depth)
        if kind == b"IEND":
            break
        location += 12 + length
    if size is None:
        raise ValueError("there is no header")
    return size


def _jpeg(content: bytes) -> _Size:
    location = 2
    while True:
        if content[location] != 0xFF:
            raise ValueError("there is no marker")
        marker = content[location + 1]
        if marker in _FRAMES:
            depth = content[location + 4] * content[location + 9]
            return _number(content, location + 7, 2), _number(content, location + 5, 2), depth
        if marker == 0xFF:
            location += 1
        elif marker in _BARE:
            location += 2
        else:
            location += 2 + _number(content, location + 2, 2)


def _gif(content: bytes) -> _Size:
    width, height = _number(content, 6, 2, little=True), _number(content, 8, 2, little=True)
    return width, height, (content[10] & 7) + 1


def _webp(content: bytes) -> _Size:
    match content[12:16]:
        case b"VP8X":
            depth = 32 if content[20] & 0x10 else 24
            return _number(content, 24, 3, little=True) + 1, _number(content, 27, 3, little=True) + 1, depth
        case b"VP8L":
            bits = _number(content, 21, 4, little=True)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 32 if bits >> 28 & 1 else 24
        case b"VP8 ":
            width, height = _number(content, 26, 2, little=True), _number(content, 28, 2, little=True)
            return width & 0x3FFF, height & 0x3FFF, 24
    raise ValueError("an unknown kind of chunk comes first")


_READERS: tuple[tuple[re.Pattern[bytes], str, Callable[[bytes], _Size]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png", _png),
    (re.compile(rb"\xff\xd8\xff"), "jpeg", _jpeg),
    (re.compile(rb"GIF8[79]a"), "gif", _gif),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp", _webp),
)
