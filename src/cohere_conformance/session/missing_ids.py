"""The id of a resource where the response to its creation lacks it: the list of all resources has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cohere_conformance.contract.collections import shipped_collections
from cohere_conformance.pointer import MISSING, escaped, value_at
from cohere_conformance.report.ids import name_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.contract.collections import Collection
    from cohere_conformance.model import Exchange


class _Listed(NamedTuple):
    id: str
    name: str
    created: str


def place_of_id(operation: str) -> str:
    """Return where the response to a creation has the id; empty for other operations."""
    collection = _created_by(operation)
    return "" if collection is None else "".join(f"/{escaped(one)}" for one in _tokens(collection))


def with_id(operation: str, exchange: Exchange, ask: Callable[[str], Exchange]) -> Exchange:
    """Return an exchange whose response has the id of what the request has created.

    It is that of the newest listed resource with the name that was sent, whatever its case. Everything else
    is returned as it is.

    Args:
        operation: label of the operation.
        exchange: the request and its response.
        ask: sends the request of an operation that lists resources.
    """
    collection, name = _created_by(operation), name_sent(exchange.request)
    if collection is None or not name or not 200 <= exchange.response.status < 300:
        return exchange
    body, tokens = _decoded(exchange.response.body), _tokens(collection)
    above = value_at(body, tokens[:-1])
    if not isinstance(above, dict) or above.get(tokens[-1]):
        return exchange
    listed = _decoded(ask(collection.list).response.body)
    named = [one for one in _listed(collection, listed) if one.name.casefold() == name.casefold()]
    if not named or (len(named) > 1 and not all(one.created for one in named)):
        return exchange
    above[tokens[-1]] = max(named, key=lambda one: one.created).id
    response = msgspec.structs.replace(exchange.response, body=msgspec.json.encode(body))
    return msgspec.structs.replace(exchange, response=response)


def _listed(collection: Collection, body: object) -> Iterator[_Listed]:
    """Yield the resources in a list that have an id."""
    for location in collection.items:
        *path, _star, last = location.tokens
        items = value_at(body, path)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and isinstance(item.get(last), str):
                yield _Listed(item[last], str(item.get("name", "")), str(item.get("created_at", "")))


def _decoded(body: bytes | None) -> Any:
    try:
        return msgspec.json.decode(body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return MISSING


def _tokens(collection: Collection) -> tuple[str, ...]:
    return () if collection.identity is None else collection.identity.tokens


@lru_cache(maxsize=128)
def _created_by(operation: str) -> Collection | None:
    """Return what an operation creates, if all of it can be listed."""
    return next(
        (
            one
            for one in shipped_collections().values()
            if one.create == operation and one.list and one.identity is not None
        ),
        None,
    )
