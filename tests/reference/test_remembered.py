"""What the server remembers between requests: bounded, never mixed up, and nothing with a fault."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load import bombard
from uvicorn.protocols.http.h11_impl import H11Protocol

from cohere_conformance.cases import shipped_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.golden.fresh_server import FreshServer
from cohere_conformance.reference import ServerState, chosen, protocols, randomness, validation
from cohere_conformance.reference import remembered as remembered_module
from cohere_conformance.reference.api_error import ApiError
from cohere_conformance.reference.remembered import Remembered, ValidBody
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"authorization": "Bearer reference-key"}
CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Name three rivers."}]}
RERANK = {"model": "rerank-v3.5", "query": "bread", "documents": ["oil", "bread", "a mill"]}


@pytest.fixture
def state() -> ServerState:
    return ServerState()


@pytest.fixture
def client(state: ServerState) -> Iterator[httpx.Client]:
    with ServerThread(state) as server, httpx.Client(base_url=server.url, headers=KEY, timeout=900) as client:
        yield client


def result(client: httpx.Client, path: str, body: Any) -> dict[str, Any]:
    """Return the body of a successful response, and its id apart."""
    response = client.post(path, json=body)
    assert response.status_code == 200
    return dict(response.json())


@pytest.mark.parametrize(
    ("path", "body"), [("/v2/chat", CHAT), ("/v2/rerank", RERANK), ("/v1/rerank", RERANK)]
)
def test_the_same_body_gets_the_same_response_with_another_id(
    client: httpx.Client, state: ServerState, path: str, body: Any
) -> None:
    first, again = result(client, path, body), result(client, path, body)
    assert len(state.remembered) == 1
    assert first.pop("id") != again.pop("id")
    assert first == again


def test_versions_of_an_operation_and_options_are_not_mixed_up(
    client: httpx.Client, state: ServerState
) -> None:
    returned = {**RERANK, "return_documents": True}
    assert "document" in result(client, "/v1/rerank", returned)["results"][0]
    assert "document" not in result(client, "/v1/rerank", RERANK)["results"][0]
    assert len(result(client, "/v2/rerank", {**RERANK, "top_n": 1})["results"]) == 1
    assert len(result(client, "/v2/rerank", RERANK)["results"]) == 3
    assert len(state.remembered) == 4


def test_faults_neither_use_nor_change_what_is_remembered(client: httpx.Client, state: ServerState) -> None:
    order = [one["index"] for one in result(client, "/v2/rerank", RERANK)["results"]]
    state.faults = chosen(["rerank.unsorted"])
    assert [one["index"] for one in result(client, "/v2/rerank", RERANK)["results"]] != order
    state.faults = frozenset()
    assert [one["index"] for one in result(client, "/v2/rerank", RERANK)["results"]] == order


def test_only_the_latest_results_of_short_bodies_are_remembered(
    client: httpx.Client, state: ServerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered_module, "_MOST", 3)
    for number in range(6):
        result(client, "/v2/rerank", {**RERANK, "query": f"bread {number}"})
    assert len(state.remembered) == 3
    result(client, "/v2/rerank", {**RERANK, "documents": ["bread " * 900]})
    assert len(state.remembered) == 3


def test_errors_are_not_remembered(client: httpx.Client, state: ServerState) -> None:
    for _ in range(2):
        assert client.post("/v2/rerank", json={**RERANK, "query": " "}).status_code == 400
    assert len(state.remembered) == 0


def test_nobody_changes_a_body_that_others_may_send_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[tuple[bytes, ValidBody]] = []
    monkeypatch.setattr(Remembered, "add", lambda _, label, profile, *body: bodies.append(body))
    suite = shipped_suite()
    with FreshServer(suite, load_contract()) as server:
        for case in suite.cases:
            if case.operation.startswith(("POST", "PUT", "PATCH")):
                server.send(case, "contract")
    assert len(bodies) > 300
    for content, body in bodies:
        sent = json.loads(content or b"{}")
        assert body.value == {name: value for name, value in sent.items() if value is not None}


def test_a_refused_key_stays_refused(client: httpx.Client, state: ServerState) -> None:
    result(client, "/v2/rerank", RERANK)
    for _ in range(2):
        refused = client.post("/v2/rerank", json=RERANK, headers={"authorization": "Bearer wrong"})
        assert refused.status_code == 401
    state.faults = chosen(["auth.forbidden"])
    assert client.post("/v2/rerank", json=RERANK, headers={"authorization": "x"}).status_code == 403
    state.faults = chosen(["auth.any-key"])
    assert client.post("/v2/rerank", json=RERANK, headers={"authorization": "Bearer wrong"}).is_success
    state.faults = frozenset()
    assert client.post("/v2/rerank", json=RERANK, headers={"authorization": "Bearer wrong"}).is_error


def test_what_profiles_make_of_a_body_is_not_mixed_up(client: httpx.Client, state: ServerState) -> None:
    body = {name: value for name, value in RERANK.items() if name != "model"}
    assert "results" in result(client, "/v1/rerank", body)
    live = ServerState(profile="live-2026")
    live.remembered = state.remembered
    with ServerThread(live) as server:
        assert httpx.post(f"{server.url}/v1/rerank", json=body, headers=KEY).status_code == 400


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run there")
def test_what_makes_a_server_fast_is_used_where_it_is_installed() -> None:
    assert protocols.protocol() is protocols.SelectingProtocol
    made = protocols.loop_factory()
    assert made is not None
    loop = made()
    loop.close()
    assert type(loop).__module__.startswith("uvloop")


def test_a_server_without_the_extra_responds_to_many_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `fast` is optional; `test_server.py` has the same test with it."""
    monkeypatch.setattr(protocols, "find_spec", lambda name: None)
    assert protocols.protocol() is H11Protocol
    assert protocols.loop_factory() is None
    names = ("chat", "rerank", "embed")
    with ServerThread(ServerState()) as server:
        outcome = asyncio.run(
            bombard(server.url, clients=8, requests=60, names=names, before_send=lambda number: None)
        )
    assert outcome.wrong == {}
    assert outcome.right.total() == 60


class Sent(asyncio.Transport):
    """A transport that stores what it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, data: Any) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.pieces.append(b"closed")


def test_a_head_is_sent_with_its_body_or_soon_and_nothing_is_lost_or_reordered() -> None:
    head = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n"

    async def sent() -> list[list[bytes]]:
        found = []
        for pieces in ([head, b"body", b"more"], [head], [head, head], [b"0\r\n\r\n"]):
            transport = Sent()
            joining = protocols.JoiningTransport(transport)
            for piece in pieces:
                joining.write(piece)
            await asyncio.sleep(0)
            found.append(transport.pieces)
        closed = Sent()
        joining = protocols.JoiningTransport(closed)
        joining.write(head)
        joining.close()
        await asyncio.sleep(0)
        assert joining.get_extra_info("socket") is None
        return [*found, closed.pieces]

    assert asyncio.run(sent()) == [
        [head + b"body", b"more"],
        [head],
        [head + head],
        [b"0\r\n\r\n"],
        [head, b"closed"],
    ]


@pytest.mark.parametrize("seed", range(20))
def test_an_id_is_a_random_uuid(seed: int) -> None:
    randomness.use(Random(seed))
    assert randomness.new_id() == str(uuid.UUID(int=Random(seed).getrandbits(128), version=4))


def read(content: bytes) -> Any:
    """Return the value of a body, or the message of its error."""
    try:
        return validation.body_of(content, frozenset())
    except ApiError as error:
        return error


NUMBERS = ["-0", "1e5", "1E400", "-0.0", "NaN", "1.", "01", "9" * 30, "0.1e-400", "9007199254740993.0"]
TEXTS = [
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"\x00"',
    '"é"',
    "{",
    "[1,]",
    '{"a":1,"a":2}',
    "\ufeff1",
    "[" * 5000,
]


@pytest.mark.parametrize("text", [*NUMBERS, *TEXTS, *(f'{{"a": [{one}]}}' for one in NUMBERS)])
def test_bodies_are_read_as_by_the_json_module(text: str) -> None:
    found = read(text.encode())
    try:
        expected = json.loads(text)
        json.dumps(expected, allow_nan=False)
    except (ValueError, RecursionError):
        assert isinstance(found, ApiError)
        assert found.status == 400
        return
    expected = "\ufffd" if expected == "\ud800" else expected
    assert (found, repr(found)) == (expected, repr(expected))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.integers()
        | st.text(),
        st.lists,
        max_leaves=6,
    ),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_any_json_is_read_as_by_the_json_module(value: Any, escaped: bool) -> None:
    found = read(json.dumps(value, ensure_ascii=escaped).encode())
    assert repr(found) == repr(value)
