"""Embed jobs: each check finds its violation, and nothing in conforming exchanges."""

from __future__ import annotations

from typing import Any

import pytest
from builders import UUID, exchange
from violations import looked_at, shipped, violated

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract

GET, LIST = f"GET /v1/embed-jobs/{UUID}", "GET /v1/embed-jobs"
JOB = {
    "job_id": UUID,
    "status": "complete",
    "created_at": "2026-03-01T12:00:00Z",
    "input_dataset_id": "in-1",
    "output_dataset_id": "out-1",
    "model": "embed-english-v3.0",
    "truncate": "END",
}
OTHER = "5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c12"


def one(*without: str, **change: object) -> dict[str, Any]:
    return {name: value for name, value in {**JOB, **change}.items() if name not in without}


ROWS: list[tuple[str, object, list[str]]] = [
    (GET, one(), []),
    (GET, one("output_dataset_id", status="processing"), []),
    (GET, one(status="cancelled", output_dataset_id=""), []),
    (LIST, {"embed_jobs": [one(), one("output_dataset_id", status="failed")]}, []),
    (LIST, {}, []),
    (GET, one(job_id=OTHER), ["embed-jobs.get-asked"]),
    (GET, one("output_dataset_id"), ["embed-jobs.output-when-complete"]),
    (LIST, {"embed_jobs": [one(), one(output_dataset_id="")]}, ["embed-jobs.output-when-complete"]),
    (GET, one(status="processing"), ["embed-jobs.output-only-when-complete"]),
    (LIST, {"embed_jobs": [one(status="cancelling")]}, ["embed-jobs.output-only-when-complete"]),
]


@pytest.mark.parametrize(("call", "body", "requirements"), ROWS)
def test_what_is_reported(call: str, body: object, requirements: list[str]) -> None:
    found = judge(load_contract(), exchange(call, body))
    assert [finding.requirement or finding.kind for finding in found] == requirements


def test_every_check_has_a_violation() -> None:
    seen = {requirement.removeprefix("embed-jobs.") for row in ROWS for requirement in row[2]}
    assert seen == looked_at("embed-jobs")


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(one, "embed-jobs") for one in shipped("embed-jobs")]
