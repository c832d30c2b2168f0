"""The reference server without a socket, and what a seed repeats."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.reference import Clock, ServerState
from cohere_conformance.reference.inprocess import InProcess
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.model import Exchange


def seeded(seed: str | None) -> ServerState:
    return ServerState(seed=seed, clock=Clock(runs=False, start=datetime(2026, 1, 1, tzinfo=UTC)))


def sending(state: ServerState) -> Sender:
    transport = InProcess(state)
    return Sender(
        "http://localhost", gate=OPEN, key=Secret(PRODUCTION), transport=transport, now=transport.now
    )


@pytest.fixture
def responses() -> Iterator[Callable[[ServerState], list[Exchange]]]:
    """Return what a server with this state responds to a chat, a stream and a creation."""

    def send(state: ServerState) -> list[Exchange]:
        with sending(state) as sender:
            return [sender.send(outgoing) for outgoing in REQUESTS]

    return send


def json(path: str, body: object) -> Outgoing:
    return Outgoing("POST", path, (("content-type", "application/json"),), msgspec.json.encode(body))


CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Name three rivers."}]}
REQUESTS = (
    json("/v2/chat", CHAT),
    json("/v2/chat", CHAT | {"stream": True}),
    json("/v1/connectors", {"name": "rivers", "url": "https://rivers.example.com/search"}),
)


def test_a_seed_repeats_every_byte(responses: Callable[[ServerState], list[Exchange]]) -> None:
    first, again = responses(seeded("a")), responses(seeded("a"))
    assert [one.response for one in first] == [one.response for one in again]
    assert all(one.response.status == 200 for one in first)


def test_without_a_seed_and_with_another_one_ids_differ(
    responses: Callable[[ServerState], list[Exchange]],
) -> None:
    ids = {
        msgspec.json.decode(responses(state)[0].response.body or b"")["id"]
        for state in (seeded("a"), seeded("b"), seeded(None), seeded(None))
    }
    assert len(ids) == 4


def test_events_of_a_stream_arrive_one_after_the_other_by_counted_time() -> None:
    with sending(seeded("a")) as sender:
        response = sender.send(REQUESTS[1]).response
    assert response.body is not None
    locations, times = zip(*response.arrivals, strict=True)
    assert len(times) > 3
    assert times == tuple(round(0.01 * (number + 1), 6) for number in range(len(times)))
    assert locations[-1] == len(response.body)


def test_it_responds_as_the_server_on_a_socket_does() -> None:
    state = seeded("a")
    with ServerThread(state) as running, Sender(running.url, gate=OPEN, key=Secret(PRODUCTION)) as sender:
        socket = [sender.send(outgoing).response for outgoing in REQUESTS]
    with sending(seeded("a")) as sender:
        direct = [sender.send(outgoing).response for outgoing in REQUESTS]
    for one, other in zip(socket, direct, strict=True):
        assert (one.status, one.body) == (other.status, other.body)
        assert set(other.headers) <= set(one.headers)


def test_a_restart_forgets_what_was_created() -> None:
    transport = InProcess(seeded("a"))
    with Sender("http://localhost", gate=OPEN, key=Secret(PRODUCTION), transport=transport) as sender:
        sender.send(REQUESTS[2])
        transport.restart(seeded("a"))
        listed = sender.send(Outgoing("GET", "/v1/connectors"))
    assert msgspec.json.decode(listed.response.body or b"")["connectors"] == []


def test_nothing_is_handled_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is waiting, and a thread for a request takes longer than most requests."""
    large = json("/v1/tokenize", {"model": "command-a-03-2025", "text": "a river " * 8_000})
    chosen = [*REQUESTS, large, *(Outgoing("GET", path) for path in ("/v1/models", "/v1/datasets"))]
    with monkeypatch.context() as patched, sending(seeded("a")) as sender:
        patched.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread was started"))
        responses = [sender.send(outgoing).response for outgoing in chosen]
    assert [response.status for response in responses] == [200] * len(chosen)
