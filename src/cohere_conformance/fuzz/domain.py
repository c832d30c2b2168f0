"""What the fuzzer knows of requests beyond their schemas: `suites/fuzz/domain.yaml`."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.contract.location import parse_location
from cohere_conformance.contract.models import known
from cohere_conformance.errors import CaseError
from cohere_conformance.fuzz.walk import compiled, without_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class DomainEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is known of locations.

    Attributes:
        locations: as findings name them.
        reason: why.
        operations: labels; all operations where none is named.
        rule: JSON Schema that applies there, of a limit.
        of_model: instead of a rule: the values that the model of the request supports.
        enforced: a request that breaks the rule has to be refused.
    """

    locations: tuple[str, ...]
    reason: str
    operations: tuple[str, ...] = ()
    rule: dict[str, Any] = {}
    of_model: Literal["output-dimension"] | None = None
    enforced: bool = False

    def about(self, operation: str) -> bool:
        """Return whether the entry applies to an operation."""
        return not self.operations or operation in self.operations


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of the document that the API does not enforce.

    Attributes:
        keyword: of the rule.
        reason: why.
        operations: labels; all operations where none is named.
        locations: as findings name them; all locations where none is named.
    """

    keyword: str
    reason: str
    operations: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()


class _DomainFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kept: tuple[DomainEntry, ...] = ()
    fixed: tuple[DomainEntry, ...] = ()
    limits: tuple[DomainEntry, ...] = ()
    depends: tuple[DomainEntry, ...] = ()
    tolerated: tuple[Tolerance, ...] = ()


class Domain:
    """What is known of the requests of each operation.

    Args:
        file: as it was read.
    """

    def __init__(self, file: _DomainFile) -> None:
        self._file = file

    def kept(self, operation: str, location: str) -> bool:
        """Return whether the value at a location must stay as it is."""
        return _named(self._file.kept, operation, location)

    def fixed(self, operation: str, location: str) -> bool:
        """Return whether a property is neither added nor left out."""
        return _named(self._file.fixed, operation, location)

    def depends(self, operation: str, location: str) -> bool:
        """Return whether a listed value may be refused because of another part of the request."""
        return _named(self._file.depends, operation, location)

    def limits(self, operation: str, location: str, body: object = None) -> list[DomainEntry]:
        """Return the rules that apply to a location beyond those of the document.

        Args:
            operation: its label.
            location: as findings name it.
            body: of the request, whose model decides about some rules.
        """
        named = [one for one in self._file.limits if one.about(operation) and location in one.locations]
        return [one for one in (_of_model(entry, body) for entry in named) if one is not None]

    def within(self, operation: str, body: Any) -> bool:
        """Return whether a body keeps all of these rules."""
        return not any(
            value is not None and breaks(one, value)  # null counts as not sent (G-17)
            for entry in self._file.limits
            if entry.about(operation) and (one := _of_model(entry, body)) is not None
            for location in one.locations
            if location.startswith("/")
            for value in parse_location(location).values(body)
        )

    def tolerated(self, operation: str, location: str, keyword: str) -> bool:
        """Return whether the API is known not to enforce a rule."""
        return any(
            keyword == one.keyword
            and (not one.operations or operation in one.operations)
            and (not one.locations or location in one.locations)
            for one in self._file.tolerated
        )


def load_domain(path: Path, operations: Iterable[str]) -> Domain:
    """Read the file.

    Args:
        path: of `domain.yaml`.
        operations: every label of the contract.

    Raises:
        CaseError: an entry names an operation that the contract does not have.
        ContractError: the file is broken.
    """
    file, labels = load_typed(path, _DomainFile), set(operations)
    named = [one.operations for one in (*file.kept, *file.fixed, *file.limits, *file.depends)]
    named += [one.operations for one in file.tolerated]
    for label in chain(*named):
        if label not in labels:
            raise CaseError(str(path), 0, f"expected the label of an operation, got {label!r}")
    return Domain(file)


def _of_model(entry: DomainEntry, body: object) -> DomainEntry | None:
    """Return an entry with the rule for the model of a request; `None` if nothing is known of the model."""
    if entry.of_model is None:
        return entry
    model = known(body.get("model")) if isinstance(body, dict) else None
    if model is None or model.output_dimension is None:
        return None
    lengths = list(model.output_dimension)
    return msgspec.structs.replace(entry, rule={"enum": lengths} if lengths else {"not": {}})


def breaks(limit: DomainEntry, value: object) -> bool:
    """Return whether a value breaks a limit."""
    return not compiled(msgspec.json.encode(limit.rule)).is_valid(without_surrogates(value))


def _named(entries: Iterable[DomainEntry], operation: str, location: str) -> bool:
    return any(location in one.locations and one.about(operation) for one in entries)
