"""Documents below `contracts/` made into a `Contract` that can be judged against."""

from cohere_conformance.contract.compile import (
    Contract,
    Events,
    Media,
    Operation,
    QueryParameter,
    RequestDeclaration,
    ResponseDeclaration,
    Validator,
)
from cohere_conformance.contract.load import Declarations, load_contract, load_declarations

__all__ = [
    "Contract",
    "Declarations",
    "Events",
    "Media",
    "Operation",
    "QueryParameter",
    "RequestDeclaration",
    "ResponseDeclaration",
    "Validator",
    "load_contract",
    "load_declarations",
]
