"""Resources that a server returns without the object around them, or in another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import exchange

from cohere_conformance.session.wrapping import with_wrapper

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

MODEL = {"id": "1", "name": "a", "status": "STATUS_READY"}


def read(contract: Contract, operation: str, body: Any, status: int = 200) -> Any:
    wrapped = with_wrapper(contract, exchange(operation, body, status=status))
    return msgspec.json.decode(wrapped.response.body or b"")


@pytest.mark.parametrize(
    ("operation", "name", "resource"),
    [
        ("GET /v1/finetuning/finetuned-models/{id}", "finetuned_model", MODEL),
        ("GET /v1/datasets/{id}", "dataset", {"id": "1", "validation_status": "validated"}),
        ("POST /v2/batches", "batch", {"id": "1", "status": "BATCH_STATUS_QUEUED", "new": 1}),
        ("GET /v1/connectors/{id}", "connector", {"id": "1", "name": "a"}),
    ],
)
def test_a_resource_without_its_wrapper_gets_it(
    amended: Contract, operation: str, name: str, resource: dict[str, Any]
) -> None:
    assert read(amended, operation, resource) == {name: resource}
    assert read(amended, operation, {name: resource}) == {name: resource}


def test_a_resource_in_another_wrapper_gets_the_declared_one(amended: Contract) -> None:
    operation = "GET /v1/finetuning/finetuned-models/{id}"
    assert read(amended, operation, {"model": MODEL}) == {"finetuned_model": MODEL}


def test_a_resource_in_a_wrapper_that_is_not_declared_loses_it(amended: Contract) -> None:
    model = {"name": "a", "endpoints": ["chat"]}
    assert read(amended, "GET /v1/models/{model}", {"model": model}) == model
    assert read(amended, "GET /v1/models/{model}", {"model": {"a": 1, "name": "a"}}) == {
        "model": {"a": 1, "name": "a"}
    }


@pytest.mark.parametrize(
    "body", [{}, {"model": {"a": 1}}, {"model": [MODEL]}, {"a": 1, "b": 2, "id": "1"}, [MODEL], "text"]
)
def test_what_is_no_resource_is_left_as_it_is(amended: Contract, body: Any) -> None:
    assert read(amended, "GET /v1/finetuning/finetuned-models/{id}", body) == body


def test_errors_and_responses_with_several_properties_are_left_as_they_are(amended: Contract) -> None:
    assert read(amended, "GET /v1/finetuning/finetuned-models/{id}", MODEL, status=404) == MODEL
    assert read(amended, "GET /v1/models/{model}", {"name": "a"}) == {"name": "a"}
