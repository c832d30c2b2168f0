"""The ledger: every creation is on the disk before its request is sent, and no line has a key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
import pytest
from hostile import Hostile, Talk

from cohere_conformance.client.budget import Budget
from cohere_conformance.client.ledger import (
    CreationLedger,
    LedgerState,
    entries,
    exclusive,
    open_entries,
    tidy,
)
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import Sender
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import BudgetError, LedgerError
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.session.permission import guard
from cohere_conformance.session.plan import RunOptions, plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "key-of-somebody-0123456789"
URL = "http://127.0.0.1:9"
UPLOAD = Outgoing("POST", "/v1/datasets?name=conformance-a-1a2b3c&type=embed-input")
DELETE = Outgoing("DELETE", "/v1/datasets/d1")
SHOWN = {"dataset": {"id": "d1", "name": "conformance-a-1a2b3c", "created_at": "2999-01-01T00:00:00Z"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report" / "ledger.jsonl"


def sender(
    path: Path, answer: Callable[[httpx.Request], httpx.Response], budget: int | None = None
) -> Sender:
    """Return a sender with a guard that uses the ledger, and a server that is a function."""
    contract = load_contract()
    planned = plan(RunOptions(url=URL), contract.groups, {"CO_API_KEY": KEY})
    return Sender(
        URL,
        gate=guard(planned, contract, CreationLedger(path, URL)),
        key=Secret(KEY),
        budget=Budget(budget),
        transport=httpx.MockTransport(answer),
    )


def answering(status: int, body: object) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path != "/v1/datasets/d1":
            return httpx.Response(200, json={})
        return httpx.Response(status, json=SHOWN if request.method == "GET" else body)

    return answer


def test_a_creation_is_on_the_disk_before_its_request_is_sent(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server sees the request, the line is in the file and was synchronized."""
    synchronized: list[int] = []
    monkeypatch.setattr(os, "fsync", synchronized.append)
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            seen.append(([*entries(path).values()], len(synchronized)))
        return httpx.Response(200, json={"id": "d1"})

    sender(path, answer).send(UPLOAD)
    [(found, synchronizations)] = seen
    assert [one.first.name for one in found] == ["conformance-a-1a2b3c"]
    assert (found[0].first.target, found[0].first.operation) == (URL, "POST /v1/datasets")
    assert (found[0].id, found[0].is_open) == ("", True)
    assert synchronizations >= 2, "the folder and the file"
    assert [one.id for one in open_entries(path)] == ["d1"], "and the id follows with the response"


def test_what_is_removed_is_over(path: Path) -> None:
    """The entry of a dataset ends with its deletion."""
    client = sender(path, answering(200, {"id": "d1"}))
    client.send(UPLOAD)
    client.send(DELETE)
    assert [one.state for one in entries(path).values()] == [LedgerState.GONE]


@pytest.mark.parametrize(
    ("status", "left"), [(400, False), (429, False), (408, True), (500, True), (503, True)]
)
def test_a_refused_creation_is_over_and_an_undecided_one_is_not(path: Path, status: int, left: bool) -> None:
    """After a 5xx nobody knows whether the server has created something."""
    sender(path, answering(status, {"message": "no"})).send(UPLOAD)
    assert [one.is_open for one in entries(path).values()] == [left]


def test_a_response_that_never_arrives_leaves_the_entry_open(path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadError("reset")
        return httpx.Response(200, json={})

    sender(path, answer).send(UPLOAD)
    assert [(one.id, one.is_open) for one in entries(path).values()] == [("", True)]


def test_a_request_beyond_the_budget_is_not_noted(path: Path) -> None:
    """It was not sent, so nothing can be left."""
    client = sender(path, answering(200, {}), budget=0)
    with pytest.raises(BudgetError):
        client.send(UPLOAD)
    assert not path.exists()


def test_no_line_has_the_key(path: Path) -> None:
    """Not even where a server sends it back as the id of what it has created."""
    client = sender(path, answering(200, {"id": KEY}))
    client.send(UPLOAD)
    assert KEY not in path.read_text(encoding="utf-8")
    assert len(open_entries(path)) == 1


def test_a_new_name_is_noted_before_it_is_given(path: Path) -> None:
    """A connector that a test renames is recognized by either name."""
    shown = {"connector": {"id": "c1", "name": "conformance 1a2b3c", "created_at": "2999-01-01T00:00:00Z"}}
    client = sender(path, lambda request: httpx.Response(200, json=shown))
    body = b'{"name": "conformance 1a2b3c", "url": "https://a.example"}'
    json = (("content-type", "application/json"),)
    client.send(Outgoing("POST", "/v1/connectors", json, body))
    client.send(Outgoing("PATCH", "/v1/connectors/c1", json, b'{"name": "conformance changed"}'))
    [entry] = open_entries(path)
    assert entry.names == ["conformance 1a2b3c", "conformance changed"]


def test_a_line_that_was_cut_off_does_not_hide_the_others(path: Path) -> None:
    """A full disk may leave half a line; what is appended later is read all the same."""
    ledger = CreationLedger(path, URL)
    ledger.begin("POST /v1/datasets", "/v1/datasets", name="first")
    ledger.close()
    with path.open("ab") as file:
        file.write(b'{"entry":"12","sta')
    later = CreationLedger(path, URL)
    later.begin("POST /v1/datasets", "/v1/datasets", name="second")
    later.close()
    assert [one.names for one in open_entries(path)] == [["first"], ["second"]]
    tidy(path)
    assert [one.names for one in open_entries(path)] == [["first"], ["second"]]


def test_what_is_no_ledger_is_not_taken_for_an_empty_one(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("[]\n", encoding="utf-8")
    with pytest.raises(LedgerError, match=r"line 1: expected a line of a ledger"):
        open_entries(path)


def test_tidying_leaves_what_is_open_and_what_that_refers_to(path: Path) -> None:
    ledger = CreationLedger(path, URL)
    gone = ledger.begin("POST /v1/datasets", "/v1/datasets", name="gone")
    job = ledger.begin("POST /v2/batches", "/v2/batches", name="job")
    ledger.begin("GET /v2/batches/{id}", "/v1/datasets", made_by=job, identity="r1")
    ledger.note(gone, LedgerState.GONE)
    ledger.note(job, LedgerState.ENDED)
    tidy(path)
    assert len(entries(path)) == 3, "a run is using it"
    ledger.close()
    tidy(path)
    assert [(one.names, one.id) for one in entries(path).values()] == [(["job"], ""), ([], "r1")]


def test_a_ledger_in_use_cannot_be_swept(path: Path) -> None:
    """What a run is working with must not be removed under its hands."""
    ledger = CreationLedger(path, URL)
    ledger.begin("POST /v1/datasets", "/v1/datasets", name="a")
    with exclusive(path) as descriptor:
        assert descriptor is None
    ledger.close()
    with exclusive(path) as descriptor:
        assert descriptor is not None


def test_a_ledger_that_cannot_be_written_prevents_the_request(tmp_path: Path) -> None:
    """Nothing is created of which nobody would know."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        return httpx.Response(200, json={})

    with pytest.raises(LedgerError, match="--ledger"):
        sender(tmp_path / "file" / "ledger.jsonl", answer).send(UPLOAD)
    assert "POST" not in sent


def test_a_creation_that_is_sent_again_is_noted_again(path: Path) -> None:
    """The server may have processed the first one before it closed the connection: then there are two."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "

    def script(talk: Talk) -> None:
        if talk.server.connections == 1:
            while talk.hear().startswith(b"GET "):
                talk.say(head + b"2\r\n\r\n{}")
            return  # without a response to the upload
        talk.hear()
        talk.say(head + b"12\r\n\r\n" + b'{"id": "d2"}')
        talk.hang(1)

    contract = load_contract()
    with Hostile(script) as server:
        planned = plan(RunOptions(url=server.url), contract.groups, {})
        gate = guard(planned, contract, CreationLedger(path, server.url))
        with Sender(server.url, gate=gate) as client:
            assert client.send(UPLOAD).response.status == 200
    assert [one.id for one in open_entries(path)] == ["", "d2"]
