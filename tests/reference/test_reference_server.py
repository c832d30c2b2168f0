"""The reference server as other projects use it in their tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cohere_conformance import ReferenceServer, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

RERANK = {"model": "rerank-v3.5", "query": "bread", "documents": ["oil", "bread"]}


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    with ReferenceServer(step=0.0) as running:
        yield running


@pytest.fixture
def client(server: ReferenceServer) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.url, headers=headers) as opened:
        yield opened


def rerank(client: httpx.Client, **further: Any) -> httpx.Response:
    return client.post("/v2/rerank", json={**RERANK, **further})


def test_requests_are_listed_as_they_were_sent(server: ReferenceServer, client: httpx.Client) -> None:
    assert server.requests == ()
    assert rerank(client).status_code == 200
    assert client.get("/v1/models?page_size=2").status_code == 200
    assert client.get("/v9/nothing").status_code == 404
    sent, listed, unknown = server.requests
    assert (sent.method, sent.path, sent.query, sent.operation) == (
        "POST",
        "/v2/rerank",
        "",
        "POST /v2/rerank",
    )
    assert sent.json() == RERANK
    assert sent.header("Authorization") == f"Bearer {server.key}"
    assert sent.header("x-absent") is None
    assert (listed.query, listed.body, listed.operation) == ("page_size=2", b"", "GET /v1/models")
    assert unknown.operation is None


def test_requests_that_the_server_rejects_are_listed_with_their_body(server: ReferenceServer) -> None:
    assert httpx.post(f"{server.url}/v2/rerank", json=RERANK).status_code == 401
    assert [one.json() for one in server.requests] == [RERANK]


def test_the_next_requests_fail(server: ReferenceServer, client: httpx.Client) -> None:
    server.fail_next(status=429, times=2)
    failed = [rerank(client) for _ in range(3)]
    assert [one.status_code for one in failed] == [429, 429, 200]
    assert failed[0].json().keys() == {"id", "message"}
    assert failed[0].json()["message"] == "too many requests"
    assert len(server.requests) == 3, "requests that fail are listed as well"


def test_only_one_operation_fails(server: ReferenceServer, client: httpx.Client) -> None:
    server.fail_next(operation="POST /v2/rerank")
    server.fail_next(status=500)
    assert client.get("/v1/models").status_code == 500
    assert client.get("/v1/models").status_code == 200
    assert [rerank(client).status_code for _ in range(2)] == [503, 200]


def test_parallel_requests_fail_as_often_as_asked_for(server: ReferenceServer, client: httpx.Client) -> None:
    server.fail_next(times=5)
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: rerank(client).status_code, range(20)))
    assert statuses.count(503) == 5
    assert len(server.requests) == 20


def test_the_next_requests_get_a_fault_of_a_server_that_stores_the_same(
    server: ReferenceServer, client: httpx.Client
) -> None:
    connector = {"name": "files", "url": "https://files.example/search"}
    server.fail_next(fault="rerank.unsorted", operation="POST /v2/rerank")
    assert client.post("/v1/connectors", json=connector).status_code == 200
    unsorted, usual = ([one["relevance_score"] for one in rerank(client).json()["results"]] for _ in range(2))
    assert unsorted == sorted(unsorted)
    assert usual == sorted(usual, reverse=True)
    server.fail_next(fault="headers.trace-missing")
    assert client.get("/v1/connectors").json()["total_count"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fault": "rerank.unsort"}, "fault rerank.unsort"),
        ({"fault": "rerank.unsorted", "status": 500}, "expected a status or a fault, got both"),
        ({"fault": "transport.reset"}, "which is one of the transport"),
        ({"status": 200}, "status: expected an HTTP error from 400 to 599, got 200"),
        ({"times": 0}, "times: expected a number from 1 on, got 0"),
        ({"operation": "POST /v2/rerenk"}, "operation"),
    ],
)
def test_a_failure_that_cannot_be_is_an_error(
    server: ReferenceServer, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        server.fail_next(**arguments)


def test_reset_forgets_everything(server: ReferenceServer, client: httpx.Client) -> None:
    connector = {"name": "files", "url": "https://files.example/search"}
    assert client.post("/v1/connectors", json=connector).status_code == 200
    assert client.get("/v1/connectors").json()["total_count"] == 1
    server.fail_next(times=9)
    server.reset()
    assert server.requests == ()
    assert client.get("/v1/connectors").json()["total_count"] == 0
    assert len(server.requests) == 1


def test_faults_profile_and_keys() -> None:
    headers = {"authorization": "Bearer mine"}
    with (
        ReferenceServer("live-2026", ["rerank.unsorted"], keys=["mine"]) as server,
        httpx.Client(base_url=server.url, headers=headers) as client,
    ):
        scores = [one["relevance_score"] for one in rerank(client).json()["results"]]
        assert scores == sorted(scores)
        assert client.post("/v1/generate", json={"prompt": "x"}).status_code == 404
    with pytest.raises(UsageError, match="profile"):
        ReferenceServer("live-1999")
    with pytest.raises(UsageError, match=r"rerank\.unsort"):
        ReferenceServer(faults=["rerank.unsort"])


def test_it_can_be_started_again(server: ReferenceServer, client: httpx.Client) -> None:
    again = ReferenceServer()
    for _ in range(2):
        with again:
            assert httpx.get(f"{again.url}/v1/models").status_code == 401
    assert len(again.requests) == 2
