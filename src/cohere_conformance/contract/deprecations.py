"""When the vendor ends what its document marks as deprecated: `contracts/deprecations.yaml`."""

from __future__ import annotations

import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

DEPRECATIONS = "deprecations.yaml"
_Source = Literal["spec", "docs", "sdk", "observed", "reported", "inferred"]


class EndOfLife(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The end of some operations, or of parts of them.

    Attributes:
        what: labels of operations, or an operation with a part of it: `POST /v1/chat request.connectors`.
        date: from which it does not work any more.
        source: of this information.
        announced: the day of the announcement, if it is known.
        successor: what to use instead; empty if the vendor names nothing.
        evidence: ids of facts.
    """

    what: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    date: datetime.date
    source: Annotated[tuple[_Source, ...], msgspec.Meta(min_length=1)]
    announced: datetime.date | None = None
    successor: str = ""
    evidence: str = ""


class _Ends(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    ends: tuple[EndOfLife, ...]


def load_ends(path: Path, operations: Collection[str] | None = None) -> dict[str, EndOfLife]:
    """Read the file; the result is by what ends.

    Args:
        path: the file.
        operations: labels of all operations; they are not checked if not given.

    Raises:
        ContractError: it is malformed, or names an operation that does not exist, or something twice.
    """
    found: dict[str, EndOfLife] = {}
    for entry in load_typed(path, _Ends).ends:
        for what in entry.what:
            label = " ".join(what.split(" ")[:2])
            if operations is not None and label not in operations:
                raise ContractError(f"{path}: expected an operation of the document, got {label!r}")
            if what in found:
                raise ContractError(f"{path}: expected everything once, got {what!r} twice")
            found[what] = entry
    return found


@lru_cache(maxsize=1)
def shipped_ends() -> dict[str, EndOfLife]:
    """Return what ends, and when, by operation or part of one.

    Raises:
        ContractError: the file is malformed.
    """
    return load_ends(folder("contracts") / DEPRECATIONS)
