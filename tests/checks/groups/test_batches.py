"""Batches: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from builders import exchange
from violations import looked_at, shipped, violated

CREATE, LIST, GET = "POST /v2/batches", "GET /v2/batches", "GET /v2/batches/b1"
SENT = {"name": "many", "model": "embed-v4.0", "input_dataset_id": "d1"}
QUEUED, COMPLETED = {"status": "BATCH_STATUS_QUEUED"}, {"status": "BATCH_STATUS_COMPLETED"}
DONE = {**COMPLETED, "output_dataset_id": "d2", "num_records": 3, "num_successful_records": 2}


def batch(**change: Any) -> dict[str, Any]:
    reported = {"id": "b1", **SENT, **QUEUED, "created_at": moment(1), "updated_at": moment(1), **change}
    return {name: value for name, value in reported.items() if value is not None}


def moment(second: int) -> str:
    return f"2026-08-01T10:00:{second:02}.25Z"


def one(**change: Any) -> dict[str, Any]:
    return {"batch": batch(**change)}


def page(*seconds: int, **further: Any) -> dict[str, Any]:
    times = [{"created_at": moment(second), "updated_at": moment(second)} for second in seconds]
    return {
        "batches": [batch(id=f"b{number}", **reported) for number, reported in enumerate(times)],
        **further,
    }


CONFORMING = [
    (CREATE, SENT, one()),
    (CREATE, SENT, one(status=None, output_dataset_id="", created_at=None)),
    (CREATE, {**SENT, "id": None, "name": 7}, one()),
    (GET, None, one(**DONE, num_failed_records=1)),
    (GET, None, one(**COMPLETED, num_records=2, num_failed_records=2)),
    (GET, None, one(updated_at="2026-08-01T10:00:00.9Z")),
    (LIST, None, page(3, 2, 2, 1)),
    (LIST, None, page(3, 1, 2)),
    (f"{LIST}?order_by=created_at", None, page(3, 2, 2, 1)),
    (f"{LIST}?order_by=created_at", None, page(1, 2, 3, next_page_token="t")),
    (f"{LIST}?page_size=2", None, page(2, 1)),
    (f"{LIST}?page_size=5000", None, page(*range(59, 0, -1))),
    (f"{LIST}?page_size=many", None, page(*range(59, 0, -1))),
    (LIST, None, {}),
]
VIOLATING = [
    ("echo", CREATE, SENT, one(name="MANY")),
    ("id-own", CREATE, {**SENT, "id": "b1"}, one()),
    ("begins-queued", CREATE, SENT, one(status="BATCH_STATUS_IN_PROGRESS")),
    ("id-given", CREATE, SENT, one(id="")),
    ("id-given", GET, None, one(id=None)),
    ("output-named", GET, None, one(output_dataset_id="d2")),
    ("output-named", GET, None, one(**DONE | {"output_dataset_id": ""}, num_failed_records=1)),
    ("counts", GET, None, one(**DONE, num_failed_records=2)),
    ("counts", GET, None, one(**DONE)),
    ("updated-after-created", GET, None, one(updated_at="2026-07-31T10:00:00Z")),
    ("page-size", f"{LIST}?page_size=2", None, page(3, 2, 1)),
    ("page-size", LIST, None, page(*range(59, 0, -1))),
    ("last-page", LIST, None, page(1, next_page_token="")),
    ("ordered", f"{LIST}?order_by=created_at", None, page(3, 1, 2)),
]


@pytest.mark.parametrize(("call", "sent", "body"), CONFORMING)
def test_valid_responses_violate_nothing(call: str, sent: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=sent), "batches") == []


@pytest.mark.parametrize(("name", "call", "sent", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, call: str, sent: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=sent), "batches") == [name]


@pytest.mark.parametrize(
    ("query", "status", "found"),
    [
        ("page_size=5000", 400, ["large-page-size"]),
        ("page_size=1000", 400, []),
        ("page_size=99999999999", 400, []),
        ("page_size=5000&page_token=x", 400, []),
        ("page_size=5000", 503, []),
    ],
)
def test_a_large_page_size_is_not_refused(query: str, status: int, found: list[str]) -> None:
    assert violated(exchange(f"{LIST}?{query}", {"message": "no"}, status=status), "batches") == found


def test_every_check_has_a_violation() -> None:
    assert {row[0] for row in VIOLATING} | {"large-page-size"} == looked_at("batches")


@pytest.mark.parametrize("sent", [None, b"{", [], {}, {"name": None, "model": [], "id": {}}])
def test_with_an_invalid_request_little_is_reported(sent: Any) -> None:
    assert violated(exchange(CREATE, one(), request=sent), "batches") == []
    assert violated(exchange(CREATE, None, request=sent), "batches") == []


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(reported, "batches") for reported in shipped("batches")]
