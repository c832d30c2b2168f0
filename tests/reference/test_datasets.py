"""Datasets: uploads over time, what is read out of them, and every fault seen once."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import cohere
import fastavro
import httpx
import pytest
from bench import Bench, lines, state

from cohere_conformance.reference import Clock, Profile, ServerState, catalogue
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from reference import checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

ROWS = [{"text": f"line {n}", "n": n, "tag": ["a", None], "deep": {"x": 0.5}} for n in range(3)]
BROKEN = lines([{"text": "good"}, {"text": ""}, {"texts": "no"}]) + b"\nnot json"
CHATS = [
    {"messages": [{"role": role, "content": f"{role} says {n}"} for role in ("System", "User", "Chatbot")]}
    for n in range(2)
]
QUERIES = [{"query": f"q {n}", "relevant_passages": ["yes"], "hard_negatives": ["no"]} for n in range(256)]
LABELLED = [{"text": f"t {n}", "label": "ab"[n % 2]} for n in range(40)]
MANY = [{"text": f"t {n}", "label": ["c", "ab"[n % 2]]} for n in range(40)]
FINAL = {"validated", "failed", "skipped"}


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    memory = state()
    with ServerThread(memory) as running:
        yield Bench(memory, running.url)


@pytest.fixture
def bench(server: Bench) -> Iterator[Bench]:
    yield server
    server.state.faults = frozenset()


def shown(bench: Bench, identity: str) -> Any:
    return bench.get(f"/v1/datasets/{identity}")["dataset"]


def outcome(
    bench: Bench, content: bytes, kind: str = "embed-input", name: str = "rows.jsonl", **query: str
) -> Any:
    identity = bench.upload(content, kind, name, **query)
    bench.wait(2)
    return shown(bench, identity)


def stored(part: dict[str, Any]) -> list[Any]:
    return list(fastavro.reader(io.BytesIO(httpx.get(part["url"], trust_env=False).content)))


def test_an_upload_is_validated_step_by_step(bench: Bench) -> None:
    identity = bench.upload(lines(ROWS), keep_fields="n", name="rows.jsonl")
    seen = []
    for _ in range(4):
        seen.append(shown(bench, identity))
        bench.wait(1)
    assert [one["validation_status"] for one in seen] == ["queued", "processing", "validated", "validated"]
    assert [one["updated_at"] >= one["created_at"] for one in seen] == [True] * 4
    assert "dataset_parts" not in seen[1]
    assert (seen[2]["name"], seen[2]["dataset_type"]) == ("a set", "embed-input")
    assert identity.startswith("a-set-")


def test_parts_have_the_preserved_columns(bench: Bench) -> None:
    content = lines([*ROWS, {"text": "last", "n": 9}])
    found = outcome(bench, content, keep_fields="n", optional_fields="deep", keep_original_file="true")
    (part,) = found["dataset_parts"]
    assert (part["num_rows"], part["index"], part["name"]) == (4, 0, "rows.jsonl")
    assert stored(part)[2] == {"text": "line 2", "n": 2, "deep": {"x": 0.5}}
    assert stored(part)[3] == {"text": "last", "n": 9, "deep": None}
    assert [field["name"] for field in json.loads(found["schema"])["fields"]] == ["text", "n", "deep"]
    assert httpx.get(part["original_url"], trust_env=False).content == content
    assert (found["required_fields"], found["preserve_fields"]) == (["text"], ["n", "deep"])


@pytest.mark.parametrize(
    ("content", "kind", "name", "query", "status", "message"),
    [
        (BROKEN, "embed-input", "a.jsonl", {}, "failed", "line 2"),
        (BROKEN, "embed-input", "a.jsonl", {"skip_malformed_input": "true"}, "validated", "line 4 was"),
        (lines([{"x": 1}]), "embed-input", "a", {"skip_malformed_input": "true"}, "skipped", "line 1"),
        (lines(ROWS), "embed-input", "a.jsonl", {"keep_fields": "gone"}, "failed", "gone"),
        (b"text;b\nx;1\ny;2\n", "embed-input", "a.csv", {"csv_delimiter": ";"}, "validated", ""),
        (b"text,b\nx,1,2\n", "embed-input", "a.csv", {}, "failed", "3 columns"),
        (b"words\nx\n", "embed-input", "a.csv", {}, "failed", "text"),
        (b"text\n" + b"x" * 200_000, "embed-input", "a.csv", {}, "failed", "no CSV"),
        (b"one--two", "embed-input", "a.txt", {"text_separator": "--"}, "validated", ""),
        (b"query\nx\n", "reranker-finetune-input", "a.csv", {}, "failed", "expected jsonl"),
        (lines(CHATS), "chat-finetune-input", "a.jsonl", {}, "validated", ""),
        (lines(CHATS[:1]), "chat-finetune-input", "a.jsonl", {}, "failed", "at least 2"),
        (lines([{"messages": [{"role": "Cook"}]}]), "chat-finetune-input", "a.jsonl", {}, "failed", "role"),
        (lines(QUERIES), "reranker-finetune-input", "a.jsonl", {}, "validated", ""),
        (lines(QUERIES[:5]), "reranker-finetune-input", "a.jsonl", {}, "failed", "at least 256"),
        (lines(LABELLED), "single-label-classification-finetune-input", "a.jsonl", {}, "validated", ""),
        (lines(LABELLED[:9]), "single-label-classification-finetune-input", "a.jsonl", {}, "failed", "40"),
        (lines(MANY), "multi-label-classification-finetune-input", "a.jsonl", {}, "validated", ""),
        (lines([{"body": "x"}]), "batch-chat-v2-input", "a.jsonl", {}, "failed", "body"),
    ],
)  # fmt: skip
def test_uploads_are_validated(
    bench: Bench, content: bytes, kind: str, name: str, query: dict[str, str], status: str, message: str
) -> None:
    found = outcome(bench, content, kind, name, **query)
    assert found["validation_status"] == status
    assert ("validation_error" in found) == (status == "failed")
    assert message in found.get("validation_error", "") + "".join(found.get("validation_warnings", ()))
    assert ("metrics" in found) == (status == "validated" and "finetune" in kind)


def test_metrics_count_both_files(bench: Bench) -> None:
    files = {"data": ("a.jsonl", lines(CHATS)), "eval_data": ("b.jsonl", lines(CHATS[:1]))}
    made = bench.send("POST", "/v1/datasets?name=c&type=chat-finetune-input", files=files)
    bench.wait(2)
    found = shown(bench, made["id"])
    counts = found["metrics"]["finetune_dataset_metrics"]
    assert (counts["total_examples"], counts["eval_examples"]) == (3, 1)
    assert counts["chat_data_metrics"] == {
        "num_train_turns": 6,
        "num_eval_turns": 3,
        "preamble": "System says 0",
    }
    assert [part["num_rows"] for part in found["dataset_parts"]] == [2, 1]


@pytest.mark.parametrize(
    ("query", "files", "message"),
    [
        (
            "name=a&type=embed-result",
            {"data": ("a.csv", b"text\nx")},
            "output dataset types are not supported",
        ),
        ("name=a&type=embed-input", {"other": ("a.csv", b"text\nx")}, "no part 'data'"),
        ("name=a&type=embed-input", {"data": ("a.csv", b" ")}, "is empty"),
        ("name=a&type=embed-input", {"file": ("a.csv", b"text\n\xff")}, "UTF-8"),
        ("type=embed-input", {"data": ("a.csv", b"text\nx")}, "name is required"),
        (f"name={'a' * 50}&type=embed-input", {"data": ("a.csv", b"text\nx")}, "under 50"),
        ("name=a&type=embed-input&csv_delimiter=ab", {"data": ("a.csv", b"text\nx")}, "csv_delimiter"),
    ],
)
def test_invalid_requests_are_rejected(bench: Bench, query: str, files: Any, message: str) -> None:
    assert message in bench.send("POST", f"/v1/datasets?{query}", status=400, files=files)["message"]


def test_an_unknown_type_is_refused(bench: Bench) -> None:
    """A value of a query that is not listed is a 422, as everywhere."""
    path, files = "/v1/datasets?name=a&type=none", {"data": ("a.csv", b"text\nx")}
    assert "type" in bench.send("POST", path, status=422, files=files)["message"]


def test_the_list_is_filtered_and_cut(bench: Bench) -> None:
    first = bench.dataset(lines(ROWS))
    second, third = bench.upload(BROKEN), bench.upload(lines(CHATS), "chat-finetune-input")
    ids = [one["id"] for one in bench.get("/v1/datasets")["datasets"]]
    assert ids[:3] == [third, second, first]
    pages = [bench.get(f"/v1/datasets?limit=2&offset={n}")["datasets"] for n in (0, 2)]
    assert [one["id"] for page in pages for one in page] == ids[:4]
    for name, value in (("datasetType", "embed-input"), ("validationStatus", "queued")):
        found = bench.get(f"/v1/datasets?{name}={value}")["datasets"]
        location = "dataset_type" if name == "datasetType" else "validation_status"
        assert {one[location] for one in found} == {value}
    at = shown(bench, second)["created_at"]
    assert second not in [one["id"] for one in bench.get(f"/v1/datasets?before={at}")["datasets"]]
    assert [one["id"] for one in bench.get(f"/v1/datasets?after={at}")["datasets"]] == [third]
    assert bench.get("/v1/datasets?limit=-1", 400)


def test_deleted_and_expired_datasets_are_a_404(bench: Bench) -> None:
    before = bench.get("/v1/datasets/usage")["organization_usage"]
    kept, gone = bench.dataset(lines(ROWS)), bench.dataset(lines(ROWS))
    assert bench.get("/v1/datasets/usage")["organization_usage"] > before
    assert bench.send("DELETE", f"/v1/datasets/{gone}") == {}
    message = f"dataset with the id '{gone}' not found"
    assert bench.send("DELETE", f"/v1/datasets/{gone}", status=404)["message"] == message
    assert bench.get(f"/v1/datasets/{gone}", 404)["message"] == message
    assert bench.get("/v1/datasets?limit=1")["datasets"][0]["id"] == kept
    bench.state.clock.advance(30 * 86_400)
    assert bench.get("/v1/datasets") == {"datasets": []}
    assert bench.get("/v1/datasets/usage") == {"organization_usage": 0}


def test_the_live_service_counts_in_texts_and_reads_no_text_files() -> None:
    memory = state(Profile.LIVE_2026)
    with ServerThread(memory) as running:
        bench = Bench(memory, running.url)
        failed = bench.upload(b"a\nb", name="a.txt")
        bench.wait(2)
        assert shown(bench, failed)["validation_status"] == "failed"
        assert bench.get("/v1/datasets/usage") == {"organization_usage": "3"}


def test_the_sdk_saves_a_dataset(bench: Bench, tmp_path: Path) -> None:
    content = ("a.csv", b"text,b\nx,1\n")
    with httpx.Client(trust_env=False) as http:
        client = cohere.Client(PRODUCTION, base_url=bench.url, httpx_client=http)
        made = client.datasets.create(name="rows", type="embed-input", data=content, keep_fields=["b"])
        bench.wait(2)
        dataset = client.wait(made, interval=0.01).dataset
    client.utils.save_dataset(dataset, str(tmp_path / "rows.jsonl"), "jsonl")
    assert json.loads((tmp_path / "rows.jsonl").read_text()) == {"text": "x", "b": "1"}


def upload(bench: Bench) -> Any:
    return outcome(bench, lines(ROWS))


def twice_deleted(bench: Bench) -> str:
    identity = bench.dataset(lines(ROWS))
    bench.send("DELETE", f"/v1/datasets/{identity}")
    return identity


def validated(bench: Bench, path: str = "/v1/datasets") -> list[Any]:
    return list(bench.get(path)["datasets"])


FAULTS: dict[str, Callable[[Bench], bool]] = {
    "datasets.output-type-accepted": lambda b: shown(b, b.upload(lines(ROWS), "cluster-result")) is not None,
    "datasets.malformed-accepted": lambda b: outcome(b, BROKEN)["validation_status"] == "validated",
    "datasets.rows-miscounted": lambda b: upload(b)["dataset_parts"][0]["num_rows"] == 4,
    "datasets.status-backwards": lambda b: shown(b, upload(b)["id"])["validation_status"] == "processing",
    "datasets.error-missing": lambda b: "validation_error" not in outcome(b, BROKEN),
    "datasets.name-differs": lambda b: upload(b)["name"] == "A SET",
    "datasets.updated-before-created": lambda b: (one := upload(b))["updated_at"] < one["created_at"],
    "datasets.status-capital": lambda b: upload(b)["validation_status"] == "VALIDATED",
    "datasets.unwrapped": lambda b: "id" in b.get(f"/v1/datasets/{b.upload(lines(ROWS))}"),
    "datasets.list-omits-new": lambda b: b.upload(lines(ROWS)) not in str(validated(b)),
    "datasets.filter-ignored": lambda b: bool(
        b.upload(lines(ROWS)) and validated(b, "/v1/datasets?datasetType=embed-result")
    ),
    "datasets.offset-ignored": lambda b: b.upload(lines(ROWS)) in str(validated(b, "/v1/datasets?offset=1")),
    "datasets.limit-ignored": lambda b: bool(b.upload(lines(ROWS)) and validated(b, "/v1/datasets?limit=0")),
    "datasets.delete-keeps": lambda b: bool(shown(b, twice_deleted(b))),
    "datasets.delete-listed": lambda b: twice_deleted(b) in str(validated(b)),
    "datasets.second-delete-200": lambda b: b.send("DELETE", f"/v1/datasets/{twice_deleted(b)}") == {},
    "datasets.usage-constant": lambda b: b.get("/v1/datasets/usage") == {"organization_usage": 4096},
    "datasets.unknown-200": lambda b: b.get("/v1/datasets/none") == {"dataset": {}},
    "datasets.unknown-delete-200": lambda b: b.send("DELETE", "/v1/datasets/none") == {},
    "datasets.error-when-valid": lambda b: upload(b)["validation_error"] == "none",
    "datasets.id-differs": lambda b: upload(b)["id"].startswith("A-SET-"),
    "datasets.listed-twice": lambda b: (
        (made := b.upload(lines(ROWS))) and [one["id"] for one in validated(b)[:2]] == [made, made]
    ),
    "datasets.listed-differs": lambda b: upload(b)["id"] == validated(b)[0]["name"],
    "datasets.id-repeated": lambda b: b.upload(lines(ROWS)) == b.upload(lines(ROWS)) == "a set",
    "datasets.long-name-accepted": lambda b: b.send(
        "POST", f"/v1/datasets?name={'a' * 50}&type=embed-input", files={"data": ("a.csv", b"text\nx")}
    )["id"].startswith("aaa"),
    "datasets.long-delimiter-accepted": lambda b: (
        outcome(b, b"text;b\nx;1\n", name="a.csv", csv_delimiter=";;")["validation_status"] == "validated"
    ),
    "datasets.keep-fields-ignored": lambda b: '"n"' not in outcome(b, lines(ROWS), keep_fields="n")["schema"],
    "datasets.schema-no-json": lambda b: upload(b)["schema"].startswith("{'"),
    "datasets.part-url-relative": lambda b: upload(b)["dataset_parts"][0]["url"].startswith("/storage/"),
}


def test_every_fault_is_tested() -> None:
    assert set(FAULTS) == {name for name in catalogue() if name.startswith("datasets.")}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_response(bench: Bench, name: str) -> None:
    bench.fault(name)
    assert FAULTS[name](bench)


class Hurried(Clock):
    """A clock that has gone on whenever somebody looks at it."""

    def now(self) -> datetime:
        self.advance(0.15)
        return super().now()


def test_one_response_has_one_time() -> None:
    """A filtered list shows no dataset that has left the filter while the list was made."""
    memory = ServerState(step=1)
    memory.clock = Hurried()
    seen = set()
    with checked_server(memory) as server:
        for _ in range(5):
            server.ask("POST /v1/datasets?name=a&type=embed-input", files={"data": ("a.csv", b"text\nx")})
            for status in ("queued", "processing"):
                path = f"GET /v1/datasets?validationStatus={status}"
                listed = server.ask(path).json()["datasets"]
                assert {one["validation_status"] for one in listed} <= {status}
                seen |= {status} if listed else set()
    assert seen
