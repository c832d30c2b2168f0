"""Embed jobs: what a job, its dataset and the dataset that it makes must have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

UPLOAD, SHOW, REMOVE = "POST /v1/datasets", "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
CREATE, LIST = "POST /v1/embed-jobs", "GET /v1/embed-jobs"
GET, CANCEL = "GET /v1/embed-jobs/{id}", "POST /v1/embed-jobs/{id}/cancel"
pytestmark = pytest.mark.operations(UPLOAD, SHOW, REMOVE, CREATE, LIST, GET, CANCEL)
MODEL = "embed-english-light-v3.0"
TEXTS = ["Fog until noon, then fair.", "The ferry was late.", "Sun, at last."]
ENDED = frozenset({"complete", "failed", "cancelled"})
NEXT = {
    "processing": frozenset({"processing", "cancelling"}) | ENDED,
    "cancelling": frozenset({"cancelling"}) | ENDED,
}
VALIDATING = frozenset({"unknown", "queued", "processing"})
CANCELLED_OR_NOT = (200, 400, 422)
PATIENCE = 300.0


class Dataset(TypedDict):
    """What is read of a dataset."""

    id: str
    validation_status: str


class Piece(TypedDict, total=False):
    """A part of a dataset."""

    num_rows: int
    samples: list[str]


class Field(TypedDict):
    """A column of a dataset."""

    name: str


class Columns(TypedDict, total=False):
    """The schema of a dataset."""

    fields: list[Field]


class Job(TypedDict):
    """What is read of a job."""

    job_id: str
    input_dataset_id: str
    model: str
    truncate: str
    created_at: str


def uploaded(api: Api, rows: list[dict[str, str]], *query: tuple[str, str]) -> ApiResponse:
    """Return a new dataset when its validation has come to an end; it is deleted when the test is over."""
    content = "".join(json.dumps(row) + "\n" for row in rows)
    asked = (("name", f"conformance-job-{api.unique}"), ("type", "embed-input"), *query)
    form = (FormPart("data", content, "rows.jsonl", "application/jsonl"),)
    identity = str(api.call(UPLOAD, query=asked, form=form).body.get("id") or "")
    if not identity:
        raise InconclusiveError("an upload was answered without an id")
    api.later(REMOVE, path={"id": identity})

    def look() -> ApiResponse | None:
        response = api.call(SHOW, path={"id": identity})
        return None if response.at("/dataset", Dataset)["validation_status"] in VALIDATING else response

    return api.until(SHOW, look, PATIENCE, expected=f"an end of the validation of {identity}")


def begun(api: Api, dataset: str, **further: str) -> str:
    """Return the id of a new job, which is told to stop when the test is over."""
    body = {"model": MODEL, "dataset_id": dataset, "input_type": "search_document", **further}
    identity = api.call(CREATE, body=body).at("/job_id", str)
    api.later(CANCEL, path={"id": identity}, status=(*CANCELLED_OR_NOT, 404))
    return identity


def followed(api: Api, identity: str, before: str) -> ApiResponse:
    """Return a job as it stands now, which is where it stood or what comes after."""
    response = api.call(GET, path={"id": identity})
    now = response.at("/status", str)
    api.require(
        "embed-jobs.status-forward",
        now in NEXT.get(before, {before}),
        response,
        location="/status",
        expected=f"{before} or what comes after it",
        observed=now,
    )
    if output := response.at("/output_dataset_id", str | None):
        api.later(REMOVE, path={"id": output})
    return response


def finished(api: Api, identity: str) -> ApiResponse:
    """Return a job that has come to its end."""
    before = "processing"

    def look() -> ApiResponse | None:
        nonlocal before
        response = followed(api, identity, before)
        before = response.at("/status", str)
        return response if before in ENDED else None

    return api.until(GET, look, PATIENCE, expected=f"an end of the job {identity}")


def echoed(api: Api, response: ApiResponse, dataset: str, truncate: str) -> None:
    sent = {"input_dataset_id": dataset, "model": MODEL, "truncate": truncate}
    told = {name: response.body.get(name) for name in sent}
    api.require("embed-jobs.created-echo", told == sent, response, expected=str(sent), observed=told)


def test_a_job_makes_a_row_of_each_row(api: Api) -> None:
    rows = [{"text": text, "day": f"day {number}"} for number, text in enumerate(TEXTS)]
    source = uploaded(api, rows, ("keep_fields", "day")).at("/dataset", Dataset)
    job = finished(api, begun(api, source["id"]))
    echoed(api, job, source["id"], "END")
    if (status := job.at("/status", str)) != "complete":
        raise InconclusiveError(f"the job is {status}, so nothing was made")
    response = api.call(SHOW, path={"id": job.at("/output_dataset_id", str)})
    parts = response.at("/dataset/dataset_parts", list[Piece] | None) or []
    counts = [part.get("num_rows") for part in parts]
    api.require(
        "embed-jobs.row-count",
        sum(count or 0 for count in counts) == len(rows),
        response,
        location="/dataset/dataset_parts/*/num_rows",
        expected=f"{len(rows)} rows",
        observed=counts,
    )
    samples = [sample for part in parts for sample in part.get("samples") or ()]
    order = [number for sample in samples for number, text in enumerate(TEXTS) if text in sample]
    api.require(
        "embed-jobs.row-order",
        order == sorted(order),
        response,
        location="/dataset/dataset_parts/*/samples",
        expected="the rows in the order of the input",
        observed=order,
    )
    fields = (response.parsed("/dataset/schema", Columns | None) or {}).get("fields")
    columns = {field["name"] for field in fields or ()}
    api.require(
        "embed-jobs.result-columns",
        fields is None or {"text", "day", "embeddings"} <= columns,
        response,
        location="/dataset/schema",
        expected="the columns text, day and embeddings",
        observed=sorted(columns),
    )


def test_what_has_ended_stays_as_it_is(api: Api) -> None:
    identity = begun(api, uploaded(api, [{"text": TEXTS[0]}]).at("/dataset/id", str))
    before = finished(api, identity).at("/status", str)
    followed(api, identity, before)
    api.call(CANCEL, path={"id": identity}, status=CANCELLED_OR_NOT)
    response = api.call(GET, path={"id": identity})
    now = response.at("/status", str)
    api.require(
        "embed-jobs.cancel-ended", now == before, response, location="/status", expected=before, observed=now
    )


def test_jobs_are_listed_as_they_are_read(api: Api) -> None:
    identity = begun(api, uploaded(api, [{"text": TEXTS[0]}]).at("/dataset/id", str))
    read = api.call(GET, path={"id": identity}).at("", Job)
    response = api.call(LIST)
    found = [job for job in response.at("/embed_jobs", list[Job] | None) or () if job["job_id"] == identity]
    api.require(
        "embed-jobs.listed",
        bool(found),
        response,
        location="/embed_jobs",
        expected=f"the job {identity}",
        observed="none of that id",
    )
    fixed = ("input_dataset_id", "model", "truncate", "created_at")
    api.need(bool(found), f"the job {identity} in the list")
    api.require(
        "embed-jobs.listed-as-read",
        all(found[0][name] == read[name] for name in fixed),
        response,
        location="/embed_jobs/*",
        expected=str([read[name] for name in fixed]),
        observed=[found[0][name] for name in fixed],
    )


def test_a_job_that_is_told_to_stop_is_not_at_work(api: Api) -> None:
    dataset = uploaded(api, [{"text": TEXTS[0]}]).at("/dataset/id", str)
    identity = begun(api, dataset, truncate="START")
    api.call(CANCEL, path={"id": identity})
    response = api.call(GET, path={"id": identity})
    now = response.at("/status", str)
    api.require(
        "embed-jobs.cancel-stops",
        now != "processing",
        response,
        location="/status",
        expected="cancelling, or an end",
        observed=now,
    )
    echoed(api, finished(api, identity), dataset, "START")


def test_a_job_needs_a_dataset_that_is_valid(api: Api) -> None:
    body = {"model": MODEL, "dataset_id": f"conformance-never-{api.unique}", "input_type": "search_document"}
    response = api.call(CREATE, body=body, status=(400, 404))
    api.require(
        "embed-jobs.unknown-dataset",
        response.status == 404,
        response,
        expected="404",
        observed=response.status,
    )
    bad = uploaded(api, [{"remark": "no text here"}]).at("/dataset", Dataset)
    if bad["validation_status"] != "failed":
        return
    response = api.call(CREATE, body={**body, "dataset_id": bad["id"]}, status=(200, 400, 404, 422))
    if response.status == 200:
        api.later(CANCEL, path={"id": response.at("/job_id", str)}, status=(*CANCELLED_OR_NOT, 404))
    api.require(
        "embed-jobs.dataset-validated",
        response.status != 200,
        response,
        expected="a refusal",
        observed=response.status,
    )
