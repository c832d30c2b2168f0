"""Signed URLs: files that can be downloaded without a key for an hour."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cohere_conformance.reference.handling import FileResponse
from cohere_conformance.reference.randomness import url_token

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.state import ServerState

PREFIX = "/storage/"
_VALID = timedelta(hours=1)
_STORE = "storage"
_SIGNING = threading.Lock()
"""Held while URLs are added and removed: several threads show datasets."""


@dataclass(frozen=True)
class _File:
    content: bytes
    media_type: str
    until: datetime


def sign(call: Call, content: bytes, name: str, media_type: str = "application/octet-stream") -> str:
    """Return a URL at which the content can be downloaded for an hour (DS-S03)."""
    path = f"{PREFIX}{url_token(18)}/{name}"
    files = call.state.account(_STORE).shelf(_File)
    with _SIGNING:
        # The oldest come first. Expired ones are removed at once, as a list of many datasets signs many URLs.
        while (oldest := next(iter(files), None)) is not None and files[oldest].until < call.now:
            del files[oldest]
        files[path] = _File(content, media_type, call.now + _VALID)
    return f"{call.base_url}{path}"


def fetch(path: str, state: ServerState) -> FileResponse | None:
    """Return the file at a signed URL, `None` if there is none or the URL has expired."""
    file = state.account(_STORE).shelf(_File).get(path)
    if file is None or file.until < state.clock.now():
        return None
    return FileResponse(file.content, file.media_type)
