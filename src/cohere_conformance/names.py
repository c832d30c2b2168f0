"""Names: what was probably meant by a wrong one, operations as parts of others, and what HTTP calls one."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REDACTED = "[redacted]"
"""Stands for a credential."""
REDACTED_IN_URL = "redacted"
"""Stands for a credential in an address, which may hold no brackets."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def is_token(text: str) -> bool:
    """Return whether a text is a token of RFC 9110, as every method and every name of a header field is."""
    return _TOKEN.fullmatch(text) is not None


def unknown(option: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a name that is not among the known ones.

    Args:
        option: where the name was given.
        name: what was given.
        known: what is there.
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}"
    return f"{option} {name}: expected a known name; {hint}"


def slug(label: str) -> str:
    """Return the label of an operation as part of an id: `post-v2-rerank`."""
    return "-".join(re.findall(r"[a-z0-9_]+", label.lower()))
