"""Loads and compiles the contract, as published or amended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.contract.bundle import bundle
from cohere_conformance.contract.compile import Contract, compile_contract, operations_of
from cohere_conformance.contract.grammar import Grammar, load_grammars
from cohere_conformance.contract.overlay import (
    Amendment,
    apply,
    apply_once,
    changed_parts,
    changed_parts_once,
    load_additions,
    load_amendments,
)
from cohere_conformance.contract.parts import used_parts
from cohere_conformance.data import folder, is_shipped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cohere_conformance.contract.documents import Document


@dataclass(frozen=True)
class Declarations:
    """The documents below `contracts/`, read once; contracts are compiled from them on demand.

    Attributes:
        published: the bundled OpenAPI document as the vendor declares it.
        amendments: its known defects and omissions.
        additions: what only the vendor's SDKs declare.
        tolerances: what the live API accepts in requests beyond it.
        grammars: the stream grammar of each operation that streams.
        servers: further base URLs that count as the API.
        stored_below: the folder of shipped documents, beside which the amended ones are stored.
    """

    published: Document
    amendments: tuple[Amendment, ...]
    tolerances: tuple[Amendment, ...]
    grammars: dict[str, Grammar]
    servers: tuple[str, ...] = ()
    additions: tuple[Amendment, ...] = ()
    stored_below: Path | None = None

    @cached_property
    def amended(self) -> Document:
        """The published document with every amendment and every addition of an SDK."""
        return self._applied("amended", self.published, (*self.amendments, *self.additions))

    @cached_property
    def declared(self) -> Document:
        """What the vendor declares, in its document or in an SDK; without amendments."""
        return apply(self.published, self.additions)

    @property
    def changes(self) -> tuple[Amendment, ...]:
        """Amendments, additions of SDKs and tolerances, in the order in which they are applied."""
        return (*self.amendments, *self.additions, *self.tolerances)

    def contract(self, *, as_published: bool = False) -> Contract:
        """Compile the contract that traffic is judged against, once.

        Raises:
            ContractError: an amendment selects nothing.
        """
        return self._compiled_as_published if as_published else self._compiled_as_amended

    @cached_property
    def _compiled_as_published(self) -> Contract:
        return compile_contract(self.published, self.grammars, servers=self.servers)

    @cached_property
    def _compiled_as_amended(self) -> Contract:
        contract = compile_contract(
            self.amended, self.grammars, requests=self._tolerant_requests, servers=self.servers
        )
        added = contract.operations.keys() - operations_of(self.published).keys()
        return replace(contract, added=frozenset(added))

    @cached_property
    def _tolerant_requests(self) -> Document:
        return self._applied("tolerant", self.amended, self.tolerances)

    def _applied(self, name: str, document: Document, amendments: Sequence[Amendment]) -> Document:
        if self.stored_below is None:
            return apply(document, amendments)
        return apply_once(document, amendments, self.stored_below / name)

    def amending(self, label: str) -> tuple[Amendment, ...]:
        """Return the amendments, additions and tolerances that change anything that an operation uses.

        Args:
            label: of the operation.
        """
        if label not in self._amending:
            every = self.changes
            parts = used_parts(self.published, label) | used_parts(self._tolerant_requests, label)
            self._amending[label] = tuple(one for one in every if not parts.isdisjoint(self._changed[one.id]))
        return self._amending[label]

    @cached_property
    def _amending(self) -> dict[str, tuple[Amendment, ...]]:
        return {}

    @cached_property
    def _changed(self) -> dict[str, frozenset[str]]:
        """The parts of the document that each amendment, addition or tolerance changes, by its id."""
        if self.stored_below is None:
            return changed_parts(self.published, self.changes)
        return changed_parts_once(self.published, self.changes, self.stored_below / "changed")

    def contract_with(self, amendments: Sequence[Amendment]) -> Contract:
        """Compile the published document with some amendments, additions or tolerances only, once.

        Raises:
            ContractError: one of them selects nothing without the others.
        """
        names = tuple(one.id for one in amendments)
        if names not in self._with:
            self._with[names] = self._compiled_with(amendments)
        return self._with[names]

    @cached_property
    def _with(self) -> dict[tuple[str, ...], Contract]:
        return {}

    def _compiled_with(self, amendments: Sequence[Amendment]) -> Contract:
        ours = [amendment for amendment in amendments if amendment.klass != "request-tolerance"]
        document = apply(self.published, ours) if ours else self.published
        rest = [amendment for amendment in amendments if amendment.klass == "request-tolerance"]
        requests = apply(document, rest) if rest else document
        return compile_contract(document, self.grammars, requests=requests, servers=self.servers)


def load_declarations(root: Path | None = None, servers: tuple[str, ...] = ()) -> Declarations:
    """Read everything below `contracts/`.

    Args:
        root: another folder of the same layout; the shipped one if not given, which is read once a process.
        servers: further base URLs that count as the API.

    Raises:
        ContractError: a document is malformed.
    """
    if root is None:
        return replace(_shipped(), servers=servers) if servers else _shipped()
    return Declarations(
        published=bundle(root / "openapi" / "openapi.yaml"),
        amendments=load_amendments(root / "amendments.yaml"),
        tolerances=load_amendments(root / "tolerances.yaml"),
        grammars=load_grammars(root / "streams.yaml"),
        servers=servers,
        additions=load_additions(root / "additions.yaml"),
        stored_below=root if is_shipped(root) else None,
    )


@lru_cache(maxsize=1)
def _shipped() -> Declarations:
    return load_declarations(folder("contracts"))


def load_contract(*, as_published: bool = False) -> Contract:
    """Return the shipped contract, amended unless asked for as published.

    Raises:
        ContractError: a shipped document is malformed.
    """
    return _shipped().contract(as_published=as_published)
