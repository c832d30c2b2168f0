"""The object around a resource, where a server leaves it out: the resource can be read all the same."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.elements import OperationKey, outline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.elements import Shape
    from cohere_conformance.model import Exchange


def with_wrapper(contract: Contract, exchange: Exchange) -> Exchange:
    """Return an exchange whose response has the object around its resource that the contract declares.

    A body that lacks the only declared property is taken for the value of that property if most of what it
    has are properties of that value. Everything else is returned as it is.

    Args:
        contract: determines the operation.
        exchange: the request and its response.
    """
    request, response = exchange.request, exchange.response
    operation = contract.operations.get(contract.route(request.method, request.url).operation or "")
    if operation is None or not response.body or not 200 <= response.status < 300:
        return exchange
    wrappers = _wrappers(OperationKey(operation.label, operation.digest, operation))
    if not wrappers:
        return exchange
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return exchange
    for name, properties in wrappers.items():
        if isinstance(body, dict) and name not in body and 2 * len(body.keys() & properties) > len(body):
            wrapped = msgspec.structs.replace(response, body=msgspec.json.encode({name: body}))
            return msgspec.structs.replace(exchange, response=wrapped)
    return exchange


@lru_cache(maxsize=256)
def _wrappers(key: OperationKey) -> Mapping[str, frozenset[str]]:
    """Return the names of properties of each object that is the only property of a success, by its name."""
    found = {}
    for shape in outline(key.operation).bodies.values():
        names = _properties(shape)
        if len(names) == 1:
            ((name, inner),) = names.items()
            if below := _properties(inner).keys():
                found[name] = frozenset(below)
    return found


def _properties(shape: Shape) -> dict[str, Shape]:
    found = dict(shape.properties)
    for _condition, branch in shape.branches:
        found |= _properties(branch)
    return found
