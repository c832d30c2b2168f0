"""Fine-tuning: a training over time, its lists, and every fault seen once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bench import Bench, lines, state

from cohere_conformance.reference import Profile, catalogue
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHATS = lines(
    {"messages": [{"role": role, "content": f"{role} says {n}"} for role in ("User", "Chatbot")]}
    for n in range(40)
)
LABELLED = lines({"text": f"t {n}", "label": "ab"[n % 2]} for n in range(40))
LABEL_KIND = "single-label-classification-finetune-input"
PATH = "/v1/finetuning/finetuned-models"
PAUSED = {"status": "STATUS_PAUSED"}
NONE = "5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c11"


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    memory = state()
    with ServerThread(memory) as running:
        yield Bench(memory, running.url)


@pytest.fixture
def bench(server: Bench) -> Iterator[Bench]:
    yield server
    server.state.faults = frozenset()


def settings(bench: Bench, base: str = "BASE_TYPE_CHAT", **change: Any) -> dict[str, Any]:
    given = {"base_model": {"base_type": base}, **change}
    if "dataset_id" not in given:
        given["dataset_id"] = bench.dataset(CHATS, "chat-finetune-input")
    return given


def make(bench: Bench, **change: Any) -> Any:
    body = {"name": "mine", "settings": settings(bench, hyperparameters={"train_batch_size": 2})} | change
    return bench.post(PATH, body)["finetuned_model"]


def shown(bench: Bench, identity: str) -> Any:
    return bench.get(f"{PATH}/{identity}")["finetuned_model"]


def events(bench: Bench, identity: str, query: str = "") -> Any:
    return bench.get(f"{PATH}/{identity}/events{query}")


def metrics(bench: Bench, identity: str, query: str = "") -> Any:
    return bench.get(f"{PATH}/{identity}/training-step-metrics{query}")


def ready(bench: Bench) -> str:
    made = make(bench)
    bench.wait(4)
    return str(made["id"])


def patch(bench: Bench, identity: str, **change: Any) -> Any:
    bench.wait(1)
    body = {"name": "other", "settings": shown(bench, identity)["settings"], **change}
    return bench.send("PATCH", f"{PATH}/{identity}", body)


def test_a_training_goes_from_queued_to_ready(bench: Bench) -> None:
    wandb = {"project": "p", "api_key": "hush-hush", "entity": "e"}
    parameters = {"train_epochs": 2, "train_batch_size": 8, "lora_target_modules": "LORA_TARGET_MODULES_QV"}
    given = settings(bench, hyperparameters=parameters, wandb=wandb)
    made = make(bench, settings=given)
    assert "hush-hush" not in str(made)
    assert made["settings"]["hyperparameters"] == {"learning_rate": 0.01, **parameters}
    seen, identity = [], made["id"]
    for _ in range(5):
        model, history = shown(bench, identity), events(bench, identity)
        assert history["events"][0]["status"] == model["status"]
        assert history["total_size"] == len(history["events"])
        assert model["updated_at"] >= model["created_at"]
        seen.append(model["status"].removeprefix("STATUS_"))
        bench.wait(1)
    assert seen == ["QUEUED", "FINETUNING", "FINETUNING", "DEPLOYING_API", "READY"]
    assert "completed_at" in shown(bench, identity)
    assert [one["status"] for one in events(bench, identity, "?order_by=created_at")["events"]] == [
        f"STATUS_{status}" for status in dict.fromkeys(seen)
    ]
    steps = [one["step_number"] for one in metrics(bench, identity)["step_metrics"]]
    assert steps == list(range(10, 0, -1))


def test_a_classifier_is_trained_with_labels(bench: Bench) -> None:
    dataset = bench.dataset(LABELLED, LABEL_KIND)
    made = make(bench, settings=settings(bench, "BASE_TYPE_CLASSIFICATION", dataset_id=dataset))
    assert made["settings"]["multi_label"] is False
    assert made["settings"]["base_model"]["name"] == "embed-english-v3.0"


def test_deleting_its_dataset_fails_a_training(bench: Bench) -> None:
    made = make(bench)
    bench.wait(1)
    bench.send("DELETE", f"/v1/datasets/{made['settings']['dataset_id']}")
    bench.wait(4)
    assert shown(bench, made["id"])["status"] == "STATUS_FAILED"
    assert metrics(bench, made["id"])["step_metrics"] == []


def walk(bench: Bench, path: str, items: str) -> list[Any]:
    found, token, totals = [], "", set()
    while True:
        page = bench.get(f"{path}{'&' if '?' in path else '?'}page_token={token}")
        found += page[items]
        totals.add(page.get("total_size"))
        token = page["next_page_token"]
        if not token:
            assert totals in ({len(found)}, {None})
            return found


def test_the_pages_have_every_item_once(bench: Bench) -> None:
    identity = ready(bench)
    make(bench)
    for path, items in (
        (f"{PATH}?page_size=2", "finetuned_models"),
        (f"{PATH}?page_size=1&order_by=created_at%20desc", "finetuned_models"),
        (f"{PATH}/{identity}/events?page_size=3", "events"),
        (f"{PATH}/{identity}/training-step-metrics?page_size=7", "step_metrics"),
    ):
        whole = bench.get(path.replace("page_size=", "page_size=0&x="))
        assert walk(bench, path, items) == whole[items]
        assert whole["next_page_token"] == ""
    found = [one["created_at"] for one in bench.get(PATH)["finetuned_models"]]
    assert found == sorted(found)
    bench.get(f"{PATH}?order_by=name", 400)
    bench.get(f"{PATH}?page_token=x", 400)
    bench.get(f"{PATH}?page_size=-1", 400)


def test_an_update_changes_name_and_settings_only(bench: Bench) -> None:
    before = shown(bench, ready(bench))
    changed = patch(bench, before["id"], creator_id="x", **PAUSED)
    after = changed["finetuned_model"]
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "name": "other", "updated_at": after["updated_at"]}


def test_invalid_requests_are_rejected(bench: Bench) -> None:
    given = settings(bench)
    refused = [
        (given | {"dataset_id": "none"}, "does not exist"),
        (given | {"base_model": {"base_type": "BASE_TYPE_GENERATIVE"}}, "cannot be trained"),
        (given | {"base_model": {"base_type": "BASE_TYPE_RERANK"}}, "expected reranker"),
        (given | {"hyperparameters": {"train_epochs": 11}}, "between 1 and 10"),
        (given | {"dataset_id": bench.upload(CHATS, "chat-finetune-input")}, "not validated"),
        (given | {"nonsense": 1}, 'unknown field "nonsense"'),
    ]
    for wrong, text in refused:
        assert text in bench.post(PATH, {"name": "a", "settings": wrong}, 400)["message"]
    body = {"name": "a", "settings": given}
    assert "is not a valid UUID" in bench.get(f"{PATH}/a", 400)["message"]
    assert "is not a valid UUID" in bench.send("PATCH", f"{PATH}/a", body, 400)["message"]
    assert "is not a valid UUID" not in bench.send("DELETE", f"{PATH}/a", status=400)["message"]
    for part in ("events", "training-step-metrics"):
        assert "invalid finetune ID" in bench.get(f"{PATH}/a/{part}", 400)["message"]
        bench.get(f"{PATH}/{NONE}/{part}", 404)


def test_a_deleted_model_is_gone(bench: Bench) -> None:
    identity = ready(bench)
    assert bench.send("DELETE", f"{PATH}/{identity}") == {}
    assert set(bench.get(f"{PATH}/{identity}", 404)) == {"message"}
    assert identity not in str(bench.get(PATH))
    bench.send("DELETE", f"{PATH}/{identity}", status=404)


def test_the_live_service_trains_nothing() -> None:
    memory = state(Profile.LIVE_2026)
    with ServerThread(memory) as running:
        bench = Bench(memory, running.url)
        assert bench.get(PATH) == {"finetuned_models": [], "next_page_token": "", "total_size": 0}
        assert "was removed" in bench.post(PATH, {"name": "a", "settings": settings(bench)}, 404)["message"]
        bench.get(f"{PATH}/{NONE}", 404)
        assert "total size" in bench.get(f"{PATH}/a/events", 500)["message"]


def deleted(bench: Bench) -> Any:
    identity = ready(bench)
    bench.send("DELETE", f"{PATH}/{identity}")
    return shown(bench, identity)


def deploying(bench: Bench) -> Any:
    made = make(bench)
    bench.wait(3)
    return shown(bench, made["id"])


def second(bench: Bench) -> Any:
    path = f"{PATH}/{ready(bench)}/events?page_size=2"
    return bench.get(f"{path}&page_token={bench.get(path)['next_page_token']}")


FAULTS: dict[str, Callable[[Bench], bool]] = {
    "finetuning.events-ascending": lambda b: events(b, ready(b))["events"][0]["status"] == "STATUS_QUEUED",
    "finetuning.events-late": lambda b: events(b, ready(b))["events"][0]["status"] == "STATUS_DEPLOYING_API",
    "finetuning.metrics-ascending": lambda b: metrics(b, ready(b))["step_metrics"][0]["step_number"] == 1,
    "finetuning.total-size-wrong": lambda b: events(b, ready(b), "?page_size=1")["total_size"] == 1,
    "finetuning.page-token-missing": lambda b: events(b, ready(b), "?page_size=1")["next_page_token"] == "",
    "finetuning.page-drops-item": lambda b: len(second(b)["events"]) == 1,
    "finetuning.patch-ignored": lambda b: patch(b, ready(b))["finetuned_model"]["name"] == "mine",
    "finetuning.patch-changes-status": lambda b: (
        patch(b, ready(b), **PAUSED)["finetuned_model"]["status"] == "STATUS_PAUSED"
    ),
    "finetuning.delete-keeps": lambda b: bool(deleted(b)),
    "finetuning.unknown-dataset-404": lambda b: bool(
        b.post(PATH, {"name": "a", "settings": settings(b, dataset_id="none")}, 404)
    ),
    "finetuning.malformed-id-500": lambda b: bool(b.get(f"{PATH}/a", 500)),
    "finetuning.ranges-ignored": lambda b: bool(
        make(b, settings=settings(b, hyperparameters={"train_epochs": 99}))
    ),
    "finetuning.status-unprefixed": lambda b: make(b)["status"] == "QUEUED",
    "finetuning.settings-missing": lambda b: bool(make(b)) and "settings" not in str(b.get(PATH)),
    "finetuning.echo-differs": lambda b: make(b)["name"] == "MINE",
    "finetuning.defaults-differ": lambda b: make(b)["settings"]["hyperparameters"]["train_epochs"] == 3,
    "finetuning.unsorted": lambda b: make(b)["id"] == b.get(PATH)["finetuned_models"][0]["id"],
    "finetuning.unwrapped": lambda b: "id" in b.get(f"{PATH}/{make(b)['id']}"),
    "finetuning.last-page-token-missing": lambda b: "next_page_token" not in events(b, ready(b)),
    "finetuning.page-size-ignored": lambda b: len(events(b, ready(b), "?page_size=1")["events"]) == 4,
    "finetuning.status-goes-back": lambda b: deploying(b)["status"] == "STATUS_QUEUED",
}


def test_every_fault_is_tested() -> None:
    assert set(FAULTS) == {name for name in catalogue() if name.startswith("finetuning.")}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_response(bench: Bench, name: str) -> None:
    bench.fault(name)
    assert FAULTS[name](bench)
