"""What requests have made, and how it is removed: with requests that were set aside before it was made."""

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
    """Something that a request has made.

    Attributes:
        resource: tells how it is removed, and what its values are called.
        owner: name of the resource, case or test that it was made for.
        values: of the placeholders.
        reserve: the requests that are set aside to remove it.
    """

    resource: Resource
    owner: str
    values: dict[str, str]
    reserve: Reserve


def made(
    resource: Resource, owner: str, exchange: Exchange, values: Mapping[str, str], reserve: Reserve
) -> CreatedResource | None:
    """Return what a request has made, as far as its answer tells; `None` where there is nothing to remove."""
    if not 200 <= exchange.response.status < 300 or not resource.remove:
        return None
    own = {f"{resource.name}.{name}": value(pointer, exchange) for name, pointer in resource.capture.items()}
    found = {name: text for name, text in own.items() if text is not None}
    # What the answer does not tell is not taken from another thing of that name, which may be in use.
    others = {name: text for name, text in values.items() if not name.startswith(f"{resource.name}.")}
    return CreatedResource(resource, owner, others | found, reserve) if found else None


def value(pointer: str, exchange: Exchange) -> str | None:
    """Return the text or number at a place of an answer; `None` where there is none, or an empty one."""
    try:
        body = msgspec.json.decode(exchange.response.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    found = parse_location(pointer).values(body)
    return next((str(one) for one in found if isinstance(one, str | int) and one != ""), None)


def holds(contract: Contract, conditions: dict[str, dict[str, object] | bool], exchange: Exchange) -> bool:
    """Tell whether an answer is there, is 200 and says all of that."""
    told = Expectation(status=(200,), body=conditions)
    return exchange.response.failure is None and not expected(contract, exchange, told)


def pauses(seconds: float) -> tuple[float, ...]:
    """Return how long to wait between looks, longer each time, until so many seconds are over."""
    found: list[float] = []
    pause = _PAUSE
    while sum(found) + pause < seconds:
        found.append(pause)
        pause *= _GROWTH
    return (*found, seconds - sum(found))


def cost(removals: Iterable[Removal]) -> int:
    """Return how many requests it takes at most to remove something, with one that shows how old it is."""
    return sum((1 + len(pauses(one.seconds)) if one.until else 1 for one in removals), start=1)


class Remover:
    """Removes what requests have made.

    Args:
        contract: of the answers.
        send: sends a request.
        patience: waits for what takes time on the target.
    """

    def __init__(self, contract: Contract, send: Send, patience: Patience) -> None:
        self._contract = contract
        self._send = send
        self._patience = patience

    def remove(self, one: CreatedResource) -> set[Address]:
        """Remove something, and return what was sent for it.

        What is gone already is fine. Whatever the answers are, nothing of what was set aside is kept.

        Raises:
            BudgetError: a request had to be sent twice, and there is none left for the next one.
            RefusedError: the target does not show that the run has made it.
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
        told = Expectation(status=removal.status)
        exchange = self._send(removal.send, one.owner, one.values, told)
        kind = collection_of(removal.send.operation)
        # What has not come to an end once may never do so, and would be waited for each time.
        waits: tuple[float, ...] = ()
        if removal.until and not self._patience.hopeless(kind):
            # No longer than was set aside for, however patient the caller is.
            waits = pauses(min(removal.seconds, self._patience.limit(kind, removal.seconds)))
        for pause in waits:
            if exchange.response.status != 200 or holds(self._contract, removal.until, exchange):
                break
            self._patience.pause(kind, pause)
            exchange = self._send(removal.send, one.owner, one.values, told)
        else:
            if waits and not holds(self._contract, removal.until, exchange):
                self._patience.give_up(kind)
        for name, pointer in removal.capture.items():
            if (text := value(pointer, exchange)) is not None:
                one.values[f"{one.resource.name}.{name}"] = text
        return exchange


def _ours(one: CreatedResource, removal: Removal, exchange: Exchange) -> bool:
    """Tell whether what an answer shows can have come of what was made, by the times at which both began."""
    own = one.resource.name
    times = [
        (one.values.get(f"{own}.{name}"), value(pointer, exchange)) for name, pointer in removal.since.items()
    ]
    try:
        return all(
            datetime.fromisoformat(now or "") >= datetime.fromisoformat(began or "") for began, now in times
        )
    except (ValueError, TypeError):  # no times, or such as cannot be compared
        return False


def _address(template: RequestTemplate, values: Mapping[str, str]) -> Address | None:
    """Return what a request goes to; `None` where a value is missing in it."""
    try:
        outgoing = template.outgoing(values, name="")
    except UsageError:
        return None
    return outgoing.method, outgoing.path
