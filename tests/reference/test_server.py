"""The server around the application: addresses, streams that flow, many clients, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from load import OPERATIONS, bombard

from cohere_conformance.errors import UsageError
from cohere_conformance.reference import State, catalogue, chosen
from cohere_conformance.reference import server as server_module
from cohere_conformance.reference.handling import HANDLERS, Event, Stream
from cohere_conformance.reference.server import Running, address, listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call

LABEL, PATH = "POST /v1/check-api-key", "/v1/check-api-key"
KEY = {"authorization": "Bearer reference-key"}
PATIENCE = 900.0


@pytest.fixture(autouse=True)
def groups() -> None:
    """All handlers are there before one is replaced."""
    catalogue()


@pytest.mark.parametrize("pause", [0.0, 0.05])
@pytest.mark.parametrize(("faults", "one_by_one"), [((), True), (("streams.buffered",), False)])
def test_events_are_on_their_way_before_the_next_is_made(
    faults: tuple[str, ...], one_by_one: bool, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, before_the_last = threading.Event(), []

    def events() -> Iterator[Event]:
        yield Event({"number": 1})
        # The whole server stands still here, so what has not been sent by now cannot arrive.
        before_the_last.append(arrived.wait(PATIENCE if one_by_one else 0.2))
        yield Event({"number": 2})

    def streaming(call: Call) -> Stream:
        return Stream(events())

    monkeypatch.setitem(HANDLERS, LABEL, streaming)
    content = b""
    with (
        Running(State(pause=pause, faults=chosen(faults))) as server,
        httpx.stream("POST", server.url + PATH, headers=KEY, timeout=PATIENCE) as answer,
    ):
        for piece in answer.iter_raw():
            content += piece
            arrived.set()
    assert before_the_last == [one_by_one]
    assert content == b'data: {"number": 1}\n\ndata: {"number": 2}\n\n'


def test_many_clients_each_get_what_they_asked_for() -> None:
    with Running(State()) as server:
        outcome = asyncio.run(
            bombard(server.url, clients=20, requests=400, names=tuple(OPERATIONS), told=lambda number: None)
        )
    assert outcome.wrong == {}
    assert outcome.right == outcome.sent
    assert outcome.sent.total() == 400


def test_a_taken_address_is_a_wrong_call() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(UsageError, match=rf"expected a free address .* 127\.0\.0\.1:{port} .* --port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a" * 70 + ".example"])
def test_an_address_that_is_not_ours_is_a_wrong_call(host: str) -> None:
    with pytest.raises(UsageError, match="expected a free address"):
        listen(host, 0)


@pytest.mark.parametrize(
    ("name", "url"),
    [(("127.0.0.1", 80), "http://127.0.0.1:80"), (("::1", 80, 0, 0), "http://[::1]:80")],
)
def test_an_address_is_told_as_a_url(
    name: tuple[object, ...], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bound(socket.socket):
        def getsockname(self) -> tuple[object, ...]:
            return name

    with Bound() as bound:
        assert address(bound) == url


@pytest.mark.parametrize("faults", [(), ("transport.header-flood",)])
def test_the_end_does_not_wait_for_streams_or_for_idle_clients(
    faults: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HANDLERS, LABEL, lambda call: Stream(Event({}) for _ in range(9)))
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer reference-key\r\n\r\n"
    with contextlib.ExitStack() as clients:
        with Running(State(pause=3600, faults=chosen(faults))) as server:
            where = (urlsplit(server.url).hostname, urlsplit(server.url).port)
            idle, asking = (
                clients.enter_context(socket.create_connection(where, timeout=PATIENCE)) for _ in range(2)
            )
            asking.sendall(head.encode())
            came = b""
            # Before the second event there is an hour: this one did not wait for it.
            while b"data: {}\n\n" not in came:
                came += asking.recv(2**16)
        with contextlib.suppress(ConnectionResetError):
            assert idle.recv(1) == b""
        assert came.count(b"data:") == 1


def test_a_server_that_does_not_come_to_its_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hanging(call: Call) -> Stream:
        asked.set()
        go_on.wait(PATIENCE)
        return Stream(iter(()))

    monkeypatch.setitem(HANDLERS, LABEL, hanging)
    monkeypatch.setattr(server_module, "_PATIENCE", 0.1)
    server = Running(State())

    def call() -> None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(server.url + PATH, headers=KEY, timeout=PATIENCE)

    client = threading.Thread(target=call)
    server.__enter__()
    client.start()
    assert asked.wait(PATIENCE)
    with pytest.raises(RuntimeError, match=f"expected the server at {server.url} to end within 0.1 s"):
        server.__exit__(None, None, None)
    go_on.set()
    client.join(PATIENCE)
    server._thread.join(PATIENCE)
    assert not server._thread.is_alive()
    server.__exit__(None, None, None)
