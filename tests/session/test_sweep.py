"""`sweep`: what the ledger and the unique name prove to be left by a run is removed, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cohere_conformance.client.ledger import CreationLedger, LedgerState, entries, open_entries
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import Sender
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import TargetError
from cohere_conformance.session.sweep import Sweep, SweepGate

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:9"
NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
NAME = "conformance-reviews-1a2b3c"
LISTS = {
    "/v1/datasets": ("datasets", "id"),
    "/v1/connectors": ("connectors", "id"),
    "/v1/embed-jobs": ("embed_jobs", "job_id"),
    "/v2/batches": ("batches", "id"),
}


class Server:
    """A server with the given resources, by their paths; it deletes and cancels."""

    def __init__(self, **held: dict[str, Any]) -> None:
        self.held = {f"{path}/{one['id']}": one for path, one in held.items()}
        self.changes: list[str] = []
        self.status = 0

    def hold(self, path: str, identity: str, **fields: Any) -> None:
        """Have a resource."""
        key = LISTS[path][1]
        self.held[f"{path}/{identity}"] = {"created_at": shown(NOW), **fields, key: identity}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        path = request.url.path
        if self.status:
            return httpx.Response(self.status, json={})
        if request.method != "GET":
            self.changes.append(f"{request.method} {path}")
            one = self.held.get(path.removesuffix(":cancel").removesuffix("/cancel"))
            if one is None:
                return httpx.Response(404, json={})
            if request.method == "DELETE":
                del self.held[path]
            else:
                one["status"] = "cancelled"
            return httpx.Response(200, json={})
        if path in LISTS:
            first = request.url.params.get("offset", "0") == "0"
            items = [one for at, one in self.held.items() if at.startswith(f"{path}/")]
            return httpx.Response(200, json={LISTS[path][0]: items if first else []})
        if path not in self.held:
            return httpx.Response(404, json={})
        wrapper = {"/v1/datasets": "dataset", "/v2/batches": "batch", "/v1/connectors": "connector"}
        inside = next((name for at, name in wrapper.items() if path.startswith(at)), "")
        return httpx.Response(200, json={inside: self.held[path]} if inside else self.held[path])


def shown(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def ledger(tmp_path: Path) -> CreationLedger:
    return CreationLedger(tmp_path / "ledger.jsonl", URL, now=lambda: NOW)


def dataset(ledger: CreationLedger, identity: str = "d1", name: str = NAME) -> str:
    """Note a dataset that a run has created."""
    entry = ledger.begin("POST /v1/datasets", "/v1/datasets", name=name)
    if identity:
        ledger.note(entry, LedgerState.CREATED, identity=identity)
    return entry


def sweep(
    server: Server, ledger: CreationLedger, *, removing: bool = True, later: float = 60.0
) -> list[tuple[str, str, str]]:
    """Sweep some seconds after the run, and return what became of each entry."""
    gate, waited = SweepGate(), []
    with Sender(URL, gate=gate, transport=httpx.MockTransport(server)) as sender:
        swept = Sweep(
            load_contract(), gate, sender.send, ledger, entries(ledger.path), URL,
            removing=removing, settle=5.0, patience=0.1,
            now=lambda: NOW + timedelta(seconds=later), pause=waited.append,
        )  # fmt: skip
        found = [(one.fate.value, one.id, one.reason) for one in swept.run()]
    server.waited = waited  # type: ignore[attr-defined]
    return found


def test_what_a_killed_run_has_left_is_removed(server: Server, ledger: CreationLedger) -> None:
    """And what others have is not even looked at."""
    dataset(ledger)
    server.hold("/v1/datasets", "d1", name=NAME)
    server.hold("/v1/datasets", "theirs", name="customers")
    assert sweep(server, ledger) == [("removed", "d1", "")]
    assert server.changes == ["DELETE /v1/datasets/d1"]
    assert open_entries(ledger.path) == []


def test_a_creation_whose_response_was_never_seen_is_found_by_its_name(
    server: Server, ledger: CreationLedger
) -> None:
    dataset(ledger, identity="")
    server.hold("/v1/datasets", "d7", name=NAME)
    server.hold("/v1/datasets", "theirs", name="customers")
    assert sweep(server, ledger) == [("removed", "d7", "")]
    assert server.changes == ["DELETE /v1/datasets/d7"]


def test_a_request_that_may_still_be_processed_is_waited_for(server: Server, ledger: CreationLedger) -> None:
    """Otherwise it would be taken for one that has created nothing, a moment before it does."""
    dataset(ledger, identity="")
    assert sweep(server, ledger, later=1.0) == [("gone", "", "the list does not show it")]
    assert server.waited == [4.0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "prod"}, "it has another name, 'prod'"),
        ({"name": NAME + "x"}, "it has another name"),
        ({"name": NAME, "created_at": "2026-11-28T03:00:00Z"}, "it was created at 2026-11-28"),
        ({"name": NAME, "created_at": "2026-11-29T04:00:00Z"}, "it was created at 2026-11-29T04:00"),
    ],
)
def test_an_id_with_another_resource_is_untouched(
    server: Server, ledger: CreationLedger, fields: dict[str, str], reason: str
) -> None:
    """Servers reuse ids, and people rename."""
    dataset(ledger)
    server.hold("/v1/datasets", "d1", **fields)
    [(fate, identity, why)] = sweep(server, ledger)
    assert (fate, identity) == ("untouched", "d1")
    assert why.startswith(reason)
    assert server.changes == []
    assert len(open_entries(ledger.path)) == 1, "it is still said next time"


def test_a_name_that_somebody_reuses_is_untouched(server: Server, ledger: CreationLedger) -> None:
    """Of two resources with the name nobody knows which one the run has created."""
    dataset(ledger, identity="")
    server.hold("/v1/datasets", "d1", name=NAME)
    server.hold("/v1/datasets", "d2", name=NAME)
    assert sweep(server, ledger) == [("untouched", "", "2 resources have its name: d1, d2")]
    assert server.changes == []


def test_an_old_resource_with_the_name_is_untouched(server: Server, ledger: CreationLedger) -> None:
    dataset(ledger, identity="")
    server.hold("/v1/datasets", "d1", name=NAME, created_at="2026-11-01T00:00:00Z")
    assert [one[0] for one in sweep(server, ledger)] == ["untouched"]
    assert server.changes == []


def test_a_name_that_is_not_unique_finds_nothing(server: Server, ledger: CreationLedger) -> None:
    """The fuzzer sends names such as `a`, which others have as well."""
    dataset(ledger, identity="", name="a")
    server.hold("/v1/datasets", "d1", name="a")
    assert sweep(server, ledger) == [
        ("untouched", "", "no response had its id, and its name is not unique; created then: d1")
    ]
    assert server.changes == []


def test_an_invalid_request_without_a_response_has_created_nothing(
    server: Server, ledger: CreationLedger
) -> None:
    """Nothing new is listed from the time of the request, so there is nothing to look for."""
    ledger.begin("POST /v1/embed-jobs", "/v1/embed-jobs")
    server.hold("/v1/embed-jobs", "theirs", created_at=shown(NOW - timedelta(seconds=6)))
    assert sweep(server, ledger) == [("gone", "", "nothing was created at that time")]
    assert server.changes == []


def test_other_targets_are_not_swept(server: Server, tmp_path: Path) -> None:
    """An id of another server says nothing about this one."""
    ledger = CreationLedger(tmp_path / "ledger.jsonl", "http://127.0.0.1:10", now=lambda: NOW)
    dataset(ledger)
    server.hold("/v1/datasets", "d1", name=NAME)
    assert sweep(server, ledger) == []
    assert server.changes == []


def test_a_job_is_cancelled_and_its_result_deleted(server: Server, ledger: CreationLedger) -> None:
    """No operation deletes an embed job; it has no name, so its dataset proves whose it is."""
    dataset(ledger)
    entry = ledger.begin("POST /v1/embed-jobs", "/v1/embed-jobs", source="d1")
    ledger.note(entry, LedgerState.CREATED, identity="j1")
    server.hold("/v1/datasets", "d1", name=NAME)
    server.hold(
        "/v1/datasets", "r1", name=f"embeddings-of-{NAME}", created_at=shown(NOW + timedelta(seconds=1))
    )
    server.hold("/v1/embed-jobs", "j1", status="processing", input_dataset_id="d1", output_dataset_id="r1")
    assert [one[:2] for one in sweep(server, ledger)] == [("ended", "j1"), ("removed", "d1")]
    assert server.changes == [
        "POST /v1/embed-jobs/j1/cancel",
        "DELETE /v1/datasets/r1",
        "DELETE /v1/datasets/d1",
    ]
    assert open_entries(ledger.path) == []


def test_a_result_that_is_older_than_its_job_is_untouched(server: Server, ledger: CreationLedger) -> None:
    """A faulty server may name somebody else's dataset as the result."""
    entry = ledger.begin("POST /v2/batches", "/v2/batches", name="conformance-1a2b3c", source="d1")
    ledger.note(entry, LedgerState.CREATED, identity="b1")
    server.hold("/v1/datasets", "theirs", name="customers", created_at="2026-11-01T00:00:00Z")
    server.hold(
        "/v2/batches", "b1", name="conformance-1a2b3c", status="BATCH_STATUS_COMPLETED",
        input_dataset_id="d1", output_dataset_id="theirs",
    )  # fmt: skip
    [(fate, _, reason)] = sweep(server, ledger)
    assert fate == "failed"
    assert "theirs is left: it is not shown to be newer" in reason
    assert server.changes == []


def test_a_noted_result_is_removed_only_while_its_job_names_it(
    server: Server, ledger: CreationLedger
) -> None:
    batch = ledger.begin("POST /v2/batches", "/v2/batches", name="conformance-1a2b3c", source="d1")
    ledger.note(batch, LedgerState.CREATED, identity="b1")
    for result in ("r1", "r2"):
        ledger.begin("GET /v2/batches/{id}", "/v1/datasets", made_by=batch, identity=result)
        server.hold("/v1/datasets", result, name="results")
    ledger.note(batch, LedgerState.ENDED)
    server.hold(
        "/v2/batches", "b1", name="conformance-1a2b3c", status="BATCH_STATUS_COMPLETED",
        input_dataset_id="d1", output_dataset_id="r1",
    )  # fmt: skip
    assert [one[:2] for one in sweep(server, ledger)] == [("untouched", "r2"), ("removed", "r1")]
    assert server.changes == ["DELETE /v1/datasets/r1"]


def test_a_dry_run_changes_nothing(server: Server, ledger: CreationLedger) -> None:
    dataset(ledger)
    server.hold("/v1/datasets", "d1", name=NAME)
    assert sweep(server, ledger, removing=False) == [("would remove", "d1", "")]
    assert server.changes == []
    assert len(open_entries(ledger.path)) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_the_sweep(server: Server, ledger: CreationLedger, status: int) -> None:
    """A 401 says nothing about what is left."""
    dataset(ledger)
    server.status = status
    with pytest.raises(TargetError, match="expected the key of the runs to be accepted"):
        sweep(server, ledger)
    assert len(open_entries(ledger.path)) == 1


def test_a_resource_that_cannot_be_read_stays_open(server: Server, ledger: CreationLedger) -> None:
    dataset(ledger)
    server.status = 500
    assert sweep(server, ledger) == [("failed", "d1", "GET /v1/datasets/{id}: status 500")]
    assert len(open_entries(ledger.path)) == 1


def test_the_gate_lets_nothing_through_that_was_not_approved() -> None:
    """One approval is for one request."""
    gate, delete = SweepGate(), Outgoing("DELETE", "/v1/datasets/d1")
    with Sender(URL, gate=gate, transport=httpx.MockTransport(lambda _: httpx.Response(200))) as sender:
        with pytest.raises(RuntimeError, match="DELETE /v1/datasets/d1"):
            sender.send(delete)
        sender.send(gate.approve(delete))
        with pytest.raises(RuntimeError, match="DELETE /v1/datasets/d1"):
            sender.send(delete)
