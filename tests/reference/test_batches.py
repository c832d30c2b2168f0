"""Batches: rows answered in the background, lists in pages, and every fault seen once."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import fastavro
import httpx
import pytest
from bench import Bench, lines, state

from cohere_conformance.reference import catalogue
from cohere_conformance.reference.keys import TRIAL
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHAT = "command-a-03-2025"
EMBED = "embed-v4.0"


def user_message(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": text}]}]


TOOL = {"type": "function", "function": {"name": "f", "parameters": '{"type": "object", "properties": {}}'}}
ROWS = [
    {"custom_id": "a", "body": {"messages": user_message("What is a plum?"), "max_tokens": 20}},
    {"custom_id": "b", "body": {"messages": user_message("And a pear?"), "tools": [TOOL], "seed": 1}},
    {"custom_id": "c", "body": {"messages": [{"role": "user", "content": "plain text"}]}},
    {"custom_id": "d", "body": {"messages": user_message("x"), "stream": True}},
]


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    memory = state()
    with ServerThread(memory) as running:
        yield Bench(memory, running.url)


@pytest.fixture
def bench(server: Bench) -> Iterator[Bench]:
    yield server
    server.state.faults = frozenset()


def make(bench: Bench, rows: Any = None, kind: str = "batch-chat-v2-input", model: str = CHAT) -> Any:
    dataset = bench.dataset(lines(rows or ROWS), kind, keep_fields="custom_id")
    return bench.post("/v2/batches", {"name": "many", "model": model, "input_dataset_id": dataset})["batch"]


def shown(bench: Bench, made: Any) -> Any:
    return bench.get(f"/v2/batches/{made['id']}")["batch"]


def cancel(bench: Bench, made: Any, status: int = 200) -> Any:
    return bench.post(f"/v2/batches/{made['id']}:cancel", status=status)


def done(bench: Bench, *given: Any) -> Any:
    made = make(bench, *given)
    bench.wait(3)
    return shown(bench, made)


def results(bench: Bench, batch: Any) -> list[Any]:
    (part,) = bench.get(f"/v1/datasets/{batch['output_dataset_id']}")["dataset"]["dataset_parts"]
    return list(fastavro.reader(io.BytesIO(httpx.get(part["url"], trust_env=False).content)))


def test_a_batch_goes_from_queued_to_completed(bench: Bench) -> None:
    dataset = bench.dataset(lines(ROWS), "batch-chat-v2-input", keep_fields="custom_id")
    body = {"name": "many", "model": CHAT, "input_dataset_id": dataset}
    made = bench.post("/v2/batches", body)["batch"]
    assert {name: made[name] for name in body} == body
    seen = []
    for _ in range(5):
        seen.append(shown(bench, made))
        assert seen[-1] == bench.get("/v2/batches")["batches"][0]
        assert seen[-1]["created_at"] <= seen[-1]["updated_at"]
        bench.wait(1)
    assert seen[0] == made
    assert [one["status"].removeprefix("BATCH_STATUS_") for one in seen] == [
        "QUEUED",
        "IN_PROGRESS",
        "IN_PROGRESS",
        "COMPLETED",
        "COMPLETED",
    ]
    counts = [(one["num_successful_records"], one["num_failed_records"]) for one in seen]
    assert counts == [(0, 0), (0, 0), (2, 0), (2, 2), (2, 2)]
    assert [one["output_dataset_id"] for one in seen[:3]] == [""] * 3
    tokens = [int(one["input_tokens"]) for one in seen]
    assert tokens == sorted(tokens)
    found = {row["custom_id"]: row for row in results(bench, seen[-1])}
    assert {name: bool(row["error"]) for name, row in found.items()} == dict.fromkeys(
        "ab", False
    ) | dict.fromkeys("cd", True)
    assert "list of blocks" in found["c"]["error"]
    assert found["d"]["body"] is None
    answers = [row["body"]["usage"]["billed_units"] for row in found.values() if row["body"]]
    assert int(seen[-1]["input_tokens"]) == sum(one["input_tokens"] for one in answers)
    assert int(seen[-1]["output_tokens"]) == sum(one["output_tokens"] for one in answers)


@pytest.mark.parametrize(
    ("kind", "model", "body", "wrong", "key"),
    [
        (
            "batch-embed-v2-input",
            EMBED,
            {"texts": ["a"], "input_type": "clustering"},
            {"texts": ["a"], "input_type": "clustering", "output_dimension": 256},
            "embeddings",
        ),
        ("batch-chat-input", CHAT, {"message": "Hello"}, {"message": 1}, "text"),
        (
            "batch-openai-chat-input",
            CHAT,
            {"messages": [{"role": "user", "content": "Hello"}]},
            {"messages": [{"role": "user", "content": "Hello"}], "n": 2},
            "choices",
        ),
        (
            "batch-chat-v2-input",
            "command-a-reasoning-08-2025",
            {"messages": user_message("Hello"), "reasoning": True, "thinking_budget": 100},
            {
                "messages": user_message("Hello"),
                "tools": [{"type": "function", "function": {"parameters": "{"}}],
            },
            "message",
        ),
    ],
)
def test_each_type_of_batch_has_its_own_results(
    bench: Bench, kind: str, model: str, body: Any, wrong: Any, key: str
) -> None:
    rows = [{"custom_id": "good", "body": body}, {"custom_id": "bad", "body": wrong}]
    batch = done(bench, rows, kind, model)
    good, bad = results(bench, batch)
    assert (good["custom_id"], good["error"], bad["custom_id"]) == ("good", "", "bad")
    assert key in good["body"]
    assert bad["error"]
    assert bad["body"] is None
    assert (batch["num_successful_records"], batch["num_failed_records"]) == (1, 1)
    assert int(batch["input_tokens"]) > 0


def test_cancelling_early_stops_and_cancelling_late_does_not(bench: Bench) -> None:
    early, late = make(bench), None
    assert cancel(bench, early) == {}
    assert shown(bench, early)["status"] == "BATCH_STATUS_CANCELING"
    bench.wait(1)
    stopped = shown(bench, early)
    assert (stopped["status"], stopped["output_dataset_id"]) == ("BATCH_STATUS_CANCELED", "")
    assert stopped["status_reason"]
    late = make(bench)
    bench.wait(2)
    cancel(bench, late)
    assert shown(bench, late)["status"] == "BATCH_STATUS_CANCELING"
    bench.wait(1)
    ended = shown(bench, late)
    assert (ended["status"], len(results(bench, ended))) == ("BATCH_STATUS_COMPLETED", 4)
    cancel(bench, late)
    assert shown(bench, late) == ended


def test_deleting_its_dataset_fails_a_batch(bench: Bench) -> None:
    made = make(bench)
    bench.wait(2)
    bench.send("DELETE", f"/v1/datasets/{made['input_dataset_id']}")
    bench.wait(1)
    failed = shown(bench, made)
    assert (failed["status"], failed["num_successful_records"]) == ("BATCH_STATUS_FAILED", 2)


def test_the_pages_have_every_batch_once(bench: Bench) -> None:
    for _ in range(3):
        make(bench)
    whole = bench.get("/v2/batches?page_size=5000")
    assert "next_page_token" not in whole
    for order in ("created_at", "updated_at"):
        path, found = f"/v2/batches?page_size=2&order_by={order}", []
        page = bench.get(path)
        while token := page.get("next_page_token"):
            found += page["batches"]
            make(bench)  # what is made meanwhile moves nothing
            page = bench.get(f"{path}&page_token={token}")
        found += page["batches"]
        assert sorted(one["id"] for one in found) == sorted(one["id"] for one in whole["batches"])
        moments = [one[order] for one in found]
        assert order == "updated_at" or moments == sorted(moments, reverse=True)
        whole = bench.get("/v2/batches?page_size=5000")


def test_invalid_requests_are_rejected(bench: Bench) -> None:
    dataset = bench.dataset(lines(ROWS), "batch-chat-v2-input")
    body = {"name": "many", "model": CHAT, "input_dataset_id": dataset}
    for change, status in (
        ({"input_dataset_id": "none"}, 404),
        ({"input_dataset_id": bench.dataset(lines([{"text": "a"}]))}, 400),
        ({"input_dataset_id": bench.upload(lines(ROWS), "batch-chat-v2-input")}, 400),
        ({"model": EMBED}, 400),
        ({"model": "none"}, 404),
        ({"other": 1}, 400),
    ):
        assert set(bench.post("/v2/batches", body | change, status)) == {"message"}
    assert "production key" in bench.send("POST", "/v2/batches", body, 403, key=TRIAL)["message"]
    assert set(bench.get("/v2/batches/none", 404)) == {"message"}
    cancel(bench, {"id": "none"}, 404)
    for query in ("page_size=-1", "order_by=name", "page_token=x", "page_token=ff.x"):
        bench.get(f"/v2/batches?{query}", 400)


def made_with(bench: Bench, **further: Any) -> Any:
    dataset = bench.dataset(lines(ROWS), "batch-chat-v2-input")
    body = {"name": "many", "model": CHAT, "input_dataset_id": dataset, **further}
    return bench.post("/v2/batches", body)["batch"]


def halfway(bench: Bench) -> Any:
    made = make(bench)
    bench.wait(2)
    return shown(bench, made)


def cancelled(bench: Bench, made: Any) -> str:
    cancel(bench, made)
    return str(shown(bench, made)["status"])


def pages(bench: Bench) -> list[list[str]]:
    for _ in range(4):
        make(bench)
    first = bench.get("/v2/batches?page_size=2")
    second = bench.get(f"/v2/batches?page_size=2&page_token={first['next_page_token']}")
    return [[one["id"] for one in page["batches"]] for page in (first, second)]


FAULTS: dict[str, Callable[[Bench], bool]] = {
    "batches.tokens-as-numbers": lambda b: done(b)["input_tokens"] > 0,
    "batches.counts-inconsistent": lambda b: make(b)["num_successful_records"] == 5,
    "batches.echo-differs": lambda b: make(b)["name"] == "MANY",
    "batches.get-differs": lambda b: shown(b, make(b))["model"] == f"{CHAT}-batch",
    "batches.status-lower-case": lambda b: make(b)["status"] == "queued",
    "batches.updated-before-created": lambda b: (one := make(b))["updated_at"] < one["created_at"],
    "batches.page-drops-item": lambda b: [len(page) for page in pages(b)] == [2, 1],
    "batches.page-repeats-item": lambda b: (both := pages(b))[0][-1] == both[1][0],
    "batches.page-size-ignored": lambda b: len(b.get("/v2/batches?page_size=1")["batches"]) > 1,
    "batches.page-size-refused": lambda b: bool(b.get("/v2/batches?page_size=5000", 400)),
    "batches.last-page-token": lambda b: b.get("/v2/batches?page_size=1000")["next_page_token"] == "",
    "batches.unsorted": lambda b: (
        (made := [one["created_at"] for one in b.get("/v2/batches")["batches"]]) != sorted(made, reverse=True)
    ),
    "batches.cancel-500": lambda b: bool(cancel(b, make(b), 500)),
    "batches.cancel-ignored": lambda b: cancelled(b, make(b)) == "BATCH_STATUS_QUEUED",
    "batches.cancel-changes-completed": lambda b: cancelled(b, done(b)) == "BATCH_STATUS_CANCELED",
    "batches.results-dropped": lambda b: len(results(b, done(b))) == 3,
    "batches.unwrapped": lambda b: "id" in b.get(f"/v2/batches/{b.get('/v2/batches')['batches'][0]['id']}"),
    "batches.id-missing": lambda b: "id" not in make(b),
    "batches.id-taken-over": lambda b: made_with(b, id="mine")["id"] == "mine",
    "batches.output-missing": lambda b: done(b)["output_dataset_id"] == "",
    "batches.begins-at-work": lambda b: make(b)["status"] == "BATCH_STATUS_IN_PROGRESS",
    "batches.status-goes-back": lambda b: halfway(b)["status"] == "BATCH_STATUS_QUEUED",
}


def test_every_fault_is_tested() -> None:
    assert set(FAULTS) == {name for name in catalogue() if name.startswith("batches.")}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_response(bench: Bench, name: str) -> None:
    bench.fault(name)
    assert FAULTS[name](bench)
