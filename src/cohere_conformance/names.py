"""Names: suggestions for unknown ones, operations as parts of ids, and the tokens of HTTP."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

OWN_CASSETTES = "cassettes"
"""The folder in which cassettes are written by default, and looked for first."""
REDACTED = "[redacted]"
"""Replaces a credential."""
REDACTED_IN_URL = "redacted"
"""Replaces a credential in a URL, which must not contain brackets."""

_MOST_NAMED = 50
"""Names that an error message lists; there are fewer groups and operations, and more cases and faults."""

_VERSION = re.compile(r"/(v\d+)/")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def is_token(text: str) -> bool:
    """Return whether a text is a token of RFC 9110, as methods and names of header fields have to be."""
    return _TOKEN.fullmatch(text) is not None


def unknown(option: str, name: str, known: Iterable[str]) -> str:
    """Return the error message for an unknown name.

    Args:
        option: the option in which the name was given.
        name: the unknown name.
        known: the known names.
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=3)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    choice = f"choose one of {', '.join(names[:_MOST_NAMED])}{more}"
    hint = f"did you mean {' or '.join(close)}?" if close else choice
    return f"{option} {name}: unknown name; {hint}"


def slug(label: str) -> str:
    """Return the label of an operation as part of an id: `post-v2-rerank`."""
    return "-".join(re.findall(r"[a-z0-9_]+", label.lower()))


def operations_by_name(groups: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the labels of operations by each of their names.

    That is their group (`chat`), what one version of the API has of it (`v2.chat`), and the label itself
    (`POST /v2/chat`).

    Args:
        groups: the group of each operation, by its label.
    """
    found: dict[str, set[str]] = {}
    for label, group in groups.items():
        version = _VERSION.search(label)
        for name in (group, f"{version[1]}.{group}" if version else group, label):
            found.setdefault(name, set()).add(label)
    return {name: frozenset(labels) for name, labels in found.items()}


def fewest_names(
    labels: Collection[str], groups: Mapping[str, str], within: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the fewest names that select exactly these operations, in alphabetical order.

    Args:
        labels: of operations; those without a group are left out.
        groups: the group of each operation, by its label.
        within: names that have selected the operations in `groups`: a name of more than one of them would
            select operations that are not there; empty if all operations are.
    """
    left = set(labels)
    chosen = []
    # The largest first: a group before one version of it, and both before single operations.
    for name, found in sorted(
        operations_by_name(groups).items(), key=lambda one: (-len(one[1]), len(one[0]))
    ):
        selects_more = (
            bool(within) and name not in (*groups, *within) and name.partition(".")[2] not in within
        )
        if found <= left and not selects_more:
            chosen.append(name)
            left -= found
    return tuple(sorted(chosen))
