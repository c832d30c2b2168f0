"""What cases need on the server: made when first needed, removed when the run ends, however it ends."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cohere_conformance.client.budget import Budget
from cohere_conformance.contract.collections import collection_of
from cohere_conformance.errors import BudgetError, RefusedError
from cohere_conformance.model import Expectation
from cohere_conformance.session.interrupt import uninterrupted
from cohere_conformance.session.patience import Patience
from cohere_conformance.session.removal import (
    Address,
    CreatedResource,
    Remover,
    cost,
    created_by,
    holds,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cohere_conformance.cases import Resource, Suite, Wait
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange
    from cohere_conformance.session.removal import Send
    from cohere_conformance.session.unique import Unique


class MissingError(Exception):
    """A resource could not be made, so what needs it cannot be tested."""


class Resources:
    """The resources of one run.

    Args:
        suite: where they are declared.
        contract: of the answers.
        send: sends a request of a resource, judges and records it.
        run: what tells this run's things apart from others.
        unique: tells the things of one request apart from others.
        budget: where the requests are set aside that remove what is made.
        foreign: returns what the response to a creation names that is not the run's own, if it does.
        patience: waits for what takes time on the target.
    """

    def __init__(
        self,
        suite: Suite,
        contract: Contract,
        send: Send,
        run: str,
        unique: Unique,
        budget: Budget | None = None,
        foreign: Callable[[str, Exchange], str | None] = lambda operation, exchange: None,
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._unique = unique
        self._suite = suite
        self._contract = contract
        self._send = send
        self._budget = budget or Budget(None)
        self._foreign = foreign
        self._remover = Remover(contract, send, self._patience)
        self._values: dict[str, str] = {"run": run}
        self._failed: dict[str, str] = {}
        self._made: list[CreatedResource] = []
        self._ready: set[str] = set()

    def values(self, names: tuple[str, ...]) -> dict[str, str]:
        """Make what is needed and not there yet, and return the values of all placeholders.

        Raises:
            MissingError: one of them could not be made.
            BudgetError: what it takes to make and to remove it cannot be sent.
        """
        for resource in self._suite.in_order(names):
            if resource.name in self._failed:
                raise MissingError(self._failed[resource.name])
            if resource.name not in self._ready:
                try:
                    self._make(resource)
                except MissingError as error:
                    self._failed[resource.name] = str(error)
                    raise
        return {**self._values, "unique": self._unique()}

    def renew(self, names: tuple[str, ...]) -> None:
        """Have resources made anew when they are needed next: something has changed or destroyed them."""
        self._ready -= set(names)

    def making(
        self, operation: str, owner: str, send: Callable[[], Exchange], values: Mapping[str, str]
    ) -> Exchange:
        """Send what may make something; that is removed as a resource made by the same operation is.

        Args:
            operation: label of what is called.
            owner: name of the case or test that it is made for.
            send: sends it.
            values: of the placeholders of the request.

        Raises:
            BudgetError: what it takes to remove it, or the request itself, cannot be sent.
        """
        for resource in self._suite.resources.values():
            if resource.create.operation == operation and resource.remove:
                return self._making(resource, owner, send, values)
        return send()

    def clear(self, owner: str) -> set[Address]:
        """Remove what was made for a case or test, the newest first, and return what was sent for it."""
        return self._remove([one for one in self._made if one.owner == owner])

    def remove(self) -> None:
        """Remove what was made, the newest first; what is gone already is fine."""
        self._ready.clear()
        self._remove(self._made)

    def _remove(self, those: Iterable[CreatedResource]) -> set[Address]:
        sent: set[Address] = set()
        for one in reversed([*those]):
            # The next one has requests of its own, and what is not ours after all is left alone.
            with suppress(BudgetError, RefusedError):
                sent |= self._remover.remove(one)
            self._made.remove(one)
        return sent

    def _making(
        self, resource: Resource, owner: str, send: Callable[[], Exchange], values: Mapping[str, str]
    ) -> Exchange:
        reserve = self._budget.reserve(cost(resource.remove))
        one = None
        with uninterrupted():
            try:
                exchange = send()
                if self._foreign(resource.create.operation, exchange) is None:
                    one = created_by(resource, owner, exchange, values, reserve)
            finally:
                if one is None:
                    reserve.release()
            if one is not None:
                self._made.append(one)
        return exchange

    def _make(self, resource: Resource) -> None:
        values = {**self._values, "unique": self._unique()}

        def send() -> Exchange:
            return self._send(resource.create, resource.name, values, Expectation(status=(200,)))

        # From here on there may be something to remove, whatever happens next.
        exchange = self._making(resource, resource.name, send, values)
        if exchange.response.status != 200:
            raise MissingError(f"{resource.name} could not be made: status {exchange.response.status}")
        self._check_owner(resource, exchange)
        self._capture(resource, resource.capture, exchange)
        values |= self._values
        self._ready.add(resource.name)
        if resource.wait is not None:
            self._wait(resource, resource.wait, values, exchange)

    def _check_owner(self, resource: Resource, created: Exchange) -> None:
        if (named := self._foreign(resource.create.operation, created)) is not None:
            self._ready.discard(resource.name)
            raise MissingError(f"{resource.name} could not be made: the response has {named}")

    def _wait(self, resource: Resource, wait: Wait, values: dict[str, str], created: Exchange) -> None:
        kind = collection_of(wait.send.operation)
        seconds = self._patience.limit(kind, wait.seconds)
        shown = ""

        def look() -> bool | None:
            nonlocal shown
            exchange = self._send(wait.send, resource.name, values, Expectation(status=(200,)))
            self._check_owner(resource, created)  # what is read may turn out to be older than its creation
            if self._holds(wait.until, exchange):
                self._capture(resource, wait.capture, exchange)
                return True
            shown = _shown(exchange)
            if wait.fail and self._holds(wait.fail, exchange):
                raise MissingError(f"{resource.name} will never be ready: {shown}")
            return None

        if not self._patience.until(kind, look, wait.seconds):
            raise MissingError(f"{resource.name} was not ready after {seconds:g} s: {shown}")

    def _holds(self, conditions: dict[str, dict[str, object] | bool], exchange: Exchange) -> bool:
        return holds(self._contract, conditions, exchange)

    def _capture(self, resource: Resource, pointers: Mapping[str, str], exchange: Exchange) -> None:
        for name, pointer in pointers.items():
            text = value(pointer, exchange)
            if text is None:
                came = _shown(exchange)
                raise MissingError(f"{resource.name}: expected a text or a number at {pointer}, got {came}")
            self._values[f"{resource.name}.{name}"] = text


def _shown(exchange: Exchange) -> str:
    body = (exchange.response.body or b"").decode("utf-8", "replace")
    return f"status {exchange.response.status}, {body[:200]}"
