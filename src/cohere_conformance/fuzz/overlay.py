"""Properties that schemathesis generates, in the body of a case.

A body that is generated completely is always refused: the name of a model is no random text. Schemathesis is
good at nested values, so these replace the same properties of a request that is served.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.fuzz.bodies import declared_body, is_valid
from cohere_conformance.fuzz.candidate import Expected, GenerationMode, literal
from cohere_conformance.fuzz.walk import sites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from cohere_conformance.contract import Contract, Operation
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.fuzz.domain import Domain


def overlaid(
    contract: Contract, operation: Operation, given: Sequence[Anchor], domain: Domain
) -> SearchStrategy[Candidate]:
    """Return a strategy for requests with some properties that schemathesis generates.

    Args:
        contract: of which the operation is a part.
        operation: what is called.
        given: the cases to start from, the smallest first; each has a JSON body.
        domain: what is known of requests beyond the schemas.
    """
    from hypothesis import strategies as st

    bodies = _bodies(_HashableContract(contract), operation.label)

    @st.composite
    def draw_one(draw: DrawFn) -> Candidate:
        anchor = draw(st.sampled_from(given))
        declared = declared_body(operation, anchor)
        assert declared is not None
        drawn, body = draw(bodies), anchor.template.body
        assert isinstance(body, dict)
        open_names = {
            site.path[0]
            for site in sites(declared.schema, body)
            if len(site.path) == 1
            and not domain.kept(operation.label, site.location)
            and not domain.fixed(operation.label, site.location)
        }
        taken = []
        for name in sorted(open_names & drawn.keys()) if isinstance(drawn, dict) else ():
            changed = {**body, name: literal(drawn[name])}
            if is_valid(declared.compiled, changed) and domain.within(operation.label, changed):
                body = changed
                taken.append(f"/{name}")
        return anchor.candidate(
            GenerationMode.POSITIVE,
            msgspec.structs.replace(anchor.template, body=body),
            location=", ".join(taken) or "/",
            says="values drawn by schema",
            expected=Expected.EITHER,
        )

    return draw_one()


class _HashableContract:
    """A contract, hashed by its digest: the document in it cannot be hashed."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _HashableContract) and self.contract.digest == other.contract.digest

    def __hash__(self) -> int:
        return hash(self.contract.digest)


@lru_cache(maxsize=1)
def _loaded(contract: _HashableContract) -> Any:
    # The import is slow, and few runs need it.
    import schemathesis

    return schemathesis.openapi.from_dict(contract.contract.document)


@lru_cache(maxsize=64)
def _bodies(contract: _HashableContract, label: str) -> SearchStrategy[Any]:
    import schemathesis

    method, path = label.split(" ", 1)
    cases = _loaded(contract)[path][method].as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
    bodies: SearchStrategy[Any] = cases.map(lambda case: case.body)
    return bodies
