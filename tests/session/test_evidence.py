"""What the contract says for the causes of findings is the same in every process."""

from __future__ import annotations

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.elements import declared
from cohere_conformance.session.evidence import background_of


def test_a_location_that_branches_of_a_union_declare_has_one_declaration() -> None:
    """The ids of causes depend on it, and the order of a set is another one in each process."""
    contract = load_contract()
    label = "POST /v1/embed"
    named = sorted(one for one in declared(contract.operations[label]) if one.name == "/response_type")
    assert len(named) > 1
    assert background_of(contract).declarations[label, "/response_type"] == named[0].declaration
