"""A digest of the facts of a source that is the same in every process, for `contracts/upstream.lock`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.drift.facts import Description, Node


def facts_digest(description: Description) -> str:
    """Return the digest of all facts of a source; names and origins are not part of it."""
    seen: dict[int, str] = {}
    return _hash(
        f"{key} {_digest(operation, seen)}" for key, operation in sorted(description.operations.items())
    )


def _digest(node: Node, seen: dict[int, str]) -> str:
    """Return the digest of a node; nodes that are used in several places are hashed once."""
    if (known := seen.get(id(node))) is None:
        lines = [f"opaque {node.opaque}"]
        lines += [f"{name} = {_value(value)}" for name, value in sorted(node.attributes.items())]
        lines += [f"{step} {_digest(child, seen)}" for step, child in sorted(node.children.items())]
        known = seen[id(node)] = _hash(lines)
    return known


def _value(value: object) -> str:
    return repr(sorted(map(str, value)) if isinstance(value, frozenset) else value)


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
