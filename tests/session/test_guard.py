"""What is never sent: requests that could take away what the run has not made."""

from __future__ import annotations

import pytest

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import load_policies
from cohere_conformance.data import folder
from cohere_conformance.exchanges.http import Outgoing
from cohere_conformance.session.guard import Guard

CONTRACT = load_contract()
POLICIES = load_policies(folder("contracts") / "operations.yaml")
LOCAL, HOSTED = (Guard(CONTRACT, POLICIES, hosted=hosted) for hosted in (False, True))
MADE = frozenset({"customers-1", "job-1"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/datasets/somebody-elses"),
        ("DELETE", "/v1/datasets/"),
        ("DELETE", "/v1/datasets"),
        ("DELETE", "/v1/datasets/usage"),
        ("DELETE", "/v1/datasets/.."),
        ("DELETE", "/v1/datasets/%2e%2e"),
        ("DELETE", "/v1/datasets/somebody-elses/"),
        ("DELETE", "/v1//datasets/somebody-elses"),
        ("DELETE", "/V1/DATASETS/somebody-elses"),
        ("DELETE", "/v1/datasets%2Fsomebody-elses"),
        ("DELETE", "/v1/connectors/customers-2"),
        ("PATCH", "/v1/connectors/somebody-elses"),
        ("PUT", "/v1/connectors/somebody-elses"),
        ("PATCH", "/v1/finetuning/finetuned-models/somebody-elses"),
        ("POST", "/v2/batches/somebody-elses:cancel"),
        ("POST", "/v1/embed-jobs/somebody-elses/cancel"),
        ("POST", "/v2/batches/somebody-elses/cancel"),
        ("POST", "/v2/batches/somebody-elses%3Acancel"),
        ("DELETE", "/v1/datasets/conformance-nobody/../somebody-elses"),
        ("DELETE", "/"),
    ],
)
@pytest.mark.parametrize("guard", [LOCAL, HOSTED], ids=["local", "hosted"])
def test_what_the_run_has_not_made_is_left_alone(guard: Guard, method: str, path: str) -> None:
    assert guard.harm(Outgoing(method, path), MADE) is not None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/datasets/customers-1"),
        ("DELETE", "/v1/datasets/conformance-nobody"),
        ("DELETE", "/v1/datasets/00000000-0000-4000-8000-000000000000"),
        ("DELETE", "/v1/datasets/conformance-nobody%2Fa"),
        ("TRACE", "/v1/datasets/somebody-elses"),
        ("PATCH", "/v1/connectors/customers-1"),
        ("POST", "/v2/batches/job-1:cancel"),
        ("POST", "/v1/embed-jobs/job-1/cancel"),
        ("GET", "/v1/datasets/somebody-elses"),
        ("POST", "/v2/chat"),
    ],
)
@pytest.mark.parametrize("guard", [LOCAL, HOSTED], ids=["local", "hosted"])
def test_what_it_has_made_and_what_nobody_has_may_be_called(guard: Guard, method: str, path: str) -> None:
    assert guard.harm(Outgoing(method, path), MADE) is None


def test_a_host_gets_nothing_undeclared_that_could_do_anything() -> None:
    assert HOSTED.harm(Outgoing("POST", "/v1/no-such-thing"), MADE) is not None
    assert HOSTED.harm(Outgoing("POST", "/v1/no-such-thing", keyed=False), MADE) is None
    assert HOSTED.harm(Outgoing("GET", "/v1/no-such-thing"), MADE) is None
    assert LOCAL.harm(Outgoing("POST", "/v1/no-such-thing"), MADE) is None
