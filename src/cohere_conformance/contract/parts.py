"""The parts of a bundled document: which of them an operation uses, directly or by reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.bundle import references, resolve

if TYPE_CHECKING:
    from cohere_conformance.contract.documents import Document


def parts_of(document: Document) -> dict[str, Any]:
    """Return the components and the operations of a document by reference, and the rest by key."""
    parts = {key: value for key, value in document.items() if key not in {"components", "paths"}}
    for section, entries in document.get("components", {}).items():
        parts |= {f"#/components/{section}/{name}": value for name, value in entries.items()}
    for path, item in document.get("paths", {}).items():
        parts |= {f"{key.upper()} {path}": value for key, value in item.items()}
    return parts


def used_parts(document: Document, label: str) -> frozenset[str]:
    """Return the parts that an operation uses, as `parts_of` names them.

    Args:
        document: bundled.
        label: of the operation.
    """
    method, path = label.split(" ", 1)
    used = {label, *(key for key in document if key not in {"components", "paths"})}
    pending = [document["paths"].get(path, {}).get(method.lower(), {})]
    while pending:
        for reference in references(pending.pop()) - used:
            used.add(reference)
            pending.append(resolve(document, reference))
    return frozenset(used)
