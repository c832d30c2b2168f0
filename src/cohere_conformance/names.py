"""Names: what was probably meant by a wrong one, and operations as parts of others."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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
