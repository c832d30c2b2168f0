"""The shipped contract, as published or amended, ready to be judged against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.contract.bundle import bundle
from cohere_conformance.contract.compile import Contract, compile_contract
from cohere_conformance.contract.grammar import Grammar, load_grammars
from cohere_conformance.contract.overlay import Amendment, apply, load_amendments
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cohere_conformance.contract.documents import Document


@dataclass(frozen=True)
class Declarations:
    """The documents below `contracts/`, read once; contracts are compiled from them on demand.

    Attributes:
        published: the bundled OpenAPI document as the vendor declares it.
        amendments: what is known to be wrong or missing in it.
        tolerances: what the live API is known to accept in requests beyond it.
        grammars: the stream grammar of each operation that streams.
        servers: further base URLs that count as the API.
    """

    published: Document
    amendments: tuple[Amendment, ...]
    tolerances: tuple[Amendment, ...]
    grammars: dict[str, Grammar]
    servers: tuple[str, ...] = ()

    @cached_property
    def amended(self) -> Document:
        """The published document with every amendment carried out."""
        return apply(self.published, self.amendments)

    def contract(self, *, as_published: bool = False) -> Contract:
        """Compile the contract that traffic is judged against.

        Raises:
            ContractError: an amendment selects nothing.
        """
        if as_published:
            return compile_contract(self.published, self.grammars, servers=self.servers)
        requests = apply(self.amended, self.tolerances)
        return compile_contract(self.amended, self.grammars, requests=requests, servers=self.servers)

    def contract_with(self, amendments: Sequence[Amendment]) -> Contract:
        """Compile the published document with some amendments (or tolerances) only.

        Raises:
            ContractError: one of them selects nothing without the others.
        """
        ours = [amendment for amendment in amendments if amendment.klass != "request-tolerance"]
        document = apply(self.published, ours) if ours else self.published
        rest = [amendment for amendment in amendments if amendment.klass == "request-tolerance"]
        requests = apply(document, rest) if rest else document
        return compile_contract(document, self.grammars, requests=requests, servers=self.servers)


def load_declarations(root: Path | None = None, servers: tuple[str, ...] = ()) -> Declarations:
    """Read everything below `contracts/`.

    Args:
        root: another folder of the same layout; the shipped one if not given.
        servers: further base URLs that count as the API.

    Raises:
        ContractError: a document is broken.
    """
    root = root or folder("contracts")
    return Declarations(
        published=bundle(root / "openapi" / "openapi.yaml"),
        amendments=load_amendments(root / "amendments.yaml"),
        tolerances=load_amendments(root / "tolerances.yaml"),
        grammars=load_grammars(root / "streams.yaml"),
        servers=servers,
    )


@lru_cache(maxsize=2)
def load_contract(*, as_published: bool = False) -> Contract:
    """Return the shipped contract, amended unless asked for as published.

    Raises:
        ContractError: a shipped document is broken.
    """
    return load_declarations().contract(as_published=as_published)
