"""Batches: what several answers about them must have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

import pytest

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

UPLOAD, SHOW, REMOVE = "POST /v1/datasets", "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
CREATE, LIST, GET = "POST /v2/batches", "GET /v2/batches", "GET /v2/batches/{id}"
pytestmark = pytest.mark.operations(UPLOAD, SHOW, REMOVE, CREATE, LIST, GET)
MODEL = "embed-v4.0"
TEXTS = ["Salt", "Pepper"]
VALIDATING = frozenset({"unknown", "queued", "processing"})
ENDED = frozenset({"BATCH_STATUS_COMPLETED", "BATCH_STATUS_FAILED", "BATCH_STATUS_CANCELED"})
STATIC = ("id", "name", "creator_id", "org_id", "created_at", "input_dataset_id", "model")
PATIENCE = 600.0


class Piece(TypedDict, total=False):
    """A part of a dataset."""

    num_rows: int


class Listed(TypedDict):
    """What is read of a batch in a list."""

    id: str


def waited(
    api: Api, operation: str, identity: str, key: str, status: str, going_on: frozenset[str]
) -> ApiResponse:
    """Return what is answered when its status is none of those any more."""

    def look() -> ApiResponse | None:
        response = api.call(operation, path={"id": identity})
        return None if response.at(f"/{key}/{status}", str | None) in going_on else response

    return api.until(operation, look, PATIENCE, expected=f"an end of {identity}")


def uploaded(api: Api) -> str:
    """Return the id of a validated dataset of requests to embed."""
    rows = [{"custom_id": text, "body": {"texts": [text], "input_type": "search_document"}} for text in TEXTS]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    asked = (
        ("name", f"conformance-batch-{api.unique}"),
        ("type", "batch-embed-v2-input"),
        ("keep_fields", "custom_id"),
    )
    form = (FormPart("data", content, "rows.jsonl", "application/jsonl"),)
    identity = str(api.call(UPLOAD, query=asked, form=form).body.get("id") or "")
    if not identity:
        raise InconclusiveError("an upload was answered without an id")
    api.later(REMOVE, path={"id": identity})
    waited(api, SHOW, identity, "dataset", "validation_status", VALIDATING)
    return identity


def begun(api: Api, dataset: str) -> str:
    """Return the id of a new batch over that dataset."""
    body = {"name": f"conformance-{api.unique}", "model": MODEL, "input_dataset_id": dataset}
    return api.call(CREATE, body=body).at("/batch/id", str)


def finished(api: Api, identity: str) -> ApiResponse:
    """Return a batch that has come to its end; the dataset that it has made is removed after the test."""
    going_on = frozenset({"BATCH_STATUS_QUEUED", "BATCH_STATUS_IN_PROGRESS", "BATCH_STATUS_CANCELING"})
    response = waited(api, GET, identity, "batch", "status", going_on)
    if output := response.at("/batch/output_dataset_id", str | None):
        api.later(REMOVE, path={"id": output})
    return response


def ids(response: ApiResponse) -> list[str]:
    return [one["id"] for one in response.at("/batches", list[Listed] | None) or ()]


def test_results_are_complete(api: Api) -> None:
    ended = finished(api, begun(api, uploaded(api)))
    status, output = ended.at("/batch/status", str), ended.at("/batch/output_dataset_id", str | None)
    if status != "BATCH_STATUS_COMPLETED" or not output:
        raise InconclusiveError(f"the batch has ended as {status}, without a result")
    result = waited(api, SHOW, output, "dataset", "validation_status", VALIDATING)
    parts = result.at("/dataset/dataset_parts", list[Piece] | None) or []
    counts = [part.get("num_rows") for part in parts]
    if None in counts or not counts:
        raise InconclusiveError("the dataset that a batch has made does not tell its number of rows")
    api.require(
        "batches.results-complete",
        sum(counts) == len(TEXTS),
        result,
        location="/dataset/dataset_parts/*/num_rows",
        expected=f"{len(TEXTS)} rows, one for each record",
        observed=counts,
    )


def test_pages_show_every_batch_once(api: Api) -> None:
    dataset = uploaded(api)
    mine = [begun(api, dataset) for _ in range(3)]
    whole = api.call(LIST, query=[("page_size", "1000"), ("order_by", "created_at")])
    before = ids(whole)
    size = max(1, len(before) // 2)
    seen: list[str] = []
    page, token = whole, None
    for _ in range(3):
        asked = [("page_size", str(size)), ("order_by", "created_at")]
        page = api.call(LIST, query=asked if token is None else [*asked, ("page_token", token)])
        seen += ids(page)
        token = page.at("/next_page_token", str | None)
        if not token:
            break
    twice = sorted({one for one in seen if seen.count(one) > 1})
    # Of a list that grows or does not fit a page, the batches beyond the walk cannot be expected in it.
    lacking = [one for one in before if one not in seen] if not token else []
    api.require(
        "batches.pages",
        not twice and not lacking,
        page,
        location="/batches",
        expected="every batch on one page",
        observed={"on several": twice, "on none": lacking},
        value_class="twice" if twice else "lacking",
    )
    for one in mine:
        finished(api, one)


def test_a_batch_is_listed_as_it_is_read(api: Api) -> None:
    made = begun(api, uploaded(api))
    listed = api.call(LIST, query=[("page_size", "1000")])
    shown = finished(api, made)
    alone = shown.at("/batch", dict[str, Any])
    every = listed.at("/batches", list[dict[str, Any]] | None) or ()
    items = [one for one in every if one.get("id") == made]
    different = {name: (one.get(name), alone.get(name)) for one in items for name in STATIC}
    api.require(
        "batches.listed-as-read",
        all(one == other for one, other in different.values()),
        shown,
        location="/batch",
        expected="the same as in the list",
        observed={name: both for name, both in different.items() if both[0] != both[1]},
    )
