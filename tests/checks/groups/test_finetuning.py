"""Fine-tuning: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from builders import UUID, exchange
from violations import looked_at, shipped, violated

MODELS = "/v1/finetuning/finetuned-models"
CREATE, LIST = f"POST {MODELS}", f"GET {MODELS}"
GET, PATCH = f"GET {MODELS}/{UUID}", f"PATCH {MODELS}/{UUID}"
EVENTS, METRICS = f"GET {MODELS}/{UUID}/events", f"GET {MODELS}/{UUID}/training-step-metrics"
CHAT = {"base_type": "BASE_TYPE_CHAT"}
USUAL = {"train_epochs": 1, "learning_rate": 0.01, "train_batch_size": 16}


def settings(base: dict[str, Any] = CHAT, **hyper: Any) -> dict[str, Any]:
    return {"base_model": base, "dataset_id": "d1", "hyperparameters": hyper}


def sent(**hyper: Any) -> dict[str, Any]:
    return {"name": "mine", "settings": settings(**hyper)}


def model(second: int = 1, **change: Any) -> dict[str, Any]:
    reported = {"id": UUID, "name": "mine", "settings": settings(**USUAL), "created_at": at(second)}
    return reported | {"status": "STATUS_QUEUED", **change}


def at(second: int) -> str:
    return f"2024-10-01T10:00:{second:02}Z"


def one(**change: Any) -> dict[str, Any]:
    return {"finetuned_model": model(**change)}


def models(*seconds: int, **further: Any) -> dict[str, Any]:
    return {"finetuned_models": [model(second) for second in seconds], "next_page_token": "", **further}


def events(*seconds: int) -> dict[str, Any]:
    found = [{"status": "STATUS_QUEUED", "created_at": at(second)} for second in seconds]
    return {"events": found, "next_page_token": "", "total_size": len(found)}


def metrics(*steps: int) -> dict[str, Any]:
    found = [{"step_number": step, "metrics": {"loss": 0.5}, "created_at": at(1)} for step in steps]
    return {"step_metrics": found, "next_page_token": ""}


RANKER = {"name": "mine", "settings": settings({"base_type": "BASE_TYPE_RERANK"}, train_epochs=99)}
CONFORMING = [
    (CREATE, sent(), one()),
    (
        CREATE,
        sent(),
        {"finetuned_model": {"name": "mine", "settings": {**settings(), "hyperparameters": {}}}},
    ),
    (
        CREATE,
        sent(learning_rate=0.1, train_epochs=0),
        one(settings=settings(**USUAL | {"learning_rate": 0.1})),
    ),
    (CREATE, RANKER, one(settings=RANKER["settings"])),
    (PATCH, sent(train_epochs=1), one()),
    (GET, None, one()),
    (LIST, None, models(1, 2, 2, total_size=3)),
    (f"{LIST}?order_by=created_at%20desc", None, models(2, 1)),
    (f"{LIST}?order_by=name", None, models(2, 1)),
    (f"{LIST}?page_size=0", None, models(*range(50), next_page_token="t")),
    (EVENTS, None, events(3, 2, 2)),
    (f"{EVENTS}?order_by=created_at", None, events(2, 3)),
    (METRICS, None, metrics(3, 2, 1)),
]
VIOLATING = [
    ("wrapped", GET, None, {}),
    ("echo", CREATE, sent(), one(name="MINE")),
    ("echo", PATCH, sent(train_epochs=2), one()),
    ("echo", CREATE, sent(), one(settings={**settings(**USUAL), "dataset_id": "d2"})),
    ("ranges", CREATE, sent(train_epochs=11), one(settings=settings(**USUAL | {"train_epochs": 11}))),
    ("ranges", PATCH, sent(learning_rate=1), one(settings=settings(**USUAL | {"learning_rate": 1}))),
    ("defaults", CREATE, sent(), one(settings=settings(**USUAL | {"train_batch_size": 8}))),
    ("page-size", f"{LIST}?page_size=1", None, models(1, 2)),
    ("page-size", METRICS, None, metrics(*range(51, 0, -1))),
    ("end-of-list", LIST, None, {"finetuned_models": []}),
    ("models-order", LIST, None, models(2, 1)),
    ("models-order", f"{LIST}?order_by=created_at%20desc", None, models(1, 2)),
    ("events-order", EVENTS, None, events(1, 2)),
    ("metrics-order", METRICS, None, metrics(1, 2)),
]
NO_UUID, GONE = MODELS + "/mine", "dataset d1 does not exist"
REFUSED = [
    ("unknown-dataset", CREATE, 404, GONE),
    ("", CREATE, 400, GONE),
    ("", CREATE, 404, "fine-tuning was removed"),
    ("malformed-id", f"GET {NO_UUID}", 500, "oh"),
    ("malformed-id", f"DELETE {NO_UUID}", 500, "oh"),
    ("malformed-id", f"GET {NO_UUID}/training-step-metrics", 500, "oh"),
    ("", f"GET {NO_UUID}/events", 500, "oh"),
    ("", f"GET {NO_UUID}", 400, "oh"),
    ("", GET, 500, "oh"),
]


@pytest.mark.parametrize(("call", "asked", "body"), CONFORMING)
def test_valid_responses_violate_nothing(call: str, asked: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=asked), "finetuning") == []


@pytest.mark.parametrize(("name", "call", "asked", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, call: str, asked: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=asked), "finetuning") == [name]


@pytest.mark.parametrize(("name", "call", "status", "text"), REFUSED)
def test_refusals_have_the_status_that_they_must_have(name: str, call: str, status: int, text: str) -> None:
    reported = exchange(call, {"message": text}, status=status, request=sent() if call == CREATE else None)
    assert violated(reported, "finetuning") == ([name] if name else [])


def test_every_check_has_a_violation() -> None:
    seen = {row[0] for row in VIOLATING} | {row[0] for row in REFUSED if row[0]}
    assert seen == looked_at("finetuning")


@pytest.mark.parametrize("asked", [None, b"{", [], {}, {"settings": []}, {"settings": {"base_model": 1}}])
@pytest.mark.parametrize("call", [CREATE, PATCH])
def test_with_an_invalid_request_little_is_reported(call: str, asked: Any) -> None:
    assert violated(exchange(call, one(), request=asked), "finetuning") == []


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(reported, "finetuning") for reported in shipped("finetuning")]
