"""Where files refer to facts, and references to facts that do not exist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.facts import FACT
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = Path(__file__).resolve().parent.parent
_TEXTS = frozenset({".py", ".yaml", ".md"})
_DATA = "_data"
"""Where a wheel has its data; `folder` returns these."""


class FactReference(msgspec.Struct, frozen=True):
    """One mention of a fact.

    Attributes:
        fact: its id.
        location: file and line, relative to the folder that was searched.
    """

    fact: str
    location: str


def fact_references(folders: tuple[Path, ...]) -> Iterator[FactReference]:
    """Yield every mention of a fact in the texts below some folders, in code as well as in comments."""
    for root in folders:
        for path in sorted(root.rglob("*")):
            relative = path.relative_to(root)
            if path.suffix not in _TEXTS or relative.parts[0] == _DATA or not path.is_file():
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                for fact in FACT.findall(line):
                    yield FactReference(fact, f"{root.name}/{relative.as_posix()}:{number}")


def referring_folders(contracts: Path) -> tuple[Path, ...]:
    """Return the folders whose texts may refer to the facts of a contract.

    The suites and the package belong to the shipped contract only.
    """
    if contracts.resolve() != folder("contracts").resolve():
        return (contracts,)
    return contracts, folder("suites"), _PACKAGE
