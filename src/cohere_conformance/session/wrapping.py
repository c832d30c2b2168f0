"""The object around a resource, where a server has none or another one: it can be read all the same."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.elements import OperationKey, outline

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.elements import Shape
    from cohere_conformance.model import Exchange


def with_wrapper(contract: Contract, exchange: Exchange) -> Exchange:
    """Return an exchange whose response has its resource where the contract declares it.

    A body that lacks the only declared property is taken for the value of that property, and so is the value
    of its own only property, if most of what it has are properties of that value; where none is declared, the
    value of an only property is taken for the body. Everything else is returned as it is.

    Args:
        contract: determines the operation.
        exchange: the request and its response.
    """
    request, response = exchange.request, exchange.response
    operation = contract.operations.get(contract.route(request.method, request.url).operation or "")
    if operation is None or not response.body or not 200 <= response.status < 300:
        return exchange
    wrappers, declared = _declared(OperationKey(operation.label, operation.digest, operation))
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return exchange
    if not isinstance(body, dict):
        return exchange
    if body.keys() & declared:
        return exchange
    inner = next(iter(body.values())) if len(body) == 1 else None
    for resource in (body, inner):
        for name, properties in wrappers.items():
            if _mostly(resource, properties):
                return _with_body(exchange, {name: resource})
    return _with_body(exchange, inner) if _mostly(inner, declared) else exchange


def _mostly(value: object, properties: Set[str]) -> bool:
    """Return whether most of what a value has are some properties."""
    return isinstance(value, dict) and 2 * len(value.keys() & properties) > len(value)


def _with_body(exchange: Exchange, body: object) -> Exchange:
    response = msgspec.structs.replace(exchange.response, body=msgspec.json.encode(body))
    return msgspec.structs.replace(exchange, response=response)


@lru_cache(maxsize=256)
def _declared(key: OperationKey) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
    """Return what the bodies of successes have.

    Returns:
        The names of properties of each object that is the only property of a body, by its name; and the
        names of the properties of all bodies.
    """
    wrappers: dict[str, frozenset[str]] = {}
    declared: set[str] = set()
    for shape in outline(key.operation).bodies.values():
        names = _properties(shape)
        declared |= names.keys()
        if len(names) == 1:
            ((name, inner),) = names.items()
            if below := _properties(inner).keys():
                wrappers[name] = frozenset(below)
    return wrappers, frozenset(declared)


def _properties(shape: Shape) -> dict[str, Shape]:
    found = dict(shape.properties)
    for _condition, branch in shape.branches:
        found |= _properties(branch)
    return found
