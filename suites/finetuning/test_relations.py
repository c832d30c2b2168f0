"""Fine-tuning: what several answers about one trained model must have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

UPLOAD, SHOW, REMOVE = "POST /v1/datasets", "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
MODELS = "/v1/finetuning/finetuned-models"
CREATE, GET, DELETE = f"POST {MODELS}", f"GET {MODELS}/{{id}}", f"DELETE {MODELS}/{{id}}"
EVENTS = f"GET {MODELS}/{{finetuned_model_id}}/events"
METRICS = f"GET {MODELS}/{{finetuned_model_id}}/training-step-metrics"
pytestmark = pytest.mark.operations(UPLOAD, SHOW, REMOVE, CREATE, GET, DELETE, EVENTS, METRICS)
VALIDATING = frozenset({"unknown", "queued", "processing"})
TRAINING = frozenset({"STATUS_QUEUED", "STATUS_FINETUNING", "STATUS_DEPLOYING_API"})
MOST_PAGES = 4
PATIENCE = 600.0


class Model(TypedDict):
    """What is read of a model."""

    id: str
    status: str


class Event(TypedDict, total=False):
    """What is read of an event of a training."""

    status: str


def waited(
    api: Api, operation: str, identity: str, key: str, status: str, going_on: frozenset[str]
) -> ApiResponse:
    """Return what is answered when its status is none of those any more."""

    def look() -> ApiResponse | None:
        response = api.call(operation, path={"id": identity})
        return None if response.at(f"/{key}/{status}", str | None) in going_on else response

    return api.until(operation, look, PATIENCE, expected=f"an end of {identity}")


def uploaded(api: Api) -> str:
    """Return the id of a validated dataset of conversations."""
    rows = [
        {"messages": [{"role": "User", "content": asked}, {"role": "Chatbot", "content": told}]}
        for asked, told in (
            ("Is there a lift?", "Yes."),
            ("A cloakroom?", "At the door."),
            ("A map?", "Here."),
        )
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    query = (("name", f"conformance-talks-{api.unique}"), ("type", "chat-finetune-input"))
    form = (FormPart("data", content, "train.jsonl", "application/jsonl"),)
    identity = str(api.call(UPLOAD, query=query, form=form).body.get("id") or "")
    if not identity:
        raise InconclusiveError("an upload was answered without an id")
    api.later(REMOVE, path={"id": identity})
    waited(api, SHOW, identity, "dataset", "validation_status", VALIDATING)
    return identity


def trained(api: Api) -> Model:
    """Return a model that is trained; it is deleted when the test is over."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    settings = {
        "base_model": {"base_type": "BASE_TYPE_CHAT"},
        "dataset_id": uploaded(api),
        "hyperparameters": {"train_epochs": 2, "train_batch_size": 2},
    }
    body = {"name": f"conformance-{api.unique}", "settings": settings}
    identity = api.call(CREATE, body=body).at("/finetuned_model/id", str)
    api.later(DELETE, path={"id": identity})
    ended = waited(api, GET, identity, "finetuned_model", "status", TRAINING)
    model = ended.at("/finetuned_model", Model)
    if model["status"] != "STATUS_READY":
        raise InconclusiveError(f"the training has ended as {model['status']}")
    return model


def pages(api: Api, operation: str, identity: str, size: int) -> list[ApiResponse]:
    """Return the pages of a list until one is told to be the last."""
    path, token = {"finetuned_model_id": identity}, ""
    found: list[ApiResponse] = []
    while len(found) < MOST_PAGES:
        query = [("page_size", str(size)), *([("page_token", token)] if token else [])]
        found.append(api.call(operation, path=path, query=query))
        token = found[-1].at("/next_page_token", str | None) or ""
        if not token:
            break
    return found


def walked(api: Api, operation: str, identity: str, items: str) -> list[ApiResponse]:
    """Return a list as a whole, and then its pages, which hold the same."""
    whole = api.call(operation, path={"finetuned_model_id": identity}, query=[("page_size", "0")])
    every = whole.at(f"/{items}", list | None) or []
    if len(every) < 2:
        raise InconclusiveError(f"a list of {len(every)} {items} has no two pages")
    found = pages(api, operation, identity, -(-len(every) // 2))
    told = [item for page in found for item in page.at(f"/{items}", list | None) or ()]
    api.require(
        "finetuning.pages",
        told == every,
        found[-1],
        location=f"/{items}",
        expected=f"the {len(every)} items of the list, each on one page",
        observed=f"{len(told)} items on {len(found)} pages: {told}",
    )
    return [whole, *found]


def test_events_in_pages(api: Api) -> None:
    model = trained(api)
    responses = walked(api, EVENTS, model["id"], "events")
    events = responses[0].at("/events", list[Event])
    newest, number = events[0], len(events)
    totals = [response.body.get("total_size") for response in responses]
    api.require(
        "finetuning.total-size",
        totals == [number] * len(responses),
        responses[-1],
        location="/total_size",
        expected=f"{number} on every page",
        observed=totals,
    )
    api.require(
        "finetuning.newest-event",
        newest.get("status") == model["status"],
        responses[0],
        location="/events/0/status",
        expected=model["status"],
        observed=newest.get("status"),
    )


def test_metrics_in_pages(api: Api) -> None:
    walked(api, METRICS, trained(api)["id"], "step_metrics")
