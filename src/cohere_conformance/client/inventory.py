"""Reads from responses what exists on the target: complete lists, ids, and times of creation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.ownership import moment
from cohere_conformance.contract.collections import PARAMETER
from cohere_conformance.contract.expression import NOTHING, CompletedCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from cohere_conformance.contract.collections import Collection
    from cohere_conformance.model import Exchange, Response

_PAGE = 100
"""Items of a page: the smallest limit that an operation documents."""
_MOST_PAGES = 50
_IDS = ("id", "job_id")
_SOURCES = ("input_dataset_id", "dataset_id")


class Shown(NamedTuple):
    """A resource in a response.

    Attributes:
        id: of the resource.
        name: of the resource; empty without one.
        created: when it was created; `None` if the response does not say so.
        source: id of the dataset that it reads; empty without one.
        status: of a job; empty without one.
    """

    id: str
    name: str
    created: datetime | None
    source: str
    status: str


def inventory(
    collection: Collection, parameters: Iterable[str], ask: Callable[[Outgoing], Exchange]
) -> set[str]:
    """Return the ids in the list of a collection, as far as it can be read.

    Args:
        collection: what is listed.
        parameters: names of the query parameters of the list.
        ask: sends a request.
    """
    return {one for answer in pages(collection, parameters, ask) for one in listed(collection, answer)}


def pages(
    collection: Collection, parameters: Iterable[str], ask: Callable[[Outgoing], Exchange]
) -> Iterator[dict[str, object]]:
    """Yield the pages of the list of a collection, up to the first that cannot be read.

    Args:
        collection: what is listed.
        parameters: names of the query parameters of the list.
        ask: sends a request.
    """
    ids: set[str] = set()
    tokens: set[str] = set()
    query = _first_page(parameters)
    for _ in range(_MOST_PAGES):
        path = collection.list.split(" ", 1)[1]
        outgoing = Outgoing("GET", f"{path}?{urlencode(query)}" if query else path)
        response = ask(outgoing).response
        answered = answered_as(collection.list, (), response)
        if response.status != 200 or response.failure is not None or not isinstance(answered.answer, dict):
            return
        yield answered.answer
        page = set(listed(collection, answered.answer))
        fresh = page - ids
        ids |= page
        if "offset" in query:
            if not fresh:
                return
            query["offset"] = str(int(query["offset"]) + len(page))
            continue
        token = collection.pages.value(answered) if collection.pages is not None else ""
        if not isinstance(token, str) or not token or token in tokens:
            return
        tokens.add(token)
        query["page_token"] = token


def _first_page(parameters: Iterable[str]) -> dict[str, str]:
    if "offset" in parameters:
        return {"limit": str(_PAGE), "offset": "0"}
    return {"page_size": str(_PAGE)} if "page_size" in parameters else {}


def reading(label: str, identity: str) -> Outgoing:
    """Return the request that reads one resource.

    Args:
        label: of the operation.
        identity: of the resource.
    """
    path = label.split(" ", 1)[1]
    return Outgoing("GET", PARAMETER.sub(lambda _: quote(identity, safe=""), path))


def listed(collection: Collection, answer: object) -> Iterator[str]:
    """Yield the ids that a list shows."""
    for location in collection.items:
        yield from (str(value) for value in location.values(answer) if isinstance(value, str | int))


def shown(body: object) -> Iterator[Shown]:
    """Yield the resources in a response that it shows with an id.

    Args:
        body: of the response, as JSON.
    """
    pending = [body]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
            created = moment(value.get("created_at"))
            texts = (_text(value, ("name",)), created, _text(value, _SOURCES), _text(value, ("status",)))
            ids = (value.get(key) for key in _IDS)
            yield from (Shown(str(one), *texts) for one in ids if isinstance(one, str | int))


def _text(value: dict[str, object], keys: Iterable[str]) -> str:
    return next((text for key in keys if isinstance(text := value.get(key), str)), "")


def dated(answered: CompletedCall, *, read: bool) -> Iterator[tuple[str, datetime]]:
    """Yield the ids of the resources in a response with their times of creation.

    Args:
        answered: the call.
        read: it shows one resource, the one that its path names, where the response itself has no id.
    """
    own = [*answered.path.values()] if read else []
    pending = [answered.answer]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
            ids = [str(value[name]) for name in _IDS if isinstance(value.get(name), str | int)]
            if (created := moment(value.get("created_at"))) is not None:
                yield from ((identity, created) for identity in ids or own)


def answered_as(label: str, ids: Iterable[str], response: Response) -> CompletedCall:
    """Return a call for the expressions of links, with what its response contains.

    Args:
        label: of the operation.
        ids: what the path of the request names.
        response: to it.
    """
    try:
        body = msgspec.json.decode(response.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = NOTHING
    names = dict(zip(PARAMETER.findall(label), ids, strict=False))
    return CompletedCall(
        operation=label, status=response.status, path=names, query=(), sent=NOTHING, answer=body
    )
