"""Deletes the resources that requests have created, with requests that were reserved before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.checks.expect import expected
from cohere_conformance.contract.collections import collection_of
from cohere_conformance.contract.location import parse_location
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.cases import Removal, Resource
    from cohere_conformance.cases.request_template import RequestTemplate
    from cohere_conformance.client.budget import Reserve
    from cohere_conformance.contract import Contract
    from cohere_conformance.session.patience import Patience

Send = Callable[["RequestTemplate", str, "Mapping[str, str]", Expectation], Exchange]
"""Sends a request for the resource, case or test of that name, judges and records it."""
Address = tuple[str, str]
"""Method and path of a request."""
_PAUSE, _GROWTH = 0.05, 3


@dataclass(eq=False)
class CreatedResource:
    """A resource that a request has created.

    Attributes:
        resource: the written resource that says how to delete it, and names its values.
        owner: name of the resource, case or test for which it was created.
        values: of the placeholders.
        reserve: the requests that are reserved to delete it.
    """

    resource: Resource
    owner: str
    values: dict[str, str]
    reserve: Reserve


def created_by(
    resource: Resource, owner: str, exchange: Exchange, values: Mapping[str, str], reserve: Reserve
) -> CreatedResource | None:
    """Return the resource that a request has created according to its response; `None` if there is none."""
    if not 200 <= exchange.response.status < 300 or not resource.remove:
        return None
    own = {f"{resource.name}.{name}": value(pointer, exchange) for name, pointer in resource.capture.items()}
    found = {name: text for name, text in own.items() if text is not None}
    # A value that the response lacks is not taken from another resource of that name, which may be in use.
    others = {name: text for name, text in values.items() if not name.startswith(f"{resource.name}.")}
    return CreatedResource(resource, owner, others | found, reserve) if found else None


def value(pointer: str, exchange: Exchange) -> str | None:
    """Return the text or number at a location of a response body; `None` if it is absent or empty."""
    try:
        body = msgspec.json.decode(exchange.response.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    found = parse_location(pointer).values(body)
    return next((str(one) for one in found if isinstance(one, str | int) and one != ""), None)


def holds(contract: Contract, conditions: dict[str, dict[str, object] | bool], exchange: Exchange) -> bool:
    """Return whether a response is complete, successful and fulfils all conditions.

    An empty body has nothing at any location.
    """
    response = exchange.response
    if response.failure is not None or not 200 <= response.status < 300:
        return False
    if not response.body:
        return all(condition is False for condition in conditions.values())
    return not expected(contract, exchange, Expectation(status=(response.status,), body=conditions))


def pauses(seconds: float) -> tuple[float, ...]:
    """Return the pauses between requests, each longer than the one before, which add up to some seconds."""
    found: list[float] = []
    pause = _PAUSE
    while sum(found) + pause < seconds:
        found.append(pause)
        pause *= _GROWTH
    return (*found, seconds - sum(found))


def cost(removals: Iterable[Removal]) -> int:
    """Return the maximum number of requests to delete a resource, with one that shows its age."""
    return sum((1 + len(pauses(one.seconds)) if one.until else 1 for one in removals), start=1)


class Remover:
    """Deletes resources that requests have created.

    Args:
        contract: that responses are judged against.
        send: sends a request.
        patience: waits for slow resources of the target.
    """

    def __init__(self, contract: Contract, send: Send, patience: Patience) -> None:
        self._contract = contract
        self._send = send
        self._patience = patience

    def remove(self, one: CreatedResource) -> set[Address]:
        """Delete a resource, and return the requests that were sent.

        The resource may be deleted already. In any case, the reserved requests are released at the end.

        Raises:
            BudgetError: a request had to be repeated, and none is left for the next one.
            RefusedError: the target does not show that the run has created the resource.
        """
        sent: set[Address] = set()
        try:
            with one.reserve.spending():
                for removal in one.resource.remove:
                    if (address := _address(removal.send, one.values)) is not None:
                        exchange = self._step(one, removal)
                        sent.add(address)
                        if not _ours(one, removal, exchange):
                            break
        finally:
            one.reserve.release()
        return sent

    def _step(self, one: CreatedResource, removal: Removal) -> Exchange:
        expectation = Expectation(status=removal.status)
        exchange = self._send(removal.send, one.owner, one.values, expectation)
        kind = collection_of(removal.send.operation)
        # A kind of resource that once did not end may never end, and each would be waited for.
        waits: tuple[float, ...] = ()
        if removal.until and not self._patience.hopeless(kind):
            # No longer than the reserved requests suffice, whatever the patience of the caller.
            waits = pauses(min(removal.seconds, self._patience.limit(kind, removal.seconds)))
        for pause in waits:
            if exchange.response.status != 200 or holds(self._contract, removal.until, exchange):
                break
            self._patience.pause(kind, pause)
            exchange = self._send(removal.send, one.owner, one.values, expectation)
        else:
            if waits and not holds(self._contract, removal.until, exchange):
                self._patience.give_up(kind)
        for name, pointer in removal.capture.items():
            if (text := value(pointer, exchange)) is not None:
                one.values[f"{one.resource.name}.{name}"] = text
        return exchange


def _ours(one: CreatedResource, removal: Removal, exchange: Exchange) -> bool:
    """Return whether a resource in a response is not older than the created one and can be its result."""
    own = one.resource.name
    times = [
        (one.values.get(f"{own}.{name}"), value(pointer, exchange)) for name, pointer in removal.since.items()
    ]
    try:
        return all(
            datetime.fromisoformat(now or "") >= datetime.fromisoformat(began or "") for began, now in times
        )
    except (ValueError, TypeError):  # no times, or times that cannot be compared
        return False


def _address(template: RequestTemplate, values: Mapping[str, str]) -> Address | None:
    """Return method and path of a request; `None` if a value for them is missing."""
    try:
        outgoing = template.outgoing(values, name="")
    except UsageError:
        return None
    return outgoing.method, outgoing.path
