"""Embed jobs: the embedding of a dataset in the background."""

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
from cohere_conformance.reference.groups import embed_jobs_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cohere_conformance.reference.datasets.kinds import Row
    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

_STEPS = 2
"""The number of steps of a job."""
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
"""Types that were not requested are null (EJ-S03)."""


@dataclass
class Job:
    """One embed job.

    Attributes:
        id: its id.
        name: the name that it was created with; `""` without one.
        model: the model that embeds.
        source: the id of the input dataset.
        input_type: the purpose of the vectors.
        truncate: the end at which long texts are cut.
        created_at: the time of its creation.
        done_at: the time at which it is complete, unless it is cancelled.
        billed: the tokens of all texts, after truncation.
        output: the output dataset.
        cancelled_at: the time of its cancellation.
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

    def status(self, now: datetime, step: float) -> str:
        """Return the status at a time."""
        if self.cancelled_at is not None:
            stopped = now - self.cancelled_at >= timedelta(seconds=step)
            return "cancelled" if stopped else "cancelling"
        if self.output.revoked_at is not None:
            return "failed"
        return "complete" if now >= self.done_at else "processing"


@operation("POST /v1/embed-jobs", in_thread="always")
def create(call: Call) -> Callable[[], JsonResponse]:
    """Create a job that embeds a validated dataset."""
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
    if validation != "validated" and not (validation == "failed" and call.faulty(faults.INVALID_ACCEPTED)):
        raise ApiError(400, f"dataset {source.id} is not validated: its validation status is {validation}")
    truncate, name = body.get("truncate", "END"), body.get("name", "")
    types = tuple(dict.fromkeys(body.get("embedding_types") or ("float",)))
    if model.generation < 3 and {*types} - {"float", "base64"}:
        raise ApiError(400, f"embedding_types: model '{model.name}' makes no quantised vectors")
    rows = source.content.rows
    texts = [fitted(row["text"], model.context, truncate, "a text") for row in rows]
    done_at = call.now + timedelta(seconds=_STEPS * call.state.step)
    columns = inject(call, faults.COLUMNS, ("text", *source.preserve))
    embedded = inject(call, faults.ROWS, list(zip(rows, texts, strict=True)))

    def make() -> Content:
        made = [
            {**row, "embeddings": _embeddings(model, text, body["input_type"], types)}
            for row, text in embedded
        ]
        return _stored(made, columns)

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
        # The dataset may have been deleted while its texts were counted.
        if record.find(call.account, source.id, call.now) is None:
            raise _no_dataset(call)
        record.add(call.account, output)
        call.account.shelf(Job)[job.id] = job
        return JsonResponse({"job_id": job.id, "meta": meta_with_notices(call, notices)}, warnings=notices)

    return store


def _no_dataset(call: Call) -> ApiError:
    status = 400 if call.faulty(faults.UNKNOWN_400) else 404
    return ApiError(status, f"dataset with id {call.body['dataset_id']} not found")


def _embeddings(model: Model, text: str, purpose: str, types: tuple[str, ...]) -> dict[str, Any]:
    vector = vectors.embed(model.space, model.dimension, (text,), purpose)
    return {kind: vectors.typed(vector, kind) for kind in types}


def _stored(rows: list[Row], columns: tuple[str, ...]) -> Content:
    schema = avro.schema_of(rows, (*columns, "embeddings"), {"embeddings": _EMBEDDINGS})
    files = (file_of("embeddings", rows, schema),)
    return Content("validated", files, schema, size=size_of(files))


@operation("GET /v1/embed-jobs")
def listed(call: Call) -> JsonResponse:
    """List all jobs of the account, newest first."""
    shown = [_shown(call, job) for job in reversed(call.account.shelf(Job).values())]
    return JsonResponse({"embed_jobs": inject(call, faults.LIST, shown)})


@operation("GET /v1/embed-jobs/{id}")
def get(call: Call) -> JsonResponse:
    """Return one job."""
    return JsonResponse(inject(call, faults.READ, _shown(call, _job(call))))


@operation("POST /v1/embed-jobs/{id}/cancel")
def cancel(call: Call) -> JsonResponse:
    """Cancel a job; a job that has ended does not change (EJ-S05)."""
    job = _job(call)
    status = job.status(call.now, call.state.step)
    stops = status == "processing" and not call.faulty(faults.CANCEL_IGNORED)
    if stops or (status == "complete" and call.faulty(faults.CANCEL_UNDOES)):
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
    complete = status == "complete"
    if complete or (status == "processing" and call.faulty(faults.OUTPUT_EARLY)):
        shown["output_dataset_id"] = job.output.id
    billed = _billed(job) if complete or job.cancelled_at else {}
    shown["meta"] = meta_with_notices(call, sunset(call, job.model), **billed)
    return inject(call, faults.SHOWN, shown)


def _billed(job: Job) -> dict[str, int]:
    """Return what is billed; a cancelled job bills what it had done until then (B-07)."""
    spent = job.billed
    if job.cancelled_at is not None and job.done_at > job.created_at:
        spent = int(spent * (job.cancelled_at - job.created_at) / (job.done_at - job.created_at))
    return {"input_tokens": spent}
