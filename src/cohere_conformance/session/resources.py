"""What cases need on the server: made when first needed, removed when the run ends, however it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.checks.expect import expected
from cohere_conformance.contract.place import parse_place
from cohere_conformance.model import Exchange, Expectation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.cases import Resource, Suite, Wait
    from cohere_conformance.cases.sending import Sending
    from cohere_conformance.contract import Contract
    from cohere_conformance.session.unique import Unique

Send = Callable[["Sending", str, "Mapping[str, str]", "Expectation"], Exchange]
_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_CURTAILED = 3.0
"""Seconds for a resource of a group of which another one was never ready.

What keeps one of them from getting ready (nobody works on the queue, the answers are canned) keeps all of
them from it, and the patience meant for one slow server would be paid once for each.
"""


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
    """

    def __init__(self, suite: Suite, contract: Contract, send: Send, run: str, unique: Unique) -> None:
        self._unique = unique
        self._suite = suite
        self._contract = contract
        self._send = send
        self._values: dict[str, str] = {"run": run}
        self._failed: dict[str, str] = {}
        self._made: list[tuple[Resource, dict[str, str]]] = []
        self._ready: set[str] = set()
        self._late: set[str] = set()

    def values(self, names: tuple[str, ...]) -> dict[str, str]:
        """Make what is needed and not there yet, and return the values of all placeholders.

        Raises:
            MissingError: one of them could not be made.
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

    @property
    def identities(self) -> frozenset[str]:
        """Every value that answers to requests of resources gave: ids of what the run has made, above all."""
        return frozenset(self._values.values()) | {one for _, made in self._made for one in made.values()}

    def renew(self, names: tuple[str, ...]) -> None:
        """Have resources made anew when they are needed next: something has changed or destroyed them."""
        self._ready -= set(names)

    def discard(self, operation: str, exchange: Exchange, values: Mapping[str, str]) -> None:
        """Remove what an answer says that it has made, as a resource made by the same operation is removed.

        Args:
            operation: label of what was called.
            exchange: with its answer.
            values: of the placeholders of the request.
        """
        for resource in self._suite.resources.values():
            if resource.create.operation == operation and resource.remove:
                made: dict[str, str] = {}
                for name, pointer in resource.capture.items():
                    with suppress(MissingError):  # an odd request may have made something without a name
                        made |= _captured(resource, {name: pointer}, exchange)
                if not made:
                    return
                for sending in resource.remove:
                    self._send(sending, resource.name, {**values, **made}, Expectation(status=(200, 404)))
                return

    def remove(self) -> None:
        """Remove what was made, the newest first; what is gone already is fine."""
        gone = Expectation(status=(200, 404))
        self._ready.clear()
        while self._made:
            resource, made = self._made.pop()
            values = {**self._values, **made}
            for sending in resource.remove:
                self._send(sending, resource.name, values, gone)

    def _make(self, resource: Resource) -> None:
        values = {**self._values, "unique": self._unique()}
        exchange = self._send(resource.create, resource.name, values, Expectation(status=(200,)))
        if exchange.response.status != 200:
            raise MissingError(f"{resource.name} could not be made: status {exchange.response.status}")
        self._capture(resource, resource.capture, exchange)
        values |= self._values
        # From here on there is something to remove, whatever happens next.
        self._made.append((resource, values))
        self._ready.add(resource.name)
        if resource.wait is not None:
            self._wait(resource, resource.wait, values)

    def _wait(self, resource: Resource, wait: Wait, values: dict[str, str]) -> None:
        group = resource.name.partition(".")[0]
        seconds = min(wait.seconds, _CURTAILED) if group in self._late else wait.seconds
        until, pause = time.monotonic() + seconds, _PAUSE
        while True:
            exchange = self._send(wait.send, resource.name, values, Expectation(status=(200,)))
            if self._holds(wait.until, exchange):
                self._capture(resource, wait.capture, exchange)
                return
            if wait.fail and self._holds(wait.fail, exchange):
                raise MissingError(f"{resource.name} will never be ready: {_shown(exchange)}")
            if (left := until - time.monotonic()) <= 0:
                self._late.add(group)
                late = f"{resource.name} was not ready after {seconds:g} s"
                raise MissingError(f"{late}: {_shown(exchange)}")
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _holds(self, conditions: dict[str, dict[str, object] | bool], exchange: Exchange) -> bool:
        told = Expectation(status=(200,), body=conditions)
        return exchange.response.failure is None and not expected(self._contract, exchange, told)

    def _capture(self, resource: Resource, pointers: Mapping[str, str], exchange: Exchange) -> None:
        self._values |= _captured(resource, pointers, exchange)


def _captured(resource: Resource, pointers: Mapping[str, str], exchange: Exchange) -> dict[str, str]:
    return {f"{resource.name}.{name}": _at(resource, pointer, exchange) for name, pointer in pointers.items()}


def _at(resource: Resource, pointer: str, exchange: Exchange) -> str:
    try:
        body = msgspec.json.decode(exchange.response.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    found = parse_place(pointer).values(body)
    values = [value for value in found if isinstance(value, str | int) and value != ""]
    if not values:
        came = _shown(exchange)
        raise MissingError(f"{resource.name}: expected a text or a number at {pointer}, got {came}")
    return str(values[0])


def _shown(exchange: Exchange) -> str:
    body = (exchange.response.body or b"").decode("utf-8", "replace")
    return f"status {exchange.response.status}, {body[:200]}"
