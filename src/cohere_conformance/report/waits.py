"""What the requests of a run waited for: the status of a resource that it leaves only when it is told to.

How many requests that takes depends on the speed of the server and of the machine, so a script has to look
again until it is the same one.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.report.ids import ids_in, statuses_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.model import Exchange


class Reached(NamedTuple):
    """A status that no resource of the run has left by itself.

    Attributes:
        location: JSON pointer to it in the response.
        status: the value.
        changed: whether the resource had another status before.
    """

    location: str
    status: str
    changed: bool


def statuses_reached(exchanges: Sequence[Exchange]) -> dict[int, Reached]:
    """Return the status that a request which reads a resource was answered with, by number of the exchange.

    One that a resource has left by itself is none to wait for: today it may have left it before the request.

    Args:
        exchanges: of a journal.
    """
    statuses = [statuses_in(exchange) for exchange in exchanges]
    addressed = [_addressed(exchange) for exchange in exchanges]
    # Other resources have the id as well: a batch that of its dataset.
    own = {
        (name, location)
        for name, found in zip(addressed, statuses, strict=True)
        if name
        for location in found
    }
    seen: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for number, exchange in enumerate(exchanges):
        names = {addressed[number], *ids_in(exchange)} if statuses[number] else ()
        for name in names:
            for location, status in statuses[number].items():
                if (name, location) in own:
                    seen[name, location].append((number, status))
    left = {
        (location, before)
        for (name, location), several in seen.items()
        for (earlier, before), (later, status) in pairwise(several)
        if status != before and not any(_changes(one, name) for one in exchanges[earlier + 1 : later])
    }
    reached: dict[int, Reached] = {}
    for (name, location), several in seen.items():
        previous: str | None = None
        for number, status in several:
            if (location, status) not in left and addressed[number] == name:
                reached.setdefault(number, Reached(location, status, previous not in {None, status}))
            previous = status
    return reached


def _addressed(exchange: Exchange) -> str:
    """Return the id of the resource that a request reads, and its response has."""
    name = exchange.request.url.rpartition("/")[2]
    return name if exchange.request.method == "GET" and name in ids_in(exchange) else ""


def _changes(exchange: Exchange, name: str) -> bool:
    return exchange.request.method != "GET" and name in exchange.request.url
