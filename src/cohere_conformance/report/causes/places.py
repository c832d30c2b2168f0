"""Locations and names for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BODY = "the body"
_MOST_NAMES = 4


def place(location: str) -> str:
    """Return a location for a reader: `/results/*/index` as `results[].index`."""
    if location.startswith("header:"):
        return f"header {location.removeprefix('header:')}"
    event, _, rest = location.partition("/") if location.startswith("<") else ("", "", location.lstrip("/"))
    path = ""
    for token in rest.split("/") if rest else ():
        name = token.replace("~1", "/").replace("~0", "~")
        path += "[]" if name == "*" else f"[{name}]" if name.isdigit() else f".{name}" if path else name
    if event:
        return f"{path} of {event.strip('<>')} events" if path else f"{event.strip('<>')} events"
    return path or _BODY


def listed(names: Sequence[str]) -> str:
    """Return some names for a reader: the first few, and how many more there are."""
    *most, last = names[:_MOST_NAMES]
    if len(names) > _MOST_NAMES:
        return f"{', '.join([*most, last])} and {len(names) - _MOST_NAMES} more"
    return f"{', '.join(most)} and {last}" if most else last
