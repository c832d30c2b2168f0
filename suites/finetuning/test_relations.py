"""Fine-tuning: events and metrics of a trained model, and their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.session.api import UPLOAD_OPERATIONS, InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

MODELS = "/v1/finetuning/finetuned-models"
CREATE, GET, DELETE = f"POST {MODELS}", f"GET {MODELS}/{{id}}", f"DELETE {MODELS}/{{id}}"
EVENTS = f"GET {MODELS}/{{finetuned_model_id}}/events"
METRICS = f"GET {MODELS}/{{finetuned_model_id}}/training-step-metrics"
pytestmark = pytest.mark.operations(*UPLOAD_OPERATIONS, CREATE, GET, DELETE, EVENTS, METRICS)
TRAINING = frozenset({"STATUS_QUEUED", "STATUS_FINETUNING", "STATUS_DEPLOYING_API"})
PAGES = 2
PATIENCE = 600.0


class Model(TypedDict):
    """The properties of a model that the tests read."""

    id: str
    status: str


class Event(TypedDict, total=False):
    """The property of a training event that the tests read."""

    status: str


def upload(api: Api) -> str:
    """Upload three short conversations; return the id of the validated dataset."""
    rows = [
        {"messages": [{"role": "User", "content": question}, {"role": "Chatbot", "content": answer}]}
        for question, answer in (
            ("Is there a lift?", "Yes."),
            ("A cloakroom?", "At the door."),
            ("A map?", "Here."),
        )
    ]
    return api.upload("chat-finetune-input", rows, name="talks", filename="train.jsonl", seconds=PATIENCE).id


def trained(api: Api) -> Model:
    """Train a model and return it; it is deleted when the test is over."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    settings = {
        "base_model": {"base_type": "BASE_TYPE_CHAT"},
        "dataset_id": upload(api),
        "hyperparameters": {"train_epochs": 2, "train_batch_size": 2},
    }
    body = {"name": f"conformance-{api.unique}", "settings": settings}
    identity = api.call(CREATE, body=body).at("/finetuned_model/id", str)
    api.later(DELETE, path={"id": identity})
    response = api.until(
        GET,
        lambda shown: shown.at("/finetuned_model/status", str | None) not in TRAINING,
        path={"id": identity},
        seconds=PATIENCE,
        expected=f"the end of the training of {identity}",
    )
    model = response.at("/finetuned_model", Model)
    if model["status"] != "STATUS_READY":
        raise InconclusiveError(f"not testable: expected a ready model, got {model['status']}")
    return model


def pages(api: Api, operation: str, model: str, size: int, most: int) -> list[ApiResponse]:
    """Read a list page by page until there is no token for a next page, at most so many pages."""
    path, token = {"finetuned_model_id": model}, ""
    responses: list[ApiResponse] = []
    while len(responses) < most:
        query = [("page_size", str(size)), *([("page_token", token)] if token else [])]
        responses.append(api.call(operation, path=path, query=query))
        token = responses[-1].at("/next_page_token", str | None) or ""
        if not token:
            break
    return responses


def read_list(api: Api, operation: str, model: str, items: str, number: int) -> list[ApiResponse]:
    """Read a list in one page and in so many, require the same items, and return all responses."""
    complete = api.call(operation, path={"finetuned_model_id": model}, query=[("page_size", "0")])
    # Pages are compared with the list, whatever its order is.
    expected = complete.at(f"/{items}", list | None, despite_requirements=True) or []
    if len(expected) < 2:
        raise InconclusiveError(f"not testable: expected two {items} at least, got {len(expected)}")
    paged = pages(api, operation, model, -(-len(expected) // number), number + 2)
    shown = [page.at(f"/{items}", list | None, despite_requirements=True) or () for page in paged]
    observed = [item for page in shown for item in page]
    api.require(
        "finetuning.pages",
        observed == expected,
        paged[-1],
        location=f"/{items}",
        expected=f"the {len(expected)} items of the list, each on one page",
        observed=f"{len(observed)} items on {len(paged)} pages: {observed}",
    )
    return [complete, *paged]


def require_event_pages(api: Api, number: int) -> None:
    """Require that so many pages of training events hold each event once, the status of the model first."""
    model = trained(api)
    responses = read_list(api, EVENTS, model["id"], "events", number)
    events = responses[0].at("/events", list[Event])
    newest, count = events[0], len(events)
    api.require(
        "finetuning.newest-event",
        newest.get("status") == model["status"],
        responses[0],
        location="/events/0/status",
        expected=model["status"],
        observed=newest.get("status"),
    )
    totals = [response.at("/total_size", int | None) for response in responses]
    api.require(
        "finetuning.total-size",
        totals == [count] * len(responses),
        responses[-1],
        location="/total_size",
        expected=f"{count} on every page",
        observed=totals,
    )


def require_metric_pages(api: Api, number: int) -> None:
    """Require that so many pages of training metrics hold each step once."""
    read_list(api, METRICS, trained(api)["id"], "step_metrics", number)


def test_events_in_pages(api: Api) -> None:
    """Pages of training events hold each event once, and the newest event shows the status of the model."""
    require_event_pages(api, PAGES)


def test_metrics_in_pages(api: Api) -> None:
    """Pages of training metrics hold each step once."""
    require_metric_pages(api, PAGES)
