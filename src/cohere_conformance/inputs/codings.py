"""Content codings: the names in a header, and the magic numbers of encoded bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

GZIP = frozenset({"gzip", "x-gzip"})
GZIP_MAGIC = b"\x1f\x8b"


def names_of(fields: Iterable[str]) -> list[str]:
    """Return the names of the codings of a body, in the order in which they were applied.

    Args:
        fields: the values of the content-encoding headers.
    """
    names = [name.strip().lower() for value in fields for name in value.split(",")]
    return [name for name in names if name not in {"", "identity"}]


def is_zlib(body: bytes) -> bool:
    """Return whether a body starts with a zlib header, which some servers leave out of deflate."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
