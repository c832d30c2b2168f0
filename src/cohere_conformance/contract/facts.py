"""The facts that the contract rests on: `contracts/facts/<group>.yaml`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

FACT = re.compile(
    r"\b(?!UTF-|SHA-|ISO-|RFC-)[A-Z][A-Z0-9]{0,2}-[A-Z]?[0-9]{2}\b"  # RR-O04, G-17
    r"|\bC[0-9]{2}\b"  # a contradiction: C46
    r"|\bS2\.10-[0-9]{1,2}\b"  # a defect of the published document: S2.10-7
)
"""The form of a fact's id."""

_SOURCES = "sources.yaml"
_COUNTED = re.compile(r"observed [0-9]+/[0-9]+")


class SourceKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of source.

    Attributes:
        says: what the word means.
        link: the public address of the source, if it has one.
    """

    says: str
    link: str = ""


class Fact(msgspec.Struct, frozen=True):
    """One fact about the API.

    Attributes:
        id: stable name, such as `RR-O04`.
        says: the fact in one sentence.
        source: the kinds of source that state it, such as `spec, observed 10/10`.
        evidence: counts, dates and texts that were seen, if any.
        group: the file that has it.
    """

    id: str
    says: str
    source: str
    evidence: str
    group: str


class _FactEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    says: str
    source: str
    evidence: str = ""


class _FactsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    group: str
    facts: dict[str, _FactEntry]


class _SourcesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: dict[str, SourceKind]


class FactCatalogue(msgspec.Struct, frozen=True):
    """Every fact and every kind of source.

    Attributes:
        facts: by id, file by file.
        sources: by name, such as `spec`.
    """

    facts: dict[str, Fact]
    sources: dict[str, SourceKind]

    def cited(self, text: str) -> list[Fact]:
        """Return the facts that a text refers to, each once, in the order of their first mention."""
        return [self.facts[name] for name in dict.fromkeys(FACT.findall(text)) if name in self.facts]

    def sources_of(self, fact: Fact) -> dict[str, SourceKind]:
        """Return the sources of a fact, by their names (`spec`, `observed 10/10`)."""
        return {word: self.sources[word.split()[0]] for word in fact.source.split(", ")}


def load_facts(root: Path) -> FactCatalogue:
    """Read the facts.

    Args:
        root: the folder with `sources.yaml` and one file a group.

    Raises:
        ContractError: a file is malformed, or a fact has no sentence, an unknown source or another's id.
    """
    sources = load_typed(root / _SOURCES, _SourcesFile).sources
    facts: dict[str, Fact] = {}
    for path in sorted(root.glob("*.yaml")):
        if path.name == _SOURCES:
            continue
        file = load_typed(path, _FactsFile)
        if file.group != path.stem:
            raise ContractError(f"{path}: expected the group {path.stem}, the file's name, got {file.group}")
        for name, entry in file.facts.items():
            if problem := _problem(name, entry, facts, sources):
                raise ContractError(f"{path}: {name}: {problem}")
            facts[name] = Fact(name, entry.says, entry.source, entry.evidence, file.group)
    return FactCatalogue(facts, sources)


def _problem(name: str, entry: _FactEntry, known: dict[str, Fact], sources: dict[str, SourceKind]) -> str:
    """Return the rule that an entry breaks, or an empty text."""
    words = entry.source.split(", ")
    if not FACT.fullmatch(name):
        return "expected an id such as RR-O04"
    if name in known:
        return f"expected an id that is not in use, got one of {known[name].group}"
    if not all(word in sources or _COUNTED.fullmatch(word) for word in words):
        return f"expected sources such as spec or observed 10/10, got {entry.source}"
    if not entry.says.endswith("."):
        return "expected one sentence that ends with a full stop"
    return ""


@lru_cache(maxsize=1)
def shipped_facts() -> FactCatalogue:
    """Return the facts that ship with the package.

    Raises:
        ContractError: a file is malformed.
    """
    return load_facts(folder("contracts") / "facts")
