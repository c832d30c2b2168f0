"""Batches: many requests over a dataset, answered in the background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, walks
from cohere_conformance.reference.batching import answered
from cohere_conformance.reference.datasets import avro, record
from cohere_conformance.reference.datasets.record import Content
from cohere_conformance.reference.datasets.upload import file_of, size_of
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.paging import page
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cohere_conformance.reference.batching import Done
    from cohere_conformance.reference.datasets.kinds import Row
    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.handling import Call

TOKENS_NUMBERS = fault("batches.tokens-as-numbers", "The counts of tokens are numbers instead of texts.")
COUNTS = fault("batches.counts-inconsistent", "One more record succeeded than there are.")
ECHO_DIFFERS = fault("batches.echo-differs", "The answer to a creation has the name in capital letters.")
GET_DIFFERS = fault("batches.get-differs", "A batch that is read has another model than in the list.")
STATUS_LOWER = fault(
    "batches.status-lower-case", "The status is written in small letters and without its prefix."
)
UPDATED_EARLIER = fault("batches.updated-before-created", "Batches changed a day before they were made.")
PAGE_DROPS = fault("batches.page-drops-item", "Every page but the first lacks its first batch.")
PAGE_REPEATS = fault(
    "batches.page-repeats-item", "Every page but the first begins with the last batch before it."
)
SIZE_IGNORED = fault("batches.page-size-ignored", "A page holds every batch, whatever its size.")
SIZE_REFUSED = fault("batches.page-size-refused", "A page size above 1000 is refused with 400.")
LAST_TOKEN = fault("batches.last-page-token", "The last page has an empty token of a next one.")
ORDER_IGNORED = fault(
    "batches.unsorted", "Every second batch is listed behind all the others, whatever the order asked for."
)
CANCEL_500 = fault("batches.cancel-500", "Cancelling a batch is answered with 500.")
CANCEL_IGNORED = fault("batches.cancel-ignored", "Cancelling a batch succeeds and changes nothing.")
CANCEL_ENDED = fault(
    "batches.cancel-changes-completed", "Cancelling a batch that has ended makes it canceled."
)
RESULTS_DROPPED = fault("batches.results-dropped", "The output dataset lacks the result of the last record.")
UNWRAPPED = fault("batches.unwrapped", "A batch is answered as such, not below `batch`.")
ID_MISSING = fault("batches.id-missing", "The answer to a creation has no id.")
ID_TAKEN = fault("batches.id-taken-over", "The answer to a creation has the id that it was sent.")
OUTPUT_MISSING = fault("batches.output-missing", "A completed batch does not name the dataset that it made.")
BEGINS_LATER = fault("batches.begins-at-work", "A batch that was just created is at work already.")
STATUS_BACK = fault("batches.status-goes-back", "When half of its records are done, a batch is queued again.")

_QUEUED, _WORKING = 1, 3
"""Steps after which a batch is at work, and after which it is done."""
_HALF = 2
"""Steps after which half of the records are done; a cancellation from then on comes too late (BAT-S02)."""
_PAGE, _LARGEST_PAGE = 50, 1000


@dataclass
class Batch:
    """One batch.

    Attributes:
        id: its id.
        name: as it was given.
        model: answers every record.
        source: id of the input dataset.
        created_at: when it was made.
        step: how long a step takes.
        records: how many rows there are.
        work: answers them all.
        output: the dataset that it makes.
        cancelled_at: when it was told to stop.
    """

    id: str
    name: str
    model: str
    source: str
    created_at: datetime
    step: timedelta
    records: int
    work: Callable[[], list[Done]]
    output: Dataset
    cancelled_at: datetime | None = None

    @cached_property
    def results(self) -> list[Done]:
        """Return what came of the records."""
        return self.work()

    def at(self, steps: int) -> datetime:
        """Return when so many steps are over."""
        return self.created_at + steps * self.step

    def stand(self, now: datetime) -> tuple[str, datetime, int]:
        """Return the status at a time, since when it is so, and how many records are done."""
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
    """Begin to answer the rows of a validated dataset."""
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
    rows, kind, dropped = source.content.rows, source.kind.name, call.faulty(RESULTS_DROPPED)
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
        work=lambda: answered(call, kind, model, rows),
        output=record.result(
            f"{name}-results",
            kind,
            done_at,
            lambda: _stored(batch.results[: -1 if dropped else None]),
            source,
        ),
    )
    batch.output.preserve = ()
    record.add(call.account, batch.output)
    call.account.shelf(Batch)[batch.id] = batch
    shown = _shown(call, batch)
    if call.faulty(ECHO_DIFFERS):
        shown["name"] = name.upper()
    if call.faulty(ID_TAKEN):
        shown["id"] = call.body.get("id") or shown["id"]
    if call.faulty(ID_MISSING):
        del shown["id"]
    if call.faulty(BEGINS_LATER):
        shown["status"] = "BATCH_STATUS_IN_PROGRESS"
    return JsonResponse(shown if call.faulty(UNWRAPPED) else {"batch": shown})


def _stored(results: Sequence[Done]) -> Content:
    rows: list[Row] = [{"custom_id": one.custom_id, "error": one.error, "body": one.body} for one in results]
    schema = avro.schema_of(rows, ("custom_id", "error", "body"))
    files = (file_of("results", rows, schema),)
    return Content("validated", files, schema, size=size_of(files))


@operation("GET /v2/batches", beside="always")
def listed(call: Call) -> JsonResponse:
    """List the batches of one page, newest first."""
    size = call.query.get("page_size") or _PAGE
    if size < 0 or (size > _LARGEST_PAGE and call.faulty(SIZE_REFUSED)):
        raise ApiError(400, "invalid page_size: it must be between 0 and 1000")
    order = call.query.get("order_by") or "created_at"
    if order not in {"created_at", "updated_at"}:
        raise ApiError(400, "invalid order_by: expected created_at or updated_at")
    since, token = walks.begun(call)
    # A walk shows what there was at its beginning: what is made meanwhile would move the pages.
    found = [one for one in reversed(list(call.account.shelf(Batch).values())) if one.created_at <= since]
    if call.faulty(ORDER_IGNORED):
        found = found[::2] + found[1::2]
    elif order == "updated_at":
        found.sort(key=lambda one: one.stand(call.now)[1], reverse=True)
    size = len(found) or 1 if call.faulty(SIZE_IGNORED) else min(size, _LARGEST_PAGE)
    items, following = page(found, size, token, f"batches by {order}")
    shown = list(items)
    if token and call.faulty(PAGE_DROPS):
        shown = shown[1:]
    if token and shown and call.faulty(PAGE_REPEATS):
        shown = [found[found.index(shown[0]) - 1], *shown][:size]
    body: dict[str, Any] = {"batches": [_shown(call, one) for one in shown]}
    if following is not None:
        body["next_page_token"] = walks.following(since, following)
    elif call.faulty(LAST_TOKEN):
        body["next_page_token"] = ""
    return JsonResponse(body)


@operation("GET /v2/batches/{id}", beside="always")
def get(call: Call) -> JsonResponse:
    """Show where a batch stands."""
    shown = _shown(call, _batch(call))
    if call.faulty(GET_DIFFERS):
        shown["model"] = f"{shown['model']}-batch"
    return JsonResponse(shown if call.faulty(UNWRAPPED) else {"batch": shown})


@operation("POST /v2/batches/{id}:cancel")
def cancel(call: Call) -> JsonResponse:
    """Tell a batch to stop; one that has ended stays as it is (BAT-O10)."""
    batch = _batch(call)
    if call.faulty(CANCEL_500):
        raise ApiError(500, "internal server error")
    status = batch.stand(call.now)[0]
    if status in {"QUEUED", "IN_PROGRESS"} and not call.faulty(CANCEL_IGNORED):
        batch.cancelled_at = call.now
        if call.now < batch.at(_HALF):
            batch.output.revoked_at = call.now
    elif status in {"COMPLETED", "FAILED"} and call.faulty(CANCEL_ENDED):
        batch.cancelled_at = batch.created_at
    return JsonResponse({})


def _batch(call: Call) -> Batch:
    batch = call.account.shelf(Batch).get(call.path["id"])
    if batch is None:
        raise ApiError(404, f"batch with id {call.path['id']} not found")
    return batch


_REASONS = {"FAILED": "the input dataset was deleted", "CANCELED": "canceled on request"}


def _shown(call: Call, batch: Batch) -> dict[str, Any]:
    """Return a batch as it stands now."""
    status, updated, done = batch.stand(call.now)
    results = batch.results[:done] if done else []
    if call.faulty(UPDATED_EARLIER):
        updated = batch.created_at - timedelta(days=1)
    failed = sum(1 for one in results if one.error)
    read, written = sum(one.read for one in results), sum(one.written for one in results)
    as_number = call.faulty(TOKENS_NUMBERS)
    if status == "IN_PROGRESS" and call.now >= batch.at(_HALF) and call.faulty(STATUS_BACK):
        status = "QUEUED"
    named = status == "COMPLETED" and not call.faulty(OUTPUT_MISSING)
    shown: dict[str, Any] = {
        "id": batch.id,
        "name": batch.name,
        "creator_id": call.account.owner_id,
        "org_id": call.account.organization_id,
        "status": status.lower() if call.faulty(STATUS_LOWER) else f"BATCH_STATUS_{status}",
        "created_at": stamp(batch.created_at),
        "updated_at": stamp(updated),
        "input_dataset_id": batch.source,
        "output_dataset_id": batch.output.id if named else "",
        "input_tokens": read if as_number else str(read),
        "output_tokens": written if as_number else str(written),
        "model": batch.model,
        "num_records": batch.records,
        "num_successful_records": batch.records + 1 if call.faulty(COUNTS) else done - failed,
        "num_failed_records": failed,
    }
    if status in _REASONS:
        shown["status_reason"] = _REASONS[status]
    return shown
