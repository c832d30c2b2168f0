"""Embed jobs: what a job, its input dataset and the dataset of its results have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.session.api import UPLOAD_OPERATIONS, InconclusiveError, Upload

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

SHOW_DATASET, DELETE_DATASET = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
CREATE, LIST = "POST /v1/embed-jobs", "GET /v1/embed-jobs"
GET, CANCEL = "GET /v1/embed-jobs/{id}", "POST /v1/embed-jobs/{id}/cancel"
pytestmark = pytest.mark.operations(*UPLOAD_OPERATIONS, CREATE, LIST, GET, CANCEL)
TEXTS = ["Fog until noon, then fair.", "The ferry was late.", "Sun, at last."]
ENDED = frozenset({"complete", "failed", "cancelled"})
NEXT = {
    "processing": frozenset({"processing", "cancelling"}) | ENDED,
    "cancelling": frozenset({"cancelling"}) | ENDED,
}
"""The statuses that may follow each status."""
CANCEL_STATUSES = (200, 400, 422)
"""A job that has ended may refuse to be cancelled."""
PATIENCE = 300.0


class Dataset(TypedDict):
    """The properties of a dataset that the tests read."""

    id: str
    validation_status: str


class DatasetPart(TypedDict, total=False):
    """The properties of a part of a dataset that the tests read."""

    num_rows: int
    samples: list[str]


class Column(TypedDict):
    """A column of a dataset."""

    name: str


class Schema(TypedDict, total=False):
    """The schema of a dataset."""

    fields: list[Column]


class Job(TypedDict):
    """The properties of a job that the tests read."""

    job_id: str
    input_dataset_id: str
    model: str
    truncate: str
    created_at: str


def upload(api: Api, rows: list[dict[str, str]], *query: tuple[str, str]) -> Upload:
    """Upload rows to embed, and wait for the end of their validation."""
    return api.upload("embed-input", rows, name="job", query=query, seconds=PATIENCE)


def create(api: Api, dataset: str, **further: str) -> str:
    """Create a job and return its id; the job is cancelled when the test is over."""
    body = {
        "model": api.models["embed-light"],
        "dataset_id": dataset,
        "input_type": "search_document",
        **further,
    }
    job = api.call(CREATE, body=body).at("/job_id", str)
    api.later(CANCEL, path={"id": job}, status=(*CANCEL_STATUSES, 404))
    return job


def check_job(api: Api, response: ApiResponse, before: str) -> str:
    """Require that the status of a job may follow the one before, and return it."""
    status = response.at("/status", str)
    api.require(
        "embed-jobs.status-forward",
        status in NEXT.get(before, {before}),
        response,
        location="/status",
        expected=f"{before} or a later status",
        observed=status,
    )
    if output := response.at("/output_dataset_id", str | None):
        api.later(DELETE_DATASET, path={"id": output})
    return status


def finish(api: Api, job: str) -> ApiResponse:
    """Read a job until it ends, and return the last response; the status never goes back."""
    before = "processing"

    def ended(response: ApiResponse) -> bool:
        nonlocal before
        before = check_job(api, response, before)
        return before in ENDED

    return api.until(GET, ended, path={"id": job}, seconds=PATIENCE, expected=f"the end of job {job}")


def require_echo(api: Api, response: ApiResponse, dataset: str, truncate: str) -> None:
    """Require that a job repeats the values that it was created with."""
    sent = {"input_dataset_id": dataset, "model": api.models["embed-light"], "truncate": truncate}
    echoed = {name: response.at(f"/{name}", str | None) for name in sent}
    api.require("embed-jobs.created-echo", echoed == sent, response, expected=str(sent), observed=echoed)


def require_rows(api: Api, texts: list[str], kept: str) -> None:
    """Require that the results have the input rows in their order, with a kept column and vectors."""
    rows = [{"text": text, kept: f"day {number}"} for number, text in enumerate(texts)]
    dataset = upload(api, rows, ("keep_fields", kept)).response.at("/dataset", Dataset)["id"]
    job = finish(api, create(api, dataset))
    require_echo(api, job, dataset, "END")
    if (status := job.at("/status", str)) != "complete":
        raise InconclusiveError(f"not testable: expected a complete job, got {status}")
    response = api.call(SHOW_DATASET, path={"id": job.at("/output_dataset_id", str)})
    parts = response.at("/dataset/dataset_parts", list[DatasetPart] | None) or []
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
    order = [number for sample in samples for number, text in enumerate(texts) if text in sample]
    api.require(
        "embed-jobs.row-order",
        order == sorted(order),
        response,
        location="/dataset/dataset_parts/*/samples",
        expected="the rows in the order of the input",
        observed=order,
    )
    columns = (response.parsed("/dataset/schema", Schema | None) or {}).get("fields")
    names = {column["name"] for column in columns or ()}
    api.require(
        "embed-jobs.result-columns",
        columns is None or {"text", kept, "embeddings"} <= names,
        response,
        location="/dataset/schema",
        expected=f"the columns text, {kept} and embeddings",
        observed=sorted(names),
    )


def require_end_final(api: Api, text: str) -> None:
    """Require that an ended job keeps its status when it is read again, and when it is cancelled."""
    job = create(api, upload(api, [{"text": text}]).response.at("/dataset/id", str))
    before = finish(api, job).at("/status", str)
    check_job(api, api.call(GET, path={"id": job}), before)
    api.call(CANCEL, path={"id": job}, status=CANCEL_STATUSES)
    response = api.call(GET, path={"id": job})
    after = response.at("/status", str)
    api.require(
        "embed-jobs.cancel-ended",
        after == before,
        response,
        location="/status",
        expected=before,
        observed=after,
    )


def require_listed_as_read(api: Api, truncate: str) -> None:
    """Require that a job with this truncation is in the list, as it is read."""
    dataset = upload(api, [{"text": TEXTS[0]}]).response.at("/dataset/id", str)
    job = create(api, dataset, truncate=truncate)
    alone = api.call(GET, path={"id": job}).at("", Job)
    response = api.call(LIST)
    listed = [one for one in response.at("/embed_jobs", list[Job] | None) or () if one["job_id"] == job]
    api.require(
        "embed-jobs.listed",
        bool(listed),
        response,
        location="/embed_jobs",
        expected=f"the job {job}",
        observed="no job with this id",
    )
    api.need(bool(listed), f"the job {job} in the list")
    constant = ("input_dataset_id", "model", "truncate", "created_at")
    api.require(
        "embed-jobs.listed-as-read",
        all(listed[0][name] == alone[name] for name in constant),
        response,
        location="/embed_jobs/*",
        expected=str([alone[name] for name in constant]),
        observed=[listed[0][name] for name in constant],
    )


def require_stopped(api: Api, truncate: str) -> None:
    """Require that a job that was cancelled is not processing any more, and has its truncation."""
    dataset = upload(api, [{"text": TEXTS[0]}]).response.at("/dataset/id", str)
    job = create(api, dataset, truncate=truncate)
    api.call(CANCEL, path={"id": job})
    response = api.call(GET, path={"id": job})
    status = response.at("/status", str)
    api.require(
        "embed-jobs.cancel-stops",
        status != "processing",
        response,
        location="/status",
        expected="cancelling, or an ended job",
        observed=status,
    )
    require_echo(api, finish(api, job), dataset, truncate)


def require_valid_dataset(api: Api, column: str) -> None:
    """Require that a job over an unknown dataset, or over one without the required column, is rejected."""
    body = {
        "model": api.models["embed-light"],
        "dataset_id": f"conformance-never-{api.unique}",
        "input_type": "search_document",
    }
    response = api.call(CREATE, body=body, status=(400, 404))
    api.require(
        "embed-jobs.unknown-dataset",
        response.status == 404,
        response,
        expected="404",
        observed=response.status,
    )
    invalid = upload(api, [{column: "no text here"}]).response.at("/dataset", Dataset)
    if invalid["validation_status"] != "failed":
        return
    response = api.call(CREATE, body={**body, "dataset_id": invalid["id"]}, status=(200, 400, 404, 422))
    if response.status == 200:
        api.later(CANCEL, path={"id": response.at("/job_id", str)}, status=(*CANCEL_STATUSES, 404))
    api.require(
        "embed-jobs.dataset-validated",
        response.status != 200,
        response,
        expected="status 400, 404 or 422",
        observed=response.status,
    )


def test_a_job_makes_a_row_of_each_row(api: Api) -> None:
    """The results have a row for each input row, in the same order, with the kept column and a vector."""
    require_rows(api, TEXTS, "day")


def test_what_has_ended_stays_as_it_is(api: Api) -> None:
    """A job that has ended keeps its status when it is read again, and when it is cancelled."""
    require_end_final(api, TEXTS[0])


def test_jobs_are_listed_as_they_are_read(api: Api) -> None:
    """A job is in the list, with the dataset, model, truncation and time of creation that it has alone."""
    require_listed_as_read(api, "END")


def test_a_job_that_is_told_to_stop_is_not_at_work(api: Api) -> None:
    """A job that was cancelled is cancelling, or has ended, but is not processing any more."""
    require_stopped(api, "START")


def test_a_job_needs_a_dataset_that_is_valid(api: Api) -> None:
    """A job over an unknown dataset gets 404; one over a dataset that failed its validation is rejected."""
    require_valid_dataset(api, "remark")
