"""Batches in random sequences of calls: created, read, listed and cancelled, also after their end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypedDict

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule
from msgspec import Meta

from cohere_conformance.session.api import UPLOAD_OPERATIONS, InconclusiveError
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

DELETE_DATASET = "DELETE /v1/datasets/{id}"
CREATE, LIST = "POST /v2/batches", "GET /v2/batches"
GET, CANCEL = "GET /v2/batches/{id}", "POST /v2/batches/{id}:cancel"
RANK = {"QUEUED": 0, "IN_PROGRESS": 1, "CANCELING": 2, "COMPLETED": 3, "FAILED": 3, "CANCELED": 3}
END = RANK["COMPLETED"]
COUNTS = ("num_successful_records", "num_failed_records", "input_tokens", "output_tokens")
CANCEL_STATUSES = (200, 400)
"""A batch that has ended may refuse to be cancelled."""
MOST = 2
PICK = strategies.integers(0, MOST - 1)
PATIENCE = 600.0
Moment = Annotated[datetime, Meta(tz=True)]
Count = int | Annotated[str, Meta(pattern="^[0-9]{1,18}$")]


class Batch(TypedDict, total=False):
    """The properties of a batch that the test reads."""

    id: str
    status: str
    num_successful_records: Count
    num_failed_records: Count
    input_tokens: Count
    output_tokens: Count
    updated_at: Moment
    output_dataset_id: str | None


@dataclass
class Expected:
    """What is known of a batch, and must be confirmed by each response.

    Attributes:
        id: of the batch.
        last: the batch as the last response showed it.
        cancelled: whether it was cancelled before its end.
    """

    id: str
    last: Batch
    cancelled: bool = False

    @property
    def status(self) -> str:
        """The last status, without its prefix."""
        return status_of(self.last)


def shown(response: ApiResponse) -> Batch:
    """Return the batch in a response, which is compared with that in others only."""
    return response.at("/batch", Batch, despite_requirements=True)


def status_of(batch: Batch) -> str:
    """Return the status of a batch without its prefix."""
    return str(batch.get("status", "")).removeprefix("BATCH_STATUS_")


def decreased(before: Batch, after: Batch) -> dict[str, tuple[object, object]]:
    """Return the counts, the status and the time that are lower in the later of two responses."""
    found: dict[str, tuple[object, object]] = {
        name: (before[name], after[name])
        for name in COUNTS
        if name in before and name in after and int(after[name]) < int(before[name])
    }
    if RANK.get(status_of(after), 0) < RANK.get(status_of(before), 0):
        found["status"] = (status_of(before), status_of(after))
    times = [batch["updated_at"] for batch in (before, after) if "updated_at" in batch]
    if len(times) > 1 and times[1] < times[0]:
        found["updated_at"] = (before["updated_at"], after["updated_at"])
    return found


class Batches(Lifecycle):
    """The batches that the test creates over one dataset."""

    def __init__(self, dataset: str, created: list[str], api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.dataset = dataset
        self.created = created
        self.number = 0
        self.batches: list[Expected] = []

    @precondition(lambda self: self.number < MOST)
    @rule()
    @step
    def create(self) -> None:
        """Create a batch."""
        self.number += 1
        body = {
            "name": f"conformance-{self.api.unique}",
            "model": self.api.models["embed"],
            "input_dataset_id": self.dataset,
        }
        response = self.api.call(CREATE, body=body)
        identity = response.at("/batch/id", str)
        self.created.append(identity)
        created = shown(response)
        if status_of(created) != "QUEUED":
            created.pop("status", None)  # the requirement batches.begins-queued is about it
        self.batches.append(Expected(identity, created))

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read a batch."""
        self.check(self.batches[pick % len(self.batches)])

    @precondition(lambda self: self.number)
    @rule()
    @step
    def list_all(self) -> None:
        """List the batches."""
        response = self.api.call(LIST, query=[("page_size", "1000")])
        batches = response.at("/batches", list[Batch] | None, despite_requirements=True) or ()
        listed = {batch.get("id"): batch for batch in batches}
        for one in self.batches:
            if one.id in listed:
                self.compare(one, listed[one.id], response, "/batches/*")

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def stop(self, pick: int) -> None:
        """Cancel a batch, which may have ended, and read it."""
        one = self.batches[pick % len(self.batches)]
        before = one.status
        accepted = self.api.call(CANCEL, path={"id": one.id}, status=CANCEL_STATUSES).status == 200
        one.cancelled = one.cancelled or (accepted and RANK.get(before, 0) < END)
        self.check(one)

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def follow(self, pick: int) -> None:
        """Read a batch until it ends, then cancel it and read it again."""
        one = self.batches[pick % len(self.batches)]

        def ended(response: ApiResponse) -> bool:
            self.compare(one, shown(response), response, "/batch")
            return RANK.get(one.status, 0) >= END

        if RANK.get(one.status, 0) < END:
            self.api.until(
                GET,
                ended,
                path={"id": one.id},
                seconds=PATIENCE,
                expected=f"the end of batch {one.id}",
                growth=1.1,
            )
        self.api.call(CANCEL, path={"id": one.id}, status=CANCEL_STATUSES)
        self.check(one)

    def check(self, one: Expected) -> None:
        """Read a batch and compare it with what is known of it."""
        response = self.api.call(GET, path={"id": one.id})
        self.compare(one, shown(response), response, "/batch")

    def compare(self, one: Expected, now: Batch, response: ApiResponse, location: str) -> None:
        """Compare a batch in a response with the same batch in the response before."""
        status, before = status_of(now), one.status
        if RANK.get(before, 0) == END:
            self.api.require(
                "batches.end-is-final",
                status == before,
                response,
                location=f"{location}/status",
                expected=f"{before}, the status in which it ended",
                observed=status,
            )
        elif lower := decreased(one.last, now):
            self.api.require(
                "batches.never-back",
                False,
                response,
                location=location,
                expected="no lower count, status or time than before",
                observed=lower,
                value_class=" ".join(sorted(lower)),
            )
        self.api.require(
            "batches.cancel-works",
            not one.cancelled or RANK.get(status, 0) >= RANK["CANCELING"],
            response,
            location=f"{location}/status",
            expected="canceling, or an ended batch",
            observed=status,
        )
        one.last = now


def clean_up(api: Api, created: list[str]) -> None:
    """Cancel each batch and wait for its end; the datasets of results are deleted after the test."""
    for batch in created:
        api.call(CANCEL, path={"id": batch}, status=CANCEL_STATUSES)
        with suppress(
            InconclusiveError
        ):  # a batch that does not end must not keep the others from being cancelled
            ended = api.until(
                GET,
                lambda response: RANK.get(status_of(shown(response)), 0) >= END,
                path={"id": batch},
                seconds=PATIENCE,
                expected=f"the end of batch {batch}",
            )
            if output := shown(ended).get("output_dataset_id"):
                api.later(DELETE_DATASET, path={"id": output})


@pytest.mark.operations(*UPLOAD_OPERATIONS, CREATE, LIST, GET, CANCEL)
def test_any_order(api: Api) -> None:
    """A batch only moves forward to its end, and stays there, whatever is called in whatever order."""
    rows = [
        {"custom_id": text, "body": {"texts": [text], "input_type": "search_document"}}
        for text in ("Oats", "Barley")
    ]
    keep = [("keep_fields", "custom_id")]
    dataset = api.upload("batch-embed-v2-input", rows, name="batch", query=keep, seconds=PATIENCE).id
    created: list[str] = []
    explore(api, partial(Batches, dataset, created))
    clean_up(api, created)
