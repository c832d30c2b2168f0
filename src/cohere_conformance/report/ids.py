"""Ids and statuses in responses, and which request created what has an id that only a list returns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from cohere_conformance.pointer import tokens_of, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cohere_conformance.model import Exchange, Request

_SHORTEST_ID = 8
"""Characters of an id that is recognised in later requests; shorter texts could be anything."""
_NAMES = ("id", "page_token")
"""How properties end whose values later requests have: ids, and tokens of the next page."""
_STATUS = "status"
"""How properties end that say what has become of a resource, such as `validation_status`."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_LISTED = re.compile(r"/[^/]+/\d+/[^/]+")
"""The location of an id in a list, such as `/batches/0/id`."""


class LookedUp(NamedTuple):
    """Of what has an id that was looked up in a list.

    Attributes:
        creation: number of the exchange that created it.
        name: that the request sent for it.
    """

    creation: int
    name: str


def looked_up(exchanges: Sequence[Exchange], first: Mapping[str, int]) -> dict[str, LookedUp]:
    """Return the ids that the response to a creation lacks: a list has one beside the name that was sent.

    Args:
        exchanges: of a journal.
        first: numbers of the exchanges whose responses have an id first, by id.
    """
    paths = [urlsplit(exchange.request.url).path for exchange in exchanges]
    creations: dict[tuple[str, str], LookedUp] = {}
    found: dict[str, LookedUp] = {}
    for number, (path, exchange) in enumerate(zip(paths, exchanges, strict=True)):
        if (
            exchange.request.method == "POST"
            and _succeeded(exchange)
            and (name := name_sent(exchange.request))
        ):
            creations[path, name.casefold()] = LookedUp(number, name)
        elif exchange.request.method == "GET" and any(path == one for one, _ in creations):
            found |= {
                identity: creations[path, name]
                for identity, name in _listed(exchange)
                if first.get(identity) == number and (path, name) in creations
                # An element has other ids as well: its own is that by which it is read.
                if any(one.startswith(f"{path}/{identity}") for one in paths)
            }
    return found


def name_sent(request: Request) -> str:
    """Return the name that a request gives to what it creates; empty if there is none."""
    queried = parse_qs(urlsplit(request.url).query).get("name", [""])[0]
    body = _decoded(request.body)
    named = body.get("name") if isinstance(body, dict) else None
    return queried or (named if isinstance(named, str) else "")


def ids_in(exchange: Exchange) -> dict[str, str]:
    """Return the ids in a successful response, with their locations."""
    return {
        text: at for name, text, at in _texts(exchange) if name.endswith(_NAMES) and len(text) >= _SHORTEST_ID
    }


def statuses_in(exchange: Exchange) -> dict[str, str]:
    """Return the statuses in a successful response, by their locations."""
    if _STATUS.encode() not in (exchange.response.body or b""):
        return {}
    return {
        at: text for name, text, at in _texts(exchange) if name.endswith(_STATUS) and _PLAIN.fullmatch(text)
    }


def _listed(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Yield the ids of the elements of a list, each with the name of its element in lower case."""
    body = _decoded(exchange.response.body)
    for identity, location in ids_in(exchange).items():
        if _LISTED.fullmatch(location):
            name = value_at(body, (*tokens_of(location)[:-1], "name"))
            if isinstance(name, str):
                yield identity, name.casefold()


def _texts(exchange: Exchange) -> Iterator[tuple[str, str, str]]:
    """Yield the names, values and locations of the texts in a successful response."""
    return _inner_texts(_decoded(exchange.response.body), "") if _succeeded(exchange) else iter(())


def _inner_texts(value: Any, location: str, depth: int = 6) -> Iterator[tuple[str, str, str]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in members if depth else ():
        at = f"{location}/{name}"
        if not _PLAIN.fullmatch(str(name)):
            continue  # it would have to be quoted in the script, and no API names its properties so
        if isinstance(inner, str):
            yield str(name), inner, at
        yield from _inner_texts(inner, at, depth - 1)


def _succeeded(exchange: Exchange) -> bool:
    return 200 <= exchange.response.status < 300


def _decoded(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None
