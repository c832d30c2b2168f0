"""Collections: the resources that operations create, list, read and delete, by the contract's links."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.expression import Expression
from cohere_conformance.contract.links import Link, shipped_links
from cohere_conformance.contract.location import Location
from cohere_conformance.contract.tiers import Effect, shipped_policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.contract.tiers import LivePolicy

PARAMETER = re.compile(r"\{([^}]+)\}")
"""A parameter of a path."""


class Collection(msgspec.Struct, frozen=True):
    """Resources of one kind, such as `/v1/datasets`.

    Attributes:
        path: of the collection.
        create: label of the operation that creates one.
        list: label of the operation that lists them; empty if there is none.
        read: label of the operation that reads one; empty if there is none.
        remove: label of the operation that deletes one; empty if there is none.
        stop: label of the operation that cancels one that cannot be deleted; empty if there is none.
        identity: location of its id in the response to its creation; `None` if nothing links to it.
        items: locations of the ids in a list.
        pages: location of the token of the next page in a list; `None` if it has none.
        results: where a resource that is read names one of another collection that it has made: the path of
            that collection, and the place.
    """

    path: str
    create: str
    list: str = ""
    read: str = ""
    remove: str = ""
    stop: str = ""
    identity: Expression | None = None
    items: tuple[Location, ...] = ()
    pages: Expression | None = None
    results: tuple[tuple[str, Expression], ...] = ()


def collection_of(label: str) -> str:
    """Return the collection of an operation, such as `/v1/datasets`: its path up to the first parameter."""
    return label.split(" ", 1)[1].partition("/{")[0]


def items(links: Iterable[Link]) -> dict[str, list[Location]]:
    """Return the locations of the ids in each list, by the label of the list."""
    found: dict[str, list[Location]] = {}
    for link in links:
        if collection_of(link.source) != collection_of(link.target) or PARAMETER.search(link.source):
            continue
        for one in link.path.values():
            if one.side == "response.body" and any(token.isdigit() for token in one.tokens):
                tokens = tuple("*" if token.isdigit() else token for token in one.tokens)
                found.setdefault(link.source, []).append(Location(None, tokens))
    return found


def collections(links: Iterable[Link], policies: Mapping[str, LivePolicy]) -> dict[str, Collection]:
    """Return the collections of everything that operations create, by path.

    Args:
        links: of the contract.
        policies: the live policy of each operation.
    """
    links = tuple(links)
    listed = items(links)
    found = {}
    for create, policy in policies.items():
        if policy.effect is not Effect.CREATES:
            continue
        path = collection_of(create)
        inside = [link for link in links if link.path and link.source == create]
        inside = [link for link in inside if collection_of(link.target) == path]
        changing = [link.target for link in inside if policies[link.target].effect is Effect.CHANGES]
        lists = f"GET {path}" if f"GET {path}" in policies else ""
        pages = [link for link in links if link.source == link.target == lists]
        read = _read(path, policies)
        found[path] = Collection(
            path=path,
            create=create,
            list=lists,
            read=read,
            remove=policy.cleanup or "",
            stop=changing[-1] if changing and policy.cleanup is None else "",
            identity=next(iter(inside[-1].path.values())) if inside else None,
            items=tuple(listed.get(lists, ())),
            pages=next((link.query["page_token"] for link in pages if "page_token" in link.query), None),
            results=tuple(
                (collection_of(link.target), one)
                for link in links
                if link.made and link.source == read
                for one in link.path.values()
            ),
        )
    return found


def _read(path: str, labels: Iterable[str]) -> str:
    shows = re.compile(rf"GET {re.escape(path)}/{{[^}}/]+}}")
    return next((label for label in labels if shows.fullmatch(label)), "")


@lru_cache(maxsize=1)
def shipped_collections() -> Mapping[str, Collection]:
    """Return the collections of the contract that ships with the package.

    Raises:
        ContractError: a file is broken.
    """
    return collections(shipped_links(), shipped_policies())
