"""Operations by their names: labels, ids, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.errors import UsageError
from cohere_conformance.names import operations_by_name, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def implemented(names: tuple[str, ...], operations: Mapping[str, str]) -> frozenset[str]:
    """Return the labels of the operations that a target implements.

    Args:
        names: given by the user; none selects all operations.
        operations: the group of every operation of the contract, by its label.

    Raises:
        UsageError: a name is unknown.
    """
    known = operations_by_name(operations)
    for name in names:
        if name not in known:
            raise UsageError(unknown("--declares", name, known))
    return frozenset().union(*(known[name] for name in names)) if names else frozenset(operations)


def lacking(labels: Iterable[str], declared: frozenset[str], operations: Mapping[str, str]) -> str | None:
    """Return in words which operations are not implemented; by group if none of the group is.

    Args:
        labels: the requested operations.
        declared: labels of the operations that a server implements.
        operations: the group of each operation, by its label.
    """
    groups = {operations[label] for label in declared}
    missing = {label: operations[label] for label in labels if label not in declared}
    whole = sorted({group for group in missing.values() if group not in groups})
    single = sorted(label for label, group in missing.items() if group in groups)
    parts = [f"group {', '.join(whole)}"] if whole else []
    return "; ".join(parts + ([", ".join(single)] if single else [])) or None
