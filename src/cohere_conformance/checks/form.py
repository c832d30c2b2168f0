"""The parts of a multipart form in order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.checks.headers import field

if TYPE_CHECKING:
    from cohere_conformance.model import Request

_NAME = re.compile(rb'\r?\ncontent-disposition:[^\r\n]*?[; ]name="?([^";\r\n]*)', re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)', re.IGNORECASE)
_HEAD = 2048
"""Bytes of a part that are searched for its header."""


def part_names(request: Request) -> list[str]:
    """Return the names of the parts of a form in order; none if they cannot be determined."""
    boundary = _BOUNDARY.search(field(request.headers, "content-type") or "")
    if boundary is None or not request.body:
        return []
    found = (_NAME.search(part[:_HEAD]) for part in request.body.split(b"--" + boundary[1].encode()))
    return [name[1].decode("utf-8", "replace") for name in found if name is not None]
