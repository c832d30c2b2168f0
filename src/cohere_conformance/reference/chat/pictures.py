"""Images of user messages: their descriptions and their tokens (CH2-R16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cohere_conformance.reference import images
from cohere_conformance.reference.chat.prompt import Picture
from cohere_conformance.reference.chat.rules import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.reference.models import Model

_MOST = 20
_LARGEST = 20 * 2**20
_TILE = 512
_TILE_TOKENS = 256
_LOW_SIDE = 768
"""The maximum length of the longer side in pixels for which `auto` means `low`."""


@dataclass(frozen=True)
class _Seen:
    description: str
    sides: tuple[int, int]
    size: int


def pictures(blocks: Iterable[dict[str, Any]], model: Model, *, limited: bool = True) -> tuple[Picture, ...]:
    """Return the images of content blocks.

    Args:
        blocks: of the type `image_url`.
        model: the model of the request.
        limited: reject more images than documented.

    Raises:
        ApiError: 400, the model does not support images, there are too many, or one is invalid.
    """
    found: list[Picture] = []
    size = 0
    for block in blocks:
        reference = block["image_url"]
        if not model.vision:
            refuse(f"the model {model.name} does not support images")
        seen = _look(reference["url"])
        size += seen.size
        found.append(Picture(seen.description, _tokens(seen.sides, reference.get("detail") or "auto")))
        if limited and len(found) > _MOST:
            refuse(f"at most {_MOST} images may be sent in one request")
        if size > _LARGEST:
            refuse(f"the images of a request may have at most {_LARGEST} bytes")
    return tuple(found)


def _look(url: str) -> _Seen:
    if url[:5].lower() == "data:":
        image = images.inspect(url)
        kind = image.format.removeprefix("image/").upper()
        return _Seen(
            f"The image is a {kind} of {image.width} by {image.height} pixels ({len(image.bytes)} bytes).",
            (image.width, image.height),
            len(image.bytes),
        )
    try:
        host = urlsplit(url).hostname if url.lower().startswith(("https://", "http://")) else None
    except ValueError:
        host = None
    if not host:
        refuse("image_url: expected a data URI or an http address")
    # The server opens no connections, so it knows only the host of a remote image.
    return _Seen(f"The image is at {host}; I have not opened it.", (_LOW_SIDE, _LOW_SIDE), 0)


def _tokens(sides: tuple[int, int], detail: str) -> int:
    if detail == "low" or (detail == "auto" and max(sides) <= _LOW_SIDE):
        return _TILE_TOKENS
    tiles = -(-sides[0] // _TILE) * -(-sides[1] // _TILE)
    return _TILE_TOKENS * (tiles + 1)
