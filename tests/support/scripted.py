"""An upstream that sends exactly the bytes of a script, and a client that sees every byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.client.address import address as address_of
from cohere_conformance.client.listening import address, listen
from cohere_conformance.proxy.capture import Meter
from cohere_conformance.proxy.serving import ProxyThread
from cohere_conformance.proxy.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.proxy.observed import ObservedExchange

PATIENCE = 20.0
"""Seconds after which a test fails instead of waiting on."""


class Peer:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        connection.settimeout(PATIENCE)
        self.received = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def fill(self) -> None:
        """Send until nobody takes any more."""
        self._socket.settimeout(0.3)
        with suppress(TimeoutError):
            while True:
                self._socket.sendall(bytes(65_536))

    def until(self, end: bytes) -> bytes:
        """Return what is received up to and including a text."""
        while end not in self.received:
            data = self._socket.recv(65_536)
            assert data, f"closed after {self.received!r}"
            self.received += data
        found, _, self.received = self.received.partition(end)
        return found + end

    def rest(self) -> bytes:
        """Return everything until the other end closes the connection."""
        while True:
            try:
                data = self._socket.recv(65_536)
            except ConnectionResetError:
                data = b""
            if not data:
                found, self.received = self.received, b""
                return found
            self.received += data

    def close(self) -> None:
        self._socket.close()


class ScriptedUpstream:
    """Runs a script for each connection, one after another.

    Args:
        script: is given the connection.
    """

    def __init__(self, *scripts: Callable[[Peer], None]) -> None:
        self._scripts = scripts
        self._socket = listen("127.0.0.1", 0)
        self.url = address(self._socket)
        self.errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            peer = Peer(connection)
            try:
                script(peer)
            except BaseException as error:  # noqa: BLE001 - shown in the thread of the test
                self.errors.append(error)
            finally:
                peer.close()

    def __enter__(self) -> Self:
        self._socket.settimeout(PATIENCE)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join(PATIENCE)
        self._socket.close()
        if error[0] is None:
            assert self.errors == []
            assert not self._thread.is_alive(), "a script still waits"


class Witness:
    """Keeps the copies of exchanges that a proxy hands over."""

    def __init__(self, most_body: int = 2**20) -> None:
        self.meter = Meter(most_body, 16 * most_body)
        self.seen: list[ObservedExchange] = []
        self.reasons: list[str] = []
        self._changed = threading.Condition()

    def number(self) -> int:
        return len(self.seen) + len(self.reasons) + 1

    def judge(self, observed: ObservedExchange, held: int) -> None:
        self.meter.give_back(held)
        with self._changed:
            self.seen.append(observed)
            self._changed.notify_all()

    def unjudged(self, reason: str) -> None:
        with self._changed:
            self.reasons.append(reason)
            self._changed.notify_all()

    async def page(self, form: str) -> bytes:
        return f"the report as {form}".encode()

    def wait(self, number: int) -> list[ObservedExchange]:
        """Return the copies as soon as there are so many exchanges, judged or not."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) + len(self.reasons) >= number, PATIENCE)
        return self.seen


class Setup:
    """A proxy in front of an upstream; it runs inside a `with` block.

    Attributes:
        witness: of the exchanges.
    """

    def __init__(self, url: str, most_body: int = 2**20, access: Access = DIRECT) -> None:
        self.witness = Witness(most_body)
        where = address_of("--upstream", url)
        access = replace(access, socket=where.socket)
        self._proxy = ProxyThread(Upstream(where, access), self.witness)
        self.url = self._proxy.url
        self._clients: list[Peer] = []

    def __enter__(self) -> Self:
        self._proxy.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        # Clients that are still connected are a matter of the proxy.
        self._proxy.__exit__(None, None, None)
        for client in self._clients:
            client.close()

    def client(self) -> Peer:
        """Return a new connection to the proxy."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        client = Peer(socket.create_connection((host, int(port))))
        self._clients.append(client)
        return client
