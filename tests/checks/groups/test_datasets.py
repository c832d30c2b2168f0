"""Datasets: each check finds its violation, and nothing in conforming exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import exchange
from violations import looked_at, shipped, violated

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract

if TYPE_CHECKING:
    from collections.abc import Mapping

DATASET = {
    "id": "set-1",
    "name": "set",
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:01.123456789Z",
    "dataset_type": "embed-input",
    "validation_status": "validated",
    "schema": '{"type": "record", "name": "row", "fields": []}',
    "dataset_parts": [{"id": "p", "name": "a.csv", "url": "https://example.com/a.avro"}],
}
FAILED = {"validation_status": "failed", "validation_error": "line 2"}
GET, LIST, CREATE = "GET /v1/datasets/set-1", "GET /v1/datasets", "POST /v1/datasets?type=embed-input&name=a"
FILTER = "datasetType=embed-input&validationStatus=validated&limit=2"
TIMES = "after=2026-03-01T13:00:00%2B02:00&before=2026-03-01T12:00:00Z"


def one(**change: object) -> dict[str, Any]:
    return {"dataset": {**DATASET, **change}}


def several(*changes: Mapping[str, object]) -> dict[str, Any]:
    return {"datasets": [{**DATASET, "id": f"set-{number}", **one} for number, one in enumerate(changes)]}


def breached(call: str, body: object) -> list[str]:
    return [found.requirement or found.kind for found in judge(load_contract(), exchange(call, body))]


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (GET, one()),
        (GET, one(**FAILED)),
        (GET, one(validation_status="skipped", validation_error="no rows")),
        (GET, one(validation_error="", schema="", dataset_parts=[])),
        (GET, one(schema='["null", {"type": "record"}]', updated_at=DATASET["created_at"])),
        (GET, one(updated_at="2026-03-01T11:00:00-02:00")),
        ("GET /v1/datasets/set%2F1%20%C3%A4", one(id="set/1 ä")),
        (LIST, several({}, {}, FAILED)),
        (LIST, {}),
        (f"{LIST}?{FILTER}&{TIMES}", several({}, {})),
        (f"{LIST}?limit=0&limit=1", several({}, {}, {})),
        (f"{LIST}?limit=0", several({}, {})),
        (CREATE, {"id": "a-1"}),
        (f"{CREATE}&csv_delimiter=%3B", {"id": "a-1"}),
    ],
)
def test_what_conforms_has_no_findings(call: str, body: object) -> None:
    assert breached(call, body) == []


DEVIATING = [
    ("datasets.get-asked", GET, one(id="set-2")),
    ("datasets.failure-explained", GET, one(validation_status="failed")),
    ("datasets.failure-explained", GET, one(validation_status="failed", validation_error="")),
    ("datasets.error-only-if-failed", GET, one(validation_error="line 2")),
    ("datasets.error-only-if-failed", LIST, several({}, {"validation_error": "line 2"})),
    ("datasets.updated-after-created", GET, one(updated_at="2026-03-01T11:59:59.9Z")),
    ("datasets.updated-after-created", LIST, several({"updated_at": "2026-03-01T12:00:00+00:01"})),
    ("datasets.schema-avro", GET, one(schema="{'type': 'record'}")),
    ("datasets.schema-avro", GET, one(schema="12")),
    ("datasets.schema-avro", GET, one(schema="[" * 100_000)),
    ("datasets.part-address", GET, one(dataset_parts=[{"id": "p", "name": "n", "url": "/a.avro"}])),
    ("datasets.part-address", GET, one(dataset_parts=[{"id": "p", "name": "n", "original_url": "a"}])),
    ("datasets.id-unique", LIST, several({}, {"id": "set-0"})),
    ("datasets.limited", f"{LIST}?limit=1", several({}, {})),
    ("datasets.filtered", f"{LIST}?datasetType=embed-result", several({})),
    ("datasets.filtered", f"{LIST}?validationStatus=validated", several({}, FAILED)),
    ("datasets.filtered", f"{LIST}?before=2026-03-01T11:59:59Z", several({})),
    ("datasets.filtered", f"{LIST}?after=2026-03-01T12:00:01Z", several({})),
    (
        "datasets.output-type-refused",
        "POST /v1/datasets?type=cluster-result&name=a",
        {"id": "a-1"},
    ),
    ("datasets.name-length", f"POST /v1/datasets?type=embed-input&name={'a' * 50}", {"id": "a-1"}),
    ("datasets.delimiter-length", f"{CREATE}&csv_delimiter=%3B%3B", {"id": "a-1"}),
]


@pytest.mark.parametrize(("requirement", "call", "body"), DEVIATING)
def test_deviations_are_reported(requirement: str, call: str, body: object) -> None:
    assert breached(call, body) == [requirement]


@pytest.mark.parametrize(
    "times",
    ["before=yesterday", "before=", "after=0001-01-01T00:00:00%2B23:59", "before=9999-12-31T23:59:59-23:59"],
)
def test_odd_bounds_break_nothing(times: str) -> None:
    assert "datasets.filtered" not in breached(f"{LIST}?{times}", several({}))


def test_every_check_has_a_violation() -> None:
    assert {row[0].removeprefix("datasets.") for row in DEVIATING} == looked_at("datasets")


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(one, "datasets") for one in shipped("datasets")]
