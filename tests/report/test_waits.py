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
            {2: "DONE, changed", 3: "DONE"},
            id="waited",
        ),
        pytest.param([created("QUEUED"), read("DONE")], {1: "DONE, changed"}, id="at the first look"),
        pytest.param(
            [created("QUEUED"), read("RUNNING"), read("DONE")],
            {2: "DONE, changed"},
            id="none that was left",
        ),
        pytest.param(
            [created("QUEUED"), read("DONE"), read("QUEUED"), read("DONE")], {}, id="none that came and went"
        ),
        pytest.param([created("DONE"), read("DONE")], {1: "DONE"}, id="from the start"),
        pytest.param([read("DONE")], {0: "DONE"}, id="of somebody else"),
        pytest.param(
            [created("QUEUED"), created("QUEUED", OTHER), read("DONE"), read("QUEUED", OTHER)],
            {2: "DONE, changed"},
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
                2: "DONE, changed",
                4: "CANCELED, changed",
                5: "DONE, changed",
            },
            id="left when it was told to",
        ),
        pytest.param(
            [of(OTHER, read("DONE")), of(OTHER, read("QUEUED", "job-00000003"))],
            {0: "DONE", 1: "QUEUED"},
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
            {1: "validated, changed", 2: "validated"},
            id="another name, and a list between",
        ),
    ],
)
def test_the_status_that_was_reached(exchanges: list[Exchange], reached: dict[int, str]) -> None:
    found = statuses_reached(exchanges)
    assert {
        number: f"{one.status}, changed" if one.changed else one.status for (number, _), one in found.items()
    } == reached


@pytest.mark.parametrize("body", [None, [], {}, "text", {"status": 7}, {"status": {"status": None}}])
def test_a_response_without_a_status_is_none_to_wait_for(body: Any) -> None:
    assert statuses_reached([exchange("GET", f"batches/{JOB}", body)] * 2) == {}


def test_a_list_shows_the_status_of_what_another_request_reads() -> None:
    listed = exchange("GET", "batches", {"batches": [{"id": OTHER}, {"id": JOB, "status": "DONE"}]})
    found = statuses_reached([created("QUEUED"), listed, read("DONE")])
    assert found[1, JOB] == Reached(AT, "DONE", changed=True, read=2)
    assert found[2, JOB] == Reached(AT, "DONE", changed=False, read=2)
