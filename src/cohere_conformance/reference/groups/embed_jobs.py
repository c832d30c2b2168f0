"""Embed jobs: the embedding of a whole dataset in the background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, tokens, vectors
from cohere_conformance.reference.common import fitted, meta_with_notices, sunset
from cohere_conformance.reference.datasets import avro, record
from cohere_conformance.reference.datasets.kinds import EMBED_INPUT, EMBED_RESULT
from cohere_conformance.reference.datasets.record import Content
from cohere_conformance.reference.datasets.upload import file_of, size_of
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cohere_conformance.reference.datasets.kinds import Row
    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

OUTPUT_EARLY = fault(
    "embed-jobs.output-before-complete", "A job names its output dataset while it is processing."
)
OUTPUT_MISSING = fault("embed-jobs.output-missing", "A complete job does not name its output dataset.")
ROWS_DROPPED = fault("embed-jobs.rows-dropped", "The output dataset lacks the last row of the input.")
ROWS_REVERSED = fault(
    "embed-jobs.rows-reversed", "The output dataset has the rows of the input from the last one on."
)
UNLISTED = fault("embed-jobs.unlisted", "The newest job is not listed.")
CANCEL_IGNORED = fault("embed-jobs.cancel-ignored", "Cancelling a job succeeds and changes nothing.")
STATUS_UNKNOWN = fault("embed-jobs.status-unknown-value", "A job at work has the status `in_progress`.")
TRUNCATE_DIFFERS = fault("embed-jobs.truncate-differs", "Jobs say that texts are cut at the other end.")
CREATED_NUMBER = fault(
    "embed-jobs.created-at-number", "The time at which a job was made is a number of seconds."
)
UNKNOWN_400 = fault(
    "embed-jobs.unknown-dataset-400", "A job over an unknown dataset is refused with 400, not 404."
)
ID_DIFFERS = fault("embed-jobs.id-differs", "A job that is read has its id in capital letters.")
LISTED_DIFFERS = fault("embed-jobs.listed-differs", "In the list jobs are an hour older than when read.")
BACKWARDS = fault("embed-jobs.status-backwards", "A job that was complete is at work again when it is read.")
CANCEL_UNDOES = fault("embed-jobs.cancel-undoes", "Cancelling a complete job makes it a cancelled one.")
COLUMNS_DROPPED = fault("embed-jobs.columns-dropped", "The output dataset has none of the kept columns.")
INVALID_ACCEPTED = fault(
    "embed-jobs.invalid-dataset-accepted", "A dataset that failed its validation is embedded as if empty."
)

_STEPS = 2
"""Steps that a job takes."""
_NUMBERS: dict[str, avro.Schema] = {"type": "array", "items": "int"}
_STORED: dict[str, avro.Schema] = {
    "float": {"type": "array", "items": "float"},
    "int8": _NUMBERS,
    "uint8": _NUMBERS,
    "binary": _NUMBERS,
    "ubinary": _NUMBERS,
    "base64": "string",
}
_EMBEDDINGS: avro.Schema = {
    "type": "record",
    "name": "embeddings",
    "fields": [{"name": name, "type": ["null", stored]} for name, stored in _STORED.items()],
}
"""Every type has its place; those that were not asked for are null (EJ-S03)."""


@dataclass
class Job:
    """One embed job.

    Attributes:
        id: its id.
        name: as it was given, `""` where it was not.
        model: what embeds.
        source: id of the dataset that is embedded.
        input_type: what the vectors are for.
        truncate: which end of long texts is cut.
        created_at: when it began.
        done_at: when it is complete, unless it is cancelled.
        billed: tokens of all texts, as they are embedded.
        output: the dataset that it makes.
        cancelled_at: when it was told to stop.
        seen_complete: somebody has read that it is complete.
    """

    id: str
    name: str
    model: Model
    source: str
    input_type: str
    truncate: str
    created_at: datetime
    done_at: datetime
    billed: int
    output: Dataset
    cancelled_at: datetime | None = None
    seen_complete: bool = False

    def status(self, now: datetime, step: float) -> str:
        """Return where the job stands."""
        if self.cancelled_at is not None:
            stopped = now - self.cancelled_at >= timedelta(seconds=step)
            return "cancelled" if stopped else "cancelling"
        if self.output.revoked_at is not None:
            return "failed"
        return "complete" if now >= self.done_at else "processing"


@operation("POST /v1/embed-jobs", beside="always")
def create(call: Call) -> Callable[[], JsonResponse]:
    """Begin to embed a validated dataset."""
    body = call.body
    model = models.find(body["model"], call.state)
    if not model.dimension:
        raise ApiError(400, f"model '{model.name}' is not supported by the embed jobs endpoint")
    source = record.find(call.account, body["dataset_id"], call.now)
    if source is None:
        raise _no_dataset(call)
    if source.kind.name != EMBED_INPUT:
        raise ApiError(400, f"dataset {source.id} is of type {source.kind.name}, expected {EMBED_INPUT}")
    validation = source.status(call.now, call.state.step)
    if validation != "validated" and not (validation == "failed" and call.faulty(INVALID_ACCEPTED)):
        raise ApiError(400, f"dataset {source.id} is not validated: its validation status is {validation}")
    truncate, name = body.get("truncate", "END"), body.get("name", "")
    types = tuple(dict.fromkeys(body.get("embedding_types") or ("float",)))
    if "v2." in model.name and {*types} - {"float", "base64"}:
        raise ApiError(400, f"embedding_types: model '{model.name}' makes no quantised vectors")
    texts = [fitted(row["text"], model.context, truncate, "a text") for row in source.content.rows]
    done_at = call.now + timedelta(seconds=_STEPS * call.state.step)
    rows = source.content.rows
    columns = ("text",) if call.faulty(COLUMNS_DROPPED) else ("text", *source.preserve)
    dropped, reverse = call.faulty(ROWS_DROPPED), call.faulty(ROWS_REVERSED)

    def make() -> Content:
        made = [
            {**row, "embeddings": _embeddings(model, text, body["input_type"], types)}
            for row, text in zip(rows, texts, strict=True)
        ]
        made = made[:-1] if dropped else made
        return _stored(made[::-1] if reverse else made, columns)

    output = record.result(name or f"embeddings-of-{source.name}", EMBED_RESULT, done_at, make, source)
    job = Job(
        id=new_id(),
        name=name,
        model=model,
        source=source.id,
        input_type=body["input_type"],
        truncate=truncate,
        created_at=call.now,
        done_at=done_at,
        billed=sum(tokens.count(text) for text in texts),
        output=output,
    )
    notices = sunset(call, model)

    def store() -> JsonResponse:
        # It may have been deleted while its texts were counted.
        if record.find(call.account, source.id, call.now) is None:
            raise _no_dataset(call)
        record.add(call.account, output)
        call.account.shelf(Job)[job.id] = job
        return JsonResponse({"job_id": job.id, "meta": meta_with_notices(call, notices)}, warnings=notices)

    return store


def _no_dataset(call: Call) -> ApiError:
    status = 400 if call.faulty(UNKNOWN_400) else 404
    return ApiError(status, f"dataset with id {call.body['dataset_id']} not found")


def _embeddings(model: Model, text: str, purpose: str, types: tuple[str, ...]) -> dict[str, Any]:
    vector = vectors.embed(model.name, model.dimension, (text,), purpose)
    return {kind: vectors.typed(vector, kind) for kind in types}


def _stored(rows: list[Row], columns: tuple[str, ...]) -> Content:
    schema = avro.schema_of(rows, (*columns, "embeddings"), {"embeddings": _EMBEDDINGS})
    files = (file_of("embeddings", rows, schema),)
    return Content("validated", files, schema, size=size_of(files))


@operation("GET /v1/embed-jobs")
def listed(call: Call) -> JsonResponse:
    """List every job that the account ever had, newest first."""
    newest = list(reversed(call.account.shelf(Job).values()))
    shown = [_shown(call, job) for job in newest]
    if call.faulty(LISTED_DIFFERS):
        for job, item in zip(newest, shown, strict=True):
            item["created_at"] = stamp(job.created_at - timedelta(hours=1))
    return JsonResponse({"embed_jobs": shown[1:] if call.faulty(UNLISTED) else shown})


@operation("GET /v1/embed-jobs/{id}")
def get(call: Call) -> JsonResponse:
    """Show where a job stands."""
    job = _job(call)
    shown = _shown(call, job)
    if call.faulty(ID_DIFFERS):
        shown["job_id"] = job.id.upper()
    if shown["status"] == "complete":
        if job.seen_complete and call.faulty(BACKWARDS):
            shown["status"] = "processing"
            del shown["output_dataset_id"]
        job.seen_complete = True
    return JsonResponse(shown)


@operation("POST /v1/embed-jobs/{id}/cancel")
def cancel(call: Call) -> JsonResponse:
    """Tell a job to stop; one that has ended stays as it is (EJ-S05)."""
    job = _job(call)
    status = job.status(call.now, call.state.step)
    stops = status == "processing" and not call.faulty(CANCEL_IGNORED)
    if stops or (status == "complete" and call.faulty(CANCEL_UNDOES)):
        job.cancelled_at = call.now
        job.output.revoked_at = call.now
    return JsonResponse({})


def _job(call: Call) -> Job:
    identity = call.path["id"]
    job = call.account.shelf(Job).get(identity)
    if job is None:
        raise ApiError(404, f"could not find embed job with the ID {identity}")
    return job


def _shown(call: Call, job: Job) -> dict[str, Any]:
    status = job.status(call.now, call.state.step)
    shown: dict[str, Any] = {"job_id": job.id, "status": status, "created_at": stamp(job.created_at)}
    if job.name:
        shown["name"] = job.name
    shown |= {"input_dataset_id": job.source, "model": job.model.name, "truncate": job.truncate}
    complete, early = status == "complete", call.faulty(OUTPUT_EARLY)
    if (complete and not call.faulty(OUTPUT_MISSING)) or (status == "processing" and early):
        shown["output_dataset_id"] = job.output.id
    billed = _billed(job) if complete or job.cancelled_at else {}
    shown["meta"] = meta_with_notices(call, sunset(call, job.model), **billed)
    if call.faulty(TRUNCATE_DIFFERS):
        shown["truncate"] = "START" if job.truncate == "END" else "END"
    if call.faulty(STATUS_UNKNOWN) and status == "processing":
        shown["status"] = "in_progress"
    if call.faulty(CREATED_NUMBER):
        shown["created_at"] = job.created_at.timestamp()
    return shown


def _billed(job: Job) -> dict[str, int]:
    """Return what is charged: of a cancelled job what was done until then (B-07)."""
    spent = job.billed
    if job.cancelled_at is not None and job.done_at > job.created_at:
        spent = int(spent * (job.cancelled_at - job.created_at) / (job.done_at - job.created_at))
    return {"input_tokens": spent}
