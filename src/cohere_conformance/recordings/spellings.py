"""The names that recorders use for the fields of a row, in addition to those of this project."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_Value = TypeVar("_Value")

# Compared as lower-case letters and digits. Bodies are not here: a body under another name may be cut off,
# encoded or no body at all, so it is reported to the user instead of being judged.
_SPELLINGS = {
    "method": "method httpmethod requestmethod verb",
    "url": "url uri requesturl requesturi fullurl",
    "status": "status statuscode httpstatus httpstatuscode responsestatus responsestatuscode responsecode",
    "request_headers": "requestheaders reqheaders",
    "response_headers": "responseheaders respheaders resheaders",
    "content_type": "contenttype responsecontenttype",
    "recorded_at": "recordedat timestamp time datetime starteddatetime createdat",
}
_CANONICAL = {spelled: name for name, all_ in _SPELLINGS.items() for spelled in all_.split()}


@functools.lru_cache(maxsize=4096)
def canonical(key: str) -> str:
    """Return the name in this project for a key; the key itself if it is unknown."""
    return _CANONICAL.get(re.sub(r"[^a-z0-9]", "", key.lower()), key)


def renamed(row: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return a row with the names of this project; a field that has such a name already is not replaced."""
    found = dict(row)
    for key, value in row.items():
        found.setdefault(canonical(key), value)
    return found
