"""The resources that cases need on the server: created when first needed, removed when the run ends."""

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
from cohere_conformance.session.wrapping import with_wrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cohere_conformance.cases import Resource, Suite, Wait
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange
    from cohere_conformance.session.removal import Send
    from cohere_conformance.session.unique import Unique


class MissingError(Exception):
    """A resource could not be created, so what needs it cannot be tested."""


class Resources:
    """The resources of one run.

    Args:
        suite: where they are declared.
        contract: of the answers.
        send: sends a request for a resource, judges and records it.
        run: distinguishes the resources of this run from others.
        unique: distinguishes the resources of one request from others.
        budget: where the requests are reserved that remove what is created.
        foreign: returns what a response to a creation has that the run has not created, if anything.
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
        self._failed: dict[str, MissingError | RefusedError] = {}
        self._made: list[CreatedResource] = []
        self._ready: set[str] = set()

    def values(self, names: tuple[str, ...]) -> dict[str, str]:
        """Create the needed resources that do not exist yet, and return the values of all placeholders.

        Raises:
            MissingError: one of them could not be created.
            RefusedError: a request to make it ready must not be sent.
            BudgetError: the requests to create and remove it exceed the budget.
        """
        for resource in self._suite.in_order(names):
            if resource.name in self._failed:
                raise self._failed[resource.name].with_traceback(None)
            if resource.name not in self._ready:
                try:
                    self._make(resource)
                except (MissingError, RefusedError) as error:
                    self._failed[resource.name] = error
                    raise
        return {**self._values, "unique": self._unique()}

    def renew(self, names: tuple[str, ...]) -> None:
        """Have resources created again when they are needed next: they were changed or deleted."""
        self._ready -= set(names)

    def making(
        self, operation: str, owner: str, send: Callable[[], Exchange], values: Mapping[str, str]
    ) -> Exchange:
        """Send a request that may create something, which is removed like a resource of the same operation.

        Args:
            operation: label of the operation.
            owner: name of the case or test that it is created for.
            send: sends it.
            values: of the placeholders of the request.

        Raises:
            BudgetError: the request, or those to remove what it creates, exceed the budget.
        """
        for resource in self._suite.resources.values():
            if resource.create.operation == operation and resource.remove:
                return self._making(resource, owner, send, values)
        return send()

    def clear(self, owner: str) -> set[Address]:
        """Remove what was created for a case or test, the newest first; return the requests sent for it."""
        return self._remove([one for one in self._made if one.owner == owner])

    def remove(self) -> None:
        """Remove what was created, the newest first; what is gone already is fine."""
        self._ready.clear()
        self._remove(self._made)

    def _remove(self, those: Iterable[CreatedResource]) -> set[Address]:
        sent: set[Address] = set()
        for one in reversed([*those]):
            # The next one has requests of its own, and what the run has not created after all is left alone.
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
                    readable = with_wrapper(self._contract, exchange)
                    one = created_by(resource, owner, readable, values, reserve)
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

        # From here on there may be something to remove.
        exchange = self._making(resource, resource.name, send, values)
        if exchange.response.status != 200:
            raise MissingError(f"{resource.name} could not be created: status {exchange.response.status}")
        self._check_owner(resource, exchange)
        self._capture(resource, resource.capture, exchange)
        values |= self._values
        if resource.wait is not None:
            self._wait(resource, resource.wait, values, exchange)
        self._ready.add(resource.name)

    def _check_owner(self, resource: Resource, created: Exchange) -> None:
        if (named := self._foreign(resource.create.operation, created)) is not None:
            raise MissingError(f"{resource.name} could not be created: the response has {named}")

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
                observed = _shown(exchange)
                raise MissingError(
                    f"{resource.name}: expected a text or a number at {pointer}, got {observed}"
                )
            self._values[f"{resource.name}.{name}"] = text


def _shown(exchange: Exchange) -> str:
    body = (exchange.response.body or b"").decode("utf-8", "replace")
    return f"status {exchange.response.status}, {body[:200]}"
