"""The size of an image in a request."""

from __future__ import annotations

import base64
import binascii

_PNG = "data:image/png;base64,"
_HEAD = 32
"""Number of base64 characters of the first 24 bytes of a PNG image, which contain its size."""


def png_size(uri: object) -> tuple[int, int] | None:
    """Return width and height of a PNG image in a data URI; `None` if it is something else."""
    if not isinstance(uri, str) or not uri.startswith(_PNG):
        return None
    try:
        head = base64.b64decode(uri[len(_PNG) : len(_PNG) + _HEAD], validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(head) < 24 or head[12:16] != b"IHDR":
        return None
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
