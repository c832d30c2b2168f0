"""Batches: results, pages of the list, and the list compared with single batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest

from cohere_conformance.session.api import UPLOAD_OPERATIONS, InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CREATE, LIST, GET = "POST /v2/batches", "GET /v2/batches", "GET /v2/batches/{id}"
SHOW_DATASET, DELETE_DATASET = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
pytestmark = pytest.mark.operations(*UPLOAD_OPERATIONS, CREATE, LIST, GET)
TEXTS = ["Salt", "Pepper"]
VALIDATING = frozenset({"unknown", "queued", "processing"})
RUNNING = frozenset({"BATCH_STATUS_QUEUED", "BATCH_STATUS_IN_PROGRESS", "BATCH_STATUS_CANCELING"})
CONSTANT = ("id", "name", "creator_id", "org_id", "created_at", "input_dataset_id", "model")
PATIENCE = 600.0


class DatasetPart(TypedDict, total=False):
    """The property of a part of a dataset that the tests read."""

    num_rows: int


class Listed(TypedDict):
    """The property of a listed batch that the tests read."""

    id: str


def upload(api: Api, texts: list[str]) -> str:
    """Upload requests to embed texts, one for each; return the id of the validated dataset."""
    rows = [{"custom_id": text, "body": {"texts": [text], "input_type": "search_document"}} for text in texts]
    keep = [("keep_fields", "custom_id")]
    return api.upload("batch-embed-v2-input", rows, name="batch", query=keep, seconds=PATIENCE).id


def create(api: Api, dataset: str, name: str = "batch") -> str:
    """Create a batch over a dataset; return its id."""
    body = {
        "name": f"conformance-{name}-{api.unique}",
        "model": api.models["embed"],
        "input_dataset_id": dataset,
    }
    return api.call(CREATE, body=body).at("/batch/id", str)


def finish(api: Api, batch: str) -> ApiResponse:
    """Wait for the end of a batch and return it; the dataset of its results is deleted after the test."""
    response = api.until(
        GET,
        lambda shown: shown.at("/batch/status", str | None) not in RUNNING,
        path={"id": batch},
        seconds=PATIENCE,
        expected=f"the end of batch {batch}",
    )
    if output := response.at("/batch/output_dataset_id", str | None):
        api.later(DELETE_DATASET, path={"id": output})
    return response


def ids(response: ApiResponse) -> list[str]:
    """Return the ids of a list, in its order."""
    return [batch["id"] for batch in response.at("/batches", list[Listed] | None) or ()]


def require_complete_results(api: Api, texts: list[str]) -> None:
    """Require that the dataset of a completed batch holds one row for each of its requests."""
    finished = finish(api, create(api, upload(api, texts)))
    status, output = finished.at("/batch/status", str), finished.at("/batch/output_dataset_id", str | None)
    if status != "BATCH_STATUS_COMPLETED" or not output:
        raise InconclusiveError(f"not testable: expected a completed batch, got {status} without a result")
    results = api.until(
        SHOW_DATASET,
        lambda shown: shown.at("/dataset/validation_status", str | None) not in VALIDATING,
        path={"id": output},
        seconds=PATIENCE,
        expected=f"the end of the validation of dataset {output}",
    )
    parts = results.at("/dataset/dataset_parts", list[DatasetPart] | None) or []
    counts = [part.get("num_rows") for part in parts]
    if None in counts or not counts:
        raise InconclusiveError("not testable: expected num_rows in each part of the results, got none")
    api.require(
        "batches.results-complete",
        sum(counts) == len(texts),
        results,
        location="/dataset/dataset_parts/*/num_rows",
        expected=f"{len(texts)} rows, one for each record",
        observed=counts,
    )


def require_pages(api: Api, number: int) -> None:
    """Require that each batch of a list in so many pages, or one more, is on exactly one page."""
    dataset = upload(api, TEXTS)
    created = [create(api, dataset) for _ in range(3)]
    complete = api.call(LIST, query=[("page_size", "1000"), ("order_by", "created_at")])
    listed = ids(complete)
    size = max(1, len(listed) // number)
    seen: list[str] = []
    page, token = complete, None
    for _ in range(number + 1):
        query = [("page_size", str(size)), ("order_by", "created_at")]
        page = api.call(LIST, query=query if token is None else [*query, ("page_token", token)])
        seen += ids(page)
        token = page.at("/next_page_token", str | None)
        if not token:
            break
    repeated = sorted({batch for batch in seen if seen.count(batch) > 1})
    # If there are further pages (others create batches meanwhile), a missing batch may be on one of them.
    missing = [batch for batch in listed if batch not in seen] if not token else []
    api.require(
        "batches.pages",
        not repeated and not missing,
        page,
        location="/batches",
        expected="every batch on one page",
        observed={"on several": repeated, "on none": missing},
        value_class="twice" if repeated else "lacking",
    )
    for batch in created:
        finish(api, batch)


def require_listed_as_read(api: Api, name: str) -> None:
    """Require that a batch with this name is listed as it is read."""
    batch = create(api, upload(api, TEXTS), name)
    page = api.call(LIST, query=[("page_size", "1000")])
    finished = finish(api, batch)
    alone = finished.at("/batch", dict[str, Any])
    listed = [one for one in page.at("/batches", list[dict[str, Any]] | None) or () if one.get("id") == batch]
    values = {name: (item.get(name), alone.get(name)) for item in listed for name in CONSTANT}
    different = {name: pair for name, pair in values.items() if pair[0] != pair[1]}
    api.require(
        "batches.listed-as-read",
        not different,
        finished,
        location="/batch",
        expected="the same as in the list",
        observed=different,
    )


def test_results_are_complete(api: Api) -> None:
    """The dataset that a completed batch has created holds one row for each request of the batch."""
    require_complete_results(api, TEXTS)


def test_pages_show_every_batch_once(api: Api) -> None:
    """A client that follows `next_page_token` sees each batch of the list on exactly one page."""
    require_pages(api, 2)


def test_a_batch_is_listed_as_it_is_read(api: Api) -> None:
    """A batch has the same id, name, owner, time of creation, dataset and model in the list and alone."""
    require_listed_as_read(api, "batch")
