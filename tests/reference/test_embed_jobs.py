"""Embed jobs: from a dataset to its vectors, and every fault seen once."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import fastavro
import httpx
import pytest
from bench import Bench, lines, state

from cohere_conformance.reference import catalogue
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = [{"text": f"line {n}", "id": f"r{n}"} for n in range(3)]
MODEL = "embed-english-light-v3.0"


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    memory = state()
    with ServerThread(memory) as running:
        yield Bench(memory, running.url)


@pytest.fixture
def bench(server: Bench) -> Iterator[Bench]:
    yield server
    server.state.faults = frozenset()


def begin(bench: Bench, status: int = 200, **change: Any) -> Any:
    body = {"model": MODEL, "input_type": "search_document", **change}
    if "dataset_id" not in body:
        body["dataset_id"] = bench.dataset(lines(ROWS), keep_fields="id")
    return bench.post("/v1/embed-jobs", body, status)


def job(bench: Bench, identity: str) -> Any:
    return bench.get(f"/v1/embed-jobs/{identity}")


def finished(bench: Bench, **change: Any) -> Any:
    identity = begin(bench, **change)["job_id"]
    bench.wait(2)
    return job(bench, identity)


def rows(bench: Bench, complete: Any) -> list[Any]:
    found = bench.get(f"/v1/datasets/{complete['output_dataset_id']}")["dataset"]
    (part,) = found["dataset_parts"]
    assert found["dataset_type"] == "embed-result"
    return list(fastavro.reader(io.BytesIO(httpx.get(part["url"], trust_env=False).content)))


def test_a_job_completes_with_a_row_for_each_row(bench: Bench) -> None:
    dataset = bench.dataset(lines(ROWS), keep_fields="id")
    types = ["float", "int8", "ubinary"]
    made = begin(bench, dataset_id=dataset, name="job", embedding_types=types, truncate="START")
    at_work = job(bench, made["job_id"])
    assert (at_work["status"], "output_dataset_id" in at_work) == ("processing", False)
    assert len(bench.get("/v1/datasets?datasetType=embed-result")["datasets"]) == 0
    bench.wait(2)
    read = job(bench, made["job_id"])
    echo = {name: read[name] for name in ("input_dataset_id", "model", "truncate", "name", "status")}
    assert echo == {
        "input_dataset_id": dataset,
        "model": MODEL,
        "truncate": "START",
        "name": "job",
        "status": "complete",
    }
    found = rows(bench, read)
    assert [{"text": row["text"], "id": row["id"]} for row in found] == ROWS
    for row in found:
        assert {kind for kind, vector in row["embeddings"].items() if vector is not None} == set(types)
        assert abs(math.hypot(*row["embeddings"]["float"]) - 1) < 1e-2
    body = {"model": MODEL, "texts": ["line 0"], "input_type": "search_document", "embedding_types": types}
    for kind, vector in bench.post("/v1/embed", body)["embeddings"].items():
        assert found[0]["embeddings"][kind] == vector[0]
    assert read in bench.get("/v1/embed-jobs")["embed_jobs"]


def test_cancelling_is_a_step_of_its_own(bench: Bench) -> None:
    made = begin(bench)["job_id"]
    assert bench.post(f"/v1/embed-jobs/{made}/cancel") == {}
    seen = [job(bench, made)]
    bench.wait(1)
    bench.post(f"/v1/embed-jobs/{made}/cancel")
    seen.append(job(bench, made))
    assert [one["status"] for one in seen] == ["cancelling", "cancelled"]
    assert "output_dataset_id" not in seen[1]
    done = finished(bench)
    bench.post(f"/v1/embed-jobs/{done['job_id']}/cancel")
    assert job(bench, done["job_id"]) == done


def test_deleting_its_dataset_fails_a_job(bench: Bench) -> None:
    dataset = bench.dataset(lines(ROWS))
    made = begin(bench, dataset_id=dataset)["job_id"]
    bench.send("DELETE", f"/v1/datasets/{dataset}")
    assert job(bench, made)["status"] == "failed"
    bench.wait(2)
    assert job(bench, made)["status"] == "failed"


def test_an_old_model_is_deprecated_and_has_no_quantised_vectors(bench: Bench) -> None:
    assert "deprecated" in begin(bench, model="embed-english-v2.0")["meta"]["warnings"][0]
    begin(bench, 400, model="embed-english-v2.0", embedding_types=["int8"])


def test_invalid_requests_are_rejected(bench: Bench) -> None:
    assert "dataset with id none not found" in begin(bench, 404, dataset_id="none")["message"]
    message = bench.get("/v1/embed-jobs/none", 404)["message"]
    assert "could not find embed job with the ID" in message
    assert bench.post("/v1/embed-jobs/none/cancel", status=404)["message"] == message
    unnamed = bench.post("/v1/embed-jobs", {"dataset_id": "a", "input_type": "image"}, 400)
    assert "model parameter is required" in unnamed["message"]
    begin(bench, 400, model="command-a-03-2025")
    begin(bench, 400, dataset_id=bench.upload(lines(ROWS)))
    begin(bench, 400, dataset_id=bench.dataset(lines([{"body": {}}]), "batch-chat-v2-input"))


def cancelled(bench: Bench) -> str:
    made = begin(bench)["job_id"]
    bench.post(f"/v1/embed-jobs/{made}/cancel")
    return str(job(bench, made)["status"])


def undone(bench: Bench) -> str:
    made = finished(bench)["job_id"]
    bench.post(f"/v1/embed-jobs/{made}/cancel")
    return str(job(bench, made)["status"])


FAULTS: dict[str, Callable[[Bench], bool]] = {
    "embed-jobs.output-before-complete": lambda b: "output_dataset_id" in job(b, begin(b)["job_id"]),
    "embed-jobs.output-missing": lambda b: "output_dataset_id" not in finished(b),
    "embed-jobs.rows-dropped": lambda b: len(rows(b, finished(b))) == 2,
    "embed-jobs.rows-reversed": lambda b: rows(b, finished(b))[0]["text"] == "line 2",
    "embed-jobs.unlisted": lambda b: begin(b)["job_id"] not in str(b.get("/v1/embed-jobs")),
    "embed-jobs.cancel-ignored": lambda b: cancelled(b) == "processing",
    "embed-jobs.status-unknown-value": lambda b: job(b, begin(b)["job_id"])["status"] == "in_progress",
    "embed-jobs.truncate-differs": lambda b: job(b, begin(b)["job_id"])["truncate"] == "START",
    "embed-jobs.created-at-number": lambda b: isinstance(job(b, begin(b)["job_id"])["created_at"], float),
    "embed-jobs.id-differs": lambda b: (made := begin(b)["job_id"]) != job(b, made)["job_id"],
    "embed-jobs.listed-differs": lambda b: (
        finished(b)["created_at"] > b.get("/v1/embed-jobs")["embed_jobs"][0]["created_at"]
    ),
    "embed-jobs.status-backwards": lambda b: job(b, finished(b)["job_id"])["status"] == "processing",
    "embed-jobs.cancel-undoes": lambda b: undone(b) == "cancelling",
    "embed-jobs.columns-dropped": lambda b: [*rows(b, finished(b))[0]] == ["text", "embeddings"],
    "embed-jobs.invalid-dataset-accepted": lambda b: begin(b, dataset_id=b.dataset(b"{")) is not None,
    "embed-jobs.unknown-dataset-400": lambda b: "not found" in begin(b, 400, dataset_id="none")["message"],
}


def test_every_fault_is_tested() -> None:
    assert set(FAULTS) == {name for name in catalogue() if name.startswith("embed-jobs.")}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_response(bench: Bench, name: str) -> None:
    bench.fault(name)
    assert FAULTS[name](bench)
