"""Names under which recorders keep the fields of a row, besides those of this project."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_Value = TypeVar("_Value")

# Compared in small letters and digits only. Bodies are not here: a body under another name may be cut,
# encoded or not a body at all, so it is named to the user instead of being judged.
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
    """Return the name that a key stands for; the key itself where it is none of them."""
    return _CANONICAL.get(re.sub(r"[^a-z0-9]", "", key.lower()), key)


def renamed(row: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return a row with the names of this project; what has such a name already is never replaced."""
    found = dict(row)
    for key, value in row.items():
        found.setdefault(canonical(key), value)
    return found
