"""Batches: one request for each row of a dataset, processed in the background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, walks
from cohere_conformance.reference.batching import row_results
from cohere_conformance.reference.datasets import avro, record
from cohere_conformance.reference.datasets.record import Content
from cohere_conformance.reference.datasets.upload import file_of, size_of
from cohere_conformance.reference.groups import batches_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.paging import page
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cohere_conformance.reference.batching import RowResult
    from cohere_conformance.reference.datasets.kinds import Row
    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.handling import Call

_QUEUED, _WORKING = 1, 3
"""The steps after which a batch is in progress, and after which it is completed."""
_HALF = 2
"""The step after which half of the records are done; a later cancellation has no effect (BAT-S02)."""
_PAGE, _LARGEST_PAGE = 50, 1000


@dataclass
class Batch:
    """One batch.

    Attributes:
        id: its id.
        name: the name that it was created with.
        model: the model of every record.
        source: the id of the input dataset.
        created_at: the time of its creation.
        step: the duration of a step.
        records: the number of rows.
        work: processes all rows.
        output: the output dataset.
        cancelled_at: the time of its cancellation.
    """

    id: str
    name: str
    model: str
    source: str
    created_at: datetime
    step: timedelta
    records: int
    work: Callable[[], list[RowResult]]
    output: Dataset
    cancelled_at: datetime | None = None

    @cached_property
    def results(self) -> list[RowResult]:
        """Return the result of each record."""
        return self.work()

    def at(self, steps: int) -> datetime:
        """Return the time after a number of steps."""
        return self.created_at + steps * self.step

    def progress(self, now: datetime) -> tuple[str, datetime, int]:
        """Return the status at a time, the time since when it has it, and the number of finished records."""
        stopped = self.cancelled_at
        if stopped is not None and stopped < self.at(_HALF):
            ended = now >= stopped + self.step
            return ("CANCELED", stopped + self.step, 0) if ended else ("CANCELING", stopped, 0)
        failed = self.output.revoked_at
        if failed is not None and failed <= now:
            return "FAILED", failed, self._done(failed)
        if now >= self.at(_WORKING):
            return "COMPLETED", self.at(_WORKING), self.records
        if stopped is not None:
            return "CANCELING", stopped, self._done(now)
        if now >= self.at(_HALF):
            return "IN_PROGRESS", self.at(_HALF), self._done(now)
        if now >= self.at(_QUEUED):
            return "IN_PROGRESS", self.at(_QUEUED), 0
        return "QUEUED", self.created_at, 0

    def _done(self, now: datetime) -> int:
        return self.records // 2 if now >= self.at(_HALF) else 0


@operation("POST /v2/batches")
def create(call: Call) -> JsonResponse:
    """Create a batch from a validated dataset."""
    name, model, identity = call.body["name"], call.body["model"], call.body["input_dataset_id"]
    if call.account.organization_id == call.state.account("trial").organization_id:
        raise ApiError(403, "batches need a production key")
    source = record.find(call.account, identity, call.now)
    if source is None:
        raise ApiError(404, f"dataset with id {identity} not found")
    if not source.kind.batch:
        raise ApiError(400, f"dataset {identity} is of type {source.kind.name}, which no batch can read")
    validation = source.status(call.now, call.state.step)
    if validation != "validated":
        raise ApiError(400, f"dataset {identity} is not validated: its validation status is {validation}")
    wanted = "embed" if "embed" in source.kind.name else "chat"
    if wanted not in models.find(model, call.state).endpoints:
        raise ApiError(400, f"model '{model}' is not supported for datasets of type {source.kind.name}")
    rows, kind = source.content.rows, source.kind.name
    saved = inject(call, faults.SAVED_RECORDS, len(rows))
    step = timedelta(seconds=call.state.step)
    done_at = call.now + _WORKING * step
    batch = Batch(
        id=new_id(),
        name=name,
        model=model,
        source=source.id,
        created_at=call.now,
        step=step,
        records=len(rows),
        work=lambda: row_results(call, kind, model, rows),
        output=record.result(
            f"{name}-results",
            kind,
            done_at,
            lambda: _stored(batch.results[:saved]),
            source,
        ),
    )
    batch.output.preserve = ()
    record.add(call.account, batch.output)
    call.account.shelf(Batch)[batch.id] = batch
    shown = inject(call, faults.CREATED, _shown(call, batch))
    return JsonResponse(inject(call, faults.BODY, {"batch": shown}))


def _stored(results: Sequence[RowResult]) -> Content:
    rows: list[Row] = [{"custom_id": one.custom_id, "error": one.error, "body": one.body} for one in results]
    schema = avro.schema_of(rows, ("custom_id", "error", "body"))
    files = (file_of("results", rows, schema),)
    return Content("validated", files, schema, size=size_of(files))


@operation("GET /v2/batches", in_thread="always")
def listed(call: Call) -> JsonResponse:
    """List the batches of one page, newest first."""
    size = call.query.get("page_size") or _PAGE
    if size < 0 or (size > _LARGEST_PAGE and call.faulty(faults.SIZE_REFUSED)):
        raise ApiError(400, "invalid page_size: it must be between 0 and 1000")
    order = call.query.get("order_by") or "created_at"
    if order not in {"created_at", "updated_at"}:
        raise ApiError(400, "invalid order_by: expected created_at or updated_at")
    since, token = walks.begun(call)
    # A batch that is created during the walk would move the pages.
    found = [one for one in reversed(list(call.account.shelf(Batch).values())) if one.created_at <= since]
    if call.faulty(faults.ORDER_IGNORED):
        found = found[::2] + found[1::2]
    elif order == "updated_at":
        found.sort(key=lambda one: one.progress(call.now)[1], reverse=True)
    size = inject(call, faults.PAGE_SIZE, min(size, _LARGEST_PAGE))
    part = inject(call, faults.PAGE, page(found, size, token, f"batches by {order}"))
    body: dict[str, Any] = {"batches": [_shown(call, one) for one in part.items]}
    if part.next_token is not None:
        body["next_page_token"] = walks.following(since, part.next_token)
    return JsonResponse(inject(call, faults.LIST, body))


@operation("GET /v2/batches/{id}", in_thread="always")
def get(call: Call) -> JsonResponse:
    """Return one batch."""
    shown = inject(call, faults.READ, _shown(call, _batch(call)))
    return JsonResponse(inject(call, faults.BODY, {"batch": shown}))


@operation("POST /v2/batches/{id}:cancel")
def cancel(call: Call) -> JsonResponse:
    """Cancel a batch; a batch that has ended does not change (BAT-O10)."""
    batch = _batch(call)
    if call.faulty(faults.CANCEL_500):
        raise ApiError(500, "internal server error")
    status = batch.progress(call.now)[0]
    if status in {"QUEUED", "IN_PROGRESS"} and not call.faulty(faults.CANCEL_IGNORED):
        batch.cancelled_at = call.now
        if call.now < batch.at(_HALF):
            batch.output.revoked_at = call.now
    elif status in {"COMPLETED", "FAILED"} and call.faulty(faults.CANCEL_ENDED):
        batch.cancelled_at = batch.created_at
    return JsonResponse({})


def _batch(call: Call) -> Batch:
    batch = call.account.shelf(Batch).get(call.path["id"])
    if batch is None:
        raise ApiError(404, f"batch with id {call.path['id']} not found")
    return batch


_REASONS = {"FAILED": "the input dataset was deleted", "CANCELED": "canceled on request"}


def _shown(call: Call, batch: Batch) -> dict[str, Any]:
    """Return a batch in its current state."""
    status, updated, done = batch.progress(call.now)
    results = batch.results[:done] if done else []
    failed = sum(1 for one in results if one.error)
    shown: dict[str, Any] = {
        "id": batch.id,
        "name": batch.name,
        "creator_id": call.account.owner_id,
        "org_id": call.account.organization_id,
        "status": f"BATCH_STATUS_{status}",
        "created_at": stamp(batch.created_at),
        "updated_at": stamp(updated),
        "input_dataset_id": batch.source,
        "output_dataset_id": batch.output.id if status == "COMPLETED" else "",
        "input_tokens": str(sum(one.read for one in results)),
        "output_tokens": str(sum(one.written for one in results)),
        "model": batch.model,
        "num_records": batch.records,
        "num_successful_records": done - failed,
        "num_failed_records": failed,
    }
    if status in _REASONS:
        shown["status_reason"] = _REASONS[status]
    return inject(call, faults.SHOWN, shown)
