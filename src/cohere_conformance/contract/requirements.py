"""The catalogue of requirements beyond the schemas: `contracts/requirements/<group>.yaml`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.contract.facts import FACT
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError
from cohere_conformance.model import Level, Requirement, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+")
_SOURCE = re.compile(r"spec|docs|sdk|inferred|observed(?: [0-9]+/[0-9]+)?")
_EVIDENCE = ("spec", "docs", "sdk", "observed")


class _RequirementEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: Level
    says: str
    source: str
    reason: str
    operations: list[str]
    faults: list[str]
    about: Subject = Subject.CONTENT
    follows: list[str] = []


class _RequirementsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    group: str
    requirements: dict[str, _RequirementEntry] = {}
    excluded: dict[str, str] = {}
    withdrawn: dict[str, str] = {}


class Catalogue(msgspec.Struct, frozen=True):
    """Every requirement, and every fact that is not one.

    Attributes:
        requirements: by id, file by file.
        excluded: why a fact is not a requirement, by its id.
        withdrawn: why a former requirement was withdrawn, by its id; the ids are never used again.
    """

    requirements: dict[str, Requirement]
    excluded: dict[str, str]
    withdrawn: dict[str, str] = {}

    def find(self, name: str) -> Requirement | None:
        """Return the requirement with this id.

        A requirement of both versions of an operation has one id, and is also found with the version as a
        prefix: `v2.rerank.sorted` is `rerank.sorted`, as that applies to an operation below `/v2/`.
        """
        if name in self.requirements:
            return self.requirements[name]
        version, _, rest = name.partition(".")
        found = self.requirements.get(rest) if version in {"v1", "v2"} else None
        holds = found is not None and any(f" /{version}/" in label for label in found.operations)
        return found if holds else None

    def facts(self) -> frozenset[str]:
        """Return the ids of all facts that are requirements or excluded."""
        reasons = [requirement.reason for requirement in self.requirements.values()]
        named = map(FACT.findall, (*reasons, *self.withdrawn.values()))
        return frozenset(self.excluded) | {fact for facts in named for fact in facts}


def load_requirements(root: Path) -> Catalogue:
    """Read the catalogue.

    Args:
        root: the folder of one file a group.

    Raises:
        ContractError: a file is malformed, or a requirement violates a rule of the catalogue.
    """
    requirements: dict[str, Requirement] = {}
    excluded: dict[str, str] = {}
    withdrawn: dict[str, str] = {}
    for path in sorted(root.glob("*.yaml")):
        file = load_typed(path, _RequirementsFile)
        for name, entry in file.requirements.items():
            fault = _fault(name, entry, requirements)
            if fault or file.group != path.stem:
                fault = fault or f"expected the group {path.stem}, the file's name, got {file.group}"
                raise ContractError(f"{path}: {name}: {fault}")
            requirements[name] = Requirement(
                id=name,
                level=entry.level,
                about=entry.about,
                says=entry.says,
                source=entry.source,
                reason=entry.reason,
                operations=tuple(entry.operations),
                faults=tuple(entry.faults),
                group=file.group,
                follows=tuple(entry.follows),
            )
        for fact, reason in file.excluded.items():
            if not FACT.fullmatch(fact) or not reason.strip():
                raise ContractError(f"{path}: excluded: {fact}: expected the id of a fact and a reason")
            excluded[fact] = reason
        for name, reason in file.withdrawn.items():
            if not _ID.fullmatch(name) or not reason.strip():
                raise ContractError(
                    f"{path}: withdrawn: {name}: expected the id of a requirement and a reason"
                )
            withdrawn[name] = reason
    for name in requirements:
        if fault := _unfounded(name, requirements):
            raise ContractError(f"{root}: {name}: follows: {fault}")
    if again := sorted(withdrawn.keys() & requirements.keys()):
        raise ContractError(f"{root}: {again[0]}: expected a unique id, got one that was withdrawn")
    return Catalogue(requirements, excluded, withdrawn)


def _fault(name: str, entry: _RequirementEntry, known: Mapping[str, Requirement]) -> str:
    """Return the rule of the catalogue that an entry violates, if any."""
    sources = [source.strip() for source in entry.source.split(",")]
    faults: Iterator[str] = (
        text
        for broken, text in (
            (not _ID.fullmatch(name), "expected an id such as v2.rerank.sorted"),
            (
                name in known,
                f"expected a unique id, got one that {name in known and known[name].group} has",
            ),
            (
                not all(map(_SOURCE.fullmatch, sources)),
                f"expected sources such as spec or observed 10/10, got {entry.source}",
            ),
            (
                entry.level is Level.MUST and not any(source.startswith(_EVIDENCE) for source in sources),
                "a MUST needs evidence from spec, docs, sdk or observation; what is inferred is a SHOULD",
            ),
            (not entry.operations, "expected at least one operation"),
            (not entry.says.endswith("."), "expected one sentence that ends with a full stop"),
        )
        if broken
    )
    return next(faults, "")


def _unfounded(name: str, known: Mapping[str, Requirement]) -> str:
    """Return what is wrong with the requirements that one follows, directly or not, if anything is."""
    seen: set[str] = set()
    waiting = [*known[name].follows]
    while waiting:
        one = waiting.pop()
        if one == name:
            return "expected another requirement, got one that follows this one"
        if one not in known:
            return f"expected the id of a requirement, got {one}"
        if one not in seen:
            seen.add(one)
            waiting += known[one].follows
    return ""


@lru_cache(maxsize=1)
def shipped_requirements() -> Catalogue:
    """Return the catalogue that ships with the package.

    Raises:
        ContractError: a file is malformed.
    """
    return load_requirements(folder("contracts") / "requirements")
