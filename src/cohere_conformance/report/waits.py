"""What the requests of a run waited for: a status that a resource leaves only when a request changes it.

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
        location: JSON pointer to it in the response to a request that reads the resource.
        status: the value.
        changed: whether the resource had another status before.
        read: number of an exchange that reads the resource; another one if a list has shown the status.
    """

    location: str
    status: str
    changed: bool
    read: int


def statuses_reached(exchanges: Sequence[Exchange]) -> dict[tuple[int, str], Reached]:
    """Return the status that a response to GET shows of a resource, by number of the exchange and id.

    One that a resource has left by itself is none to wait for: today it may have left it before the request.

    Args:
        exchanges: of a journal.
    """
    seen, reads = _seen(exchanges)
    left = {
        (location, before)
        for (name, location), several in seen.items()
        for (earlier, before), (later, status) in pairwise(several)
        if status != before and not any(_changes(one, name) for one in exchanges[earlier + 1 : later])
    }
    reached: dict[tuple[int, str], Reached] = {}
    for (name, location), several in seen.items():
        previous: str | None = None
        for number, status in several:
            if (location, status) not in left and exchanges[number].request.method == "GET":
                read = number if _addressed(exchanges[number]) == name else reads[name, location]
                changed = previous not in {None, status}
                reached.setdefault((number, name), Reached(location, status, changed, read))
            previous = status
    return reached


_Seen = dict[tuple[str, str], list[tuple[int, str]]]


def _seen(exchanges: Sequence[Exchange]) -> tuple[_Seen, dict[tuple[str, str], int]]:
    """Return each status of a resource with the number of its exchange, by id and location in what reads it,
    and the last exchange that reads it."""
    shown = {number: found for number, one in enumerate(exchanges) if (found := statuses_in(one))}
    ids = {number: ids_in(exchanges[number]) for number in shown}
    reads = {
        (name, location): number
        for number, statuses in shown.items()
        if (name := _addressed(exchanges[number])) in ids[number]
        for location in statuses
    }
    locations: dict[str, list[str]] = defaultdict(list)
    for name, location in reads:
        locations[name].append(location)
    seen: _Seen = defaultdict(list)
    for number, statuses in shown.items():
        for name, at in ids[number].items():
            for location in locations.get(name, ()):
                # Beside the id of its dataset, a batch has a status of another location or name.
                beside = f"{at.rpartition('/')[0]}/{location.rpartition('/')[2]}"
                if beside in statuses and (beside == location or _in_list(beside)):
                    seen[name, location].append((number, statuses[beside]))
    return seen, reads


def _in_list(location: str) -> bool:
    """Return whether a location is that of a property of an element, such as `/batches/0/status`."""
    return location.rpartition("/")[0].rpartition("/")[2].isdigit()


def _addressed(exchange: Exchange) -> str:
    """Return what may be the id of the resource that a request reads."""
    request = exchange.request
    return request.url.rpartition("/")[2] if request.method == "GET" else ""


def _changes(exchange: Exchange, name: str) -> bool:
    return exchange.request.method != "GET" and name in exchange.request.url
