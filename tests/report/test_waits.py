"""Which status the requests of a run waited for: one that no resource leaves by itself, wherever it is."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.report.waits import Reached, statuses_reached

JOB, OTHER = "job-00000001", "job-00000002"
AT = "/batch/status"


def exchange(method: str, path: str, body: Any, status: int = 200) -> Exchange:
    request = Request(method, f"http://127.0.0.1:1/v2/{path}")
    return Exchange(request, Response(status, (), json.dumps(body).encode()), Source("run", "case"))


def created(status: str, name: str = JOB) -> Exchange:
    return exchange("POST", "batches", {"batch": {"id": name, "status": status}})


def read(status: str, name: str = JOB) -> Exchange:
    return exchange("GET", f"batches/{name}", {"batch": {"id": name, "status": status}})


def dataset(status: str) -> Exchange:
    return exchange("GET", f"datasets/{JOB}", {"dataset": {"id": JOB, "validation_status": status}})


def of(dataset: str, given: Exchange) -> Exchange:
    """Return an exchange whose response has the id of a dataset as well."""
    body = json.loads(given.response.body)
    body["batch"]["input_dataset_id"] = dataset
    return msgspec.structs.replace(
        given, response=msgspec.structs.replace(given.response, body=json.dumps(body).encode())
    )


@pytest.mark.parametrize(
    ("exchanges", "reached"),
    [
        pytest.param(
            [created("QUEUED"), read("QUEUED"), read("DONE"), read("DONE")],
            {2: Reached(AT, "DONE", True), 3: Reached(AT, "DONE", False)},
            id="waited",
        ),
        pytest.param(
            [created("QUEUED"), read("DONE")], {1: Reached(AT, "DONE", True)}, id="at the first look"
        ),
        pytest.param(
            [created("QUEUED"), read("RUNNING"), read("DONE")],
            {2: Reached(AT, "DONE", True)},
            id="none that was left",
        ),
        pytest.param(
            [created("QUEUED"), read("DONE"), read("QUEUED"), read("DONE")], {}, id="none that came and went"
        ),
        pytest.param([created("DONE"), read("DONE")], {1: Reached(AT, "DONE", False)}, id="from the start"),
        pytest.param([read("DONE")], {0: Reached(AT, "DONE", False)}, id="of somebody else"),
        pytest.param(
            [created("QUEUED"), created("QUEUED", OTHER), read("DONE"), read("QUEUED", OTHER)],
            {2: Reached(AT, "DONE", True)},
            id="none that another resource has left",
        ),
        pytest.param(
            [
                created("QUEUED"),
                created("QUEUED", OTHER),
                read("DONE"),
                exchange("POST", f"batches/{JOB}:cancel", {}),
                read("CANCELED"),
                read("DONE", OTHER),
            ],
            {
                2: Reached(AT, "DONE", True),
                4: Reached(AT, "CANCELED", True),
                5: Reached(AT, "DONE", True),
            },
            id="left when it was told to",
        ),
        pytest.param(
            [of(OTHER, read("DONE")), of(OTHER, read("QUEUED", "job-00000003"))],
            {0: Reached(AT, "DONE", False), 1: Reached(AT, "QUEUED", False)},
            id="two resources of one dataset",
        ),
        pytest.param(
            [created("QUEUED"), exchange("GET", f"batches/{JOB}", {"batch": {"status": "DONE"}}, 500)],
            {},
            id="not of an error",
        ),
        pytest.param([created("QUEUED"), read("so\n$(touch x)")], {}, id="no name of a status"),
        pytest.param(
            [
                exchange("GET", f"datasets/{JOB}", {"dataset": {"id": JOB, "validation_status": "unknown"}}),
                exchange("GET", "datasets", {"datasets": [{"id": JOB, "validation_status": "validated"}]}),
                exchange(
                    "GET", f"datasets/{JOB}", {"dataset": {"id": JOB, "validation_status": "validated"}}
                ),
            ],
            {2: Reached("/dataset/validation_status", "validated", True)},
            id="another name, and a list between",
        ),
    ],
)
def test_the_status_that_was_reached(exchanges: list[Exchange], reached: dict[int, Reached]) -> None:
    assert statuses_reached(exchanges) == reached


@pytest.mark.parametrize("body", [None, [], {}, "text", {"status": 7}, {"status": {"status": None}}])
def test_a_response_without_a_status_is_none_to_wait_for(body: Any) -> None:
    assert statuses_reached([exchange("GET", f"batches/{JOB}", body)] * 2) == {}
