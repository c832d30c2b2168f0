"""The server around the application: addresses, streams that flow, many clients, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from load import OPERATIONS, bombard

from cohere_conformance.client.listening import address, listen
from cohere_conformance.errors import UsageError
from cohere_conformance.reference import Clock, Fault, Profile, ServerState, catalogue, chosen, validation
from cohere_conformance.reference import server as server_module
from cohere_conformance.reference.handling import HANDLERS, Event, StreamResponse
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.handling import Call, HandlerResult

LABEL, PATH = "POST /v1/check-api-key", "/v1/check-api-key"
KEY = {"authorization": "Bearer reference-key"}
PATIENCE = 900.0


@pytest.fixture(autouse=True)
def groups() -> None:
    """All handlers are there before one is replaced."""
    catalogue()


@pytest.mark.parametrize("pause", [0.0, 0.05])
@pytest.mark.parametrize(("faults", "one_by_one"), [((), True), (("streams.buffered",), False)])
def test_each_event_is_sent_before_the_next_is_generated(
    faults: tuple[str, ...], one_by_one: bool, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, before_the_last = threading.Event(), []

    def events() -> Iterator[Event]:
        yield Event({"number": 1})
        # The whole server is blocked here, so what has not been sent by now cannot arrive.
        before_the_last.append(arrived.wait(PATIENCE if one_by_one else 0.2))
        yield Event({"number": 2})

    def streaming(call: Call) -> StreamResponse:
        return StreamResponse(events())

    monkeypatch.setitem(HANDLERS, LABEL, streaming)
    content = b""
    with (
        ServerThread(ServerState(pause=pause, faults=chosen(faults))) as server,
        httpx.stream("POST", server.url + PATH, headers=KEY, timeout=PATIENCE) as answer,
    ):
        for piece in answer.iter_raw():
            content += piece
            arrived.set()
    assert before_the_last == [one_by_one]
    assert content == b'data: {"number": 1}\n\ndata: {"number": 2}\n\n'


def test_the_date_header_is_from_the_clock_of_the_state() -> None:
    """What is made is never older than the `Date` of its response, even if the clock is stopped."""
    clock = Clock(runs=False)
    clock.advance(-86_400)
    with (
        ServerThread(ServerState(clock=clock)) as server,
        httpx.Client(base_url=server.url, headers=KEY) as client,
    ):
        file = {"data": ("rows.jsonl", b'{"text": "Fog until noon."}\n')}
        made = client.post("/v1/datasets", params={"name": "a", "type": "embed-input"}, files=file)
        shown = client.get(f"/v1/datasets/{made.json()['id']}").json()["dataset"]
    assert made.headers.get_list("date") == [format_datetime(clock.now(), usegmt=True)]
    assert datetime.fromisoformat(shown["created_at"]) == clock.now()


def test_many_clients_get_their_own_responses() -> None:
    with ServerThread(ServerState()) as server:
        outcome = asyncio.run(
            bombard(
                server.url, clients=20, requests=400, names=tuple(OPERATIONS), before_send=lambda number: None
            )
        )
    assert outcome.wrong == {}
    assert outcome.right == outcome.sent
    assert outcome.sent.total() == 400


def test_a_taken_address_is_a_usage_error() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        expected = (
            rf"expected a free address to listen on, got 127\.0\.0\.1:{port} \(Address already in use\); "
            r"name another one with --host and --port \(0 takes any free port\)"
        )
        with pytest.raises(UsageError, match=f"^{expected}$"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a" * 70 + ".example"])
def test_a_foreign_address_is_a_usage_error(host: str) -> None:
    with pytest.raises(UsageError, match="expected a free address"):
        listen(host, 0)


@pytest.mark.parametrize(
    ("name", "url"),
    [(("127.0.0.1", 80), "http://127.0.0.1:80"), (("::1", 80, 0, 0), "http://[::1]:80")],
)
def test_an_address_becomes_a_url(
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
    monkeypatch.setitem(HANDLERS, LABEL, lambda call: StreamResponse(Event({}) for _ in range(9)))
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer reference-key\r\n\r\n"
    with contextlib.ExitStack() as clients:
        with ServerThread(ServerState(pause=3600, faults=chosen(faults))) as server:
            where = (urlsplit(server.url).hostname, urlsplit(server.url).port)
            idle, asking = (
                clients.enter_context(socket.create_connection(where, timeout=PATIENCE)) for _ in range(2)
            )
            asking.sendall(head.encode())
            received = b""
            # Before the second event there is an hour: this one did not wait for it.
            while b"data: {}\n\n" not in received:
                received += asking.recv(2**16)
        with contextlib.suppress(ConnectionResetError):
            assert idle.recv(1) == b""
        assert received.count(b"data:") == 1


def test_a_server_that_does_not_stop_raises_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    started, go_on = threading.Event(), threading.Event()

    def hanging(call: Call) -> StreamResponse:
        started.set()
        go_on.wait(PATIENCE)
        return StreamResponse(iter(()))

    monkeypatch.setitem(HANDLERS, LABEL, hanging)
    monkeypatch.setattr(server_module, "_PATIENCE", 0.1)
    server = ServerThread(ServerState())

    def call() -> None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(server.url + PATH, headers=KEY, timeout=PATIENCE)

    client = threading.Thread(target=call)
    server.__enter__()
    client.start()
    assert started.wait(PATIENCE)
    with pytest.raises(RuntimeError, match=f"expected the server at {server.url} to end within 0.1 s"):
        server.__exit__(None, None, None)
    go_on.set()
    client.join(PATIENCE)
    server._thread.join(PATIENCE)
    assert not server._thread.is_alive()
    server.__exit__(None, None, None)


ROWS = b"".join(b'{"text": "row %d"}\n' % number for number in range(5000))
"""More than is worked on at once."""
LARGE: dict[str, tuple[str, dict[str, object]]] = {
    "an upload": ("POST /v1/datasets", {"files": {"data": ("a.jsonl", ROWS)}}),
    "a chat": (
        "POST /v2/chat",
        {
            "json": {
                "model": "command-a-03-2025",
                "messages": [{"role": "user", "content": "word " * 20_000}],
            }
        },
    ),
    "documents to rank": (
        "POST /v2/rerank",
        {"json": {"model": "rerank-v3.5", "query": "q", "documents": ["a word " * 200] * 100}},
    ),
    "the list of datasets": ("GET /v1/datasets", {}),
    "the list of batches": ("GET /v2/batches", {}),
}


@pytest.mark.parametrize("name", LARGE)
def test_other_requests_are_served_while_a_large_one_is_handled(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler is held until somebody else has been served, which on one thread would be never."""
    label, further = LARGE[name]
    handler, begun, served = HANDLERS[label], threading.Event(), threading.Event()
    waited = []

    def held(call: Call) -> HandlerResult | Callable[[], HandlerResult]:
        begun.set()
        waited.append(served.wait(PATIENCE))
        return handler(call)

    monkeypatch.setitem(HANDLERS, label, held)
    with ServerThread(ServerState()) as server, ThreadPoolExecutor() as pool:
        method, path = label.split()
        address = f"{server.url}{path}{'?name=a&type=embed-input' if further.get('files') else ''}"
        answer = pool.submit(httpx.request, method, address, headers=KEY, timeout=60, **further)  # type: ignore[arg-type]
        assert begun.wait(PATIENCE)
        assert httpx.post(server.url + PATH, headers=KEY, timeout=PATIENCE).status_code == 200
        assert httpx.get(f"{server.url}/v1/models", headers=KEY, timeout=PATIENCE).status_code == 200
        served.set()
        assert answer.result().status_code == 200
    assert waited == [True]


def test_other_requests_are_served_while_a_large_body_is_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for what comes before the handler: parsing and validation."""
    validate, begun, served = validation.validate, threading.Event(), threading.Event()

    def held(operation: Operation, body: object, state: ServerState) -> list[str]:
        if operation.label == "POST /v2/chat":
            begun.set()
            assert served.wait(PATIENCE)
        return validate(operation, body, state)

    monkeypatch.setattr(validation, "validate", held)
    with ServerThread(ServerState()) as server, ThreadPoolExecutor() as pool:
        started = pool.submit(
            httpx.post,
            f"{server.url}/v2/chat",
            headers=KEY,
            timeout=60,
            **LARGE["a chat"][1],  # type: ignore[arg-type]
        )
        assert begun.wait(PATIENCE)
        assert httpx.post(server.url + PATH, headers=KEY, timeout=PATIENCE).status_code == 200
        served.set()
        assert started.result().status_code == 200


def test_concurrent_uploads_are_all_stored() -> None:
    """Datasets are read in threads and stored one after the other, while others list them."""
    with ServerThread(ServerState(step=0)) as server, ThreadPoolExecutor(8) as pool:

        def upload(number: int) -> str:
            address = f"{server.url}/v1/datasets?name=d{number}&type=embed-input"
            answer = httpx.post(address, files={"data": ("a.jsonl", ROWS)}, headers=KEY, timeout=60)
            listed = httpx.get(f"{server.url}/v1/datasets", headers=KEY, timeout=60)
            assert listed.status_code == 200, listed.text
            identity: str = answer.json()["id"]
            assert identity in [one["id"] for one in listed.json()["datasets"]]
            return identity

        made = list(pool.map(upload, range(12)))
        listed = httpx.get(f"{server.url}/v1/datasets", headers=KEY, timeout=60).json()["datasets"]
    assert sorted(made) == sorted(one["id"] for one in listed)


def test_a_server_can_be_started_again_with_its_state() -> None:
    """After its end it may be started once more, at the same address and with the same state."""
    server = ServerThread(ServerState())
    names = []
    for number in range(3):
        with server as running:
            assert running is server
            url = f"{server.url}/v1/connectors"
            body = {"name": f"c{number}", "url": "https://example.com/search"}
            assert httpx.post(url, json=body, headers=KEY).status_code == 200
            names.append(sorted(one["name"] for one in httpx.get(url, headers=KEY).json()["connectors"]))
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, headers=KEY)
    assert names == [["c0"], ["c0", "c1"], ["c0", "c1", "c2"]]


def test_a_restarted_server_uses_another_port_if_its_own_is_taken() -> None:
    """The port belongs to nobody between two uses."""
    server = ServerThread(ServerState())
    with server:
        first = server.url
    port = int(first.rpartition(":")[2])
    with listen("127.0.0.1", port), server:
        assert server.url != first
        assert httpx.post(server.url + PATH, headers=KEY).status_code == 200


def test_a_server_that_runs_cannot_be_started_again() -> None:
    """Nesting is refused in words, and the server goes on."""
    with ServerThread(ServerState()) as server:
        with (
            pytest.raises(RuntimeError, match=rf"expected a server that is not running.*{server.url}"),
            server,
        ):
            pass
        assert httpx.post(server.url + PATH, headers=KEY).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile": "live-2025"}, r"profile live-2025: .*live-2026"),
        ({"profile": ""}, r"profile .*contract"),
        ({"profile": None}, r"profile None: .*contract"),
        ({"faults": ["rerank.unsortd"]}, r"faults rerank\.unsortd: .*rerank\.unsorted"),
        ({"faults": "rerank.unsortd"}, r"faults rerank\.unsortd: "),
        ({"faults": [Fault("rerank.nothing", "Nobody has declared it.")]}, r"faults rerank\.nothing: "),
        ({"faults": [7]}, r"faults 7: "),
        ({"step": -1}, "step: expected a number of seconds"),
        ({"step": "0.1"}, "step: expected a number of seconds"),
        ({"pause": float("nan")}, "pause: expected a number of seconds"),
        ({"pause": float("inf")}, "pause: expected a number of seconds"),
    ],
)
def test_an_invalid_state_is_a_usage_error(arguments: dict[str, Any], message: str) -> None:
    """Nothing that a caller asks for is silently ignored."""
    with pytest.raises(UsageError, match=message):
        ServerState(**arguments)


def test_a_state_accepts_names_of_profiles_and_faults() -> None:
    """Text works like the type that it names: profiles, faults, one key."""
    state = ServerState(profile="live-2026", faults="rerank.unsorted", keys="my-key")
    assert state.profile is Profile.LIVE_2026
    assert (
        state.faults
        == ServerState(faults=[catalogue()["rerank.unsorted"]]).faults
        == chosen(["rerank.unsorted"])
    )
    with ServerThread(state) as server:
        for key, status in (("my-key", 200), ("m", 401)):
            answer = httpx.post(server.url + PATH, headers={"authorization": f"Bearer {key}"})
            assert answer.status_code == status
        gone = httpx.post(f"{server.url}/v1/generate", json={"prompt": "a"}, headers=KEY)
    assert gone.status_code == 404


def test_faults_of_a_running_server_are_switched_by_name() -> None:
    """What is assigned later is checked in the same way."""
    state = ServerState()
    with ServerThread(state) as server:
        state.faults = ["auth.ignored"]  # type: ignore[assignment]
        assert httpx.post(server.url + PATH).status_code == 200
        with pytest.raises(UsageError, match=r"faults auth\.ignord: "):
            state.faults = ["auth.ignord"]  # type: ignore[assignment]


def test_nothing_looks_again_and_again_whether_the_server_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look takes CPU time, and the end of a server would wait for the next one."""
    looks: list[int] = []
    usual = uvicorn.Server.on_tick

    async def on_tick(self: uvicorn.Server, counter: int) -> bool:
        looks.append(counter)
        return await usual(self, counter)

    monkeypatch.setattr(uvicorn.Server, "on_tick", on_tick)
    with ServerThread(ServerState()) as server:
        assert httpx.post(f"{server.url}{PATH}", headers=KEY).status_code == 200
    assert looks == [0]


def test_a_server_without_a_request_to_respond_to_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an idle connection as well, which a client keeps for its next request."""
    waited: list[float] = []
    usual = asyncio.sleep

    async def sleep(delay: float, result: object = None) -> object:
        waited.append(delay)
        return await usual(delay, result)

    with httpx.Client() as client:
        with ServerThread(ServerState()) as server:
            assert client.post(f"{server.url}{PATH}", headers=KEY).status_code == 200
            monkeypatch.setattr(asyncio, "sleep", sleep)
        assert set(waited) <= {0}
