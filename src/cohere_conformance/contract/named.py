"""Operations by the names that people give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERSION = re.compile(r"/(v\d+)/")


def operations_by_name(operations: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the labels of operations by every name that stands for some of them.

    That is their group (`chat`), what one version of the API has of it (`v2.chat`), and the label itself
    (`POST /v2/chat`).

    Args:
        operations: the group of each operation, by its label.
    """
    found: dict[str, set[str]] = {}
    for label, group in operations.items():
        version = _VERSION.search(label)
        for name in (group, f"{version[1]}.{group}" if version else group, label):
            found.setdefault(name, set()).add(label)
    return {name: frozenset(labels) for name, labels in found.items()}


def lacking(labels: Iterable[str], declared: frozenset[str], operations: Mapping[str, str]) -> str | None:
    """Return in words which of some operations are not declared: by their group, where nothing of that is.

    Args:
        labels: that are asked for.
        declared: labels of what a server implements.
        operations: the group of each operation, by its label.
    """
    groups = {operations[label] for label in declared}
    missing = {label: operations[label] for label in labels if label not in declared}
    whole = sorted({group for group in missing.values() if group not in groups})
    single = sorted(label for label, group in missing.items() if group in groups)
    told = [f"group {', '.join(whole)}"] if whole else []
    return "; ".join(told + ([", ".join(single)] if single else [])) or None
