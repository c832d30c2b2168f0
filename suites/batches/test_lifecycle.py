"""Batches in any order: begun, read, listed and told to stop, also when they have ended."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypedDict

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule
from msgspec import Meta

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

UPLOAD, SHOW, REMOVE = "POST /v1/datasets", "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
CREATE, LIST = "POST /v2/batches", "GET /v2/batches"
GET, CANCEL = "GET /v2/batches/{id}", "POST /v2/batches/{id}:cancel"
MODEL = "embed-v4.0"
VALIDATING = frozenset({"unknown", "queued", "processing"})
RANK = {"QUEUED": 0, "IN_PROGRESS": 1, "CANCELING": 2, "COMPLETED": 3, "FAILED": 3, "CANCELED": 3}
END = RANK["COMPLETED"]
COUNTS = ("num_successful_records", "num_failed_records", "input_tokens", "output_tokens")
STOP_OR_NOT = (200, 400)
MOST = 2
PICK = strategies.integers(0, MOST - 1)
PATIENCE = 600.0
Moment = Annotated[datetime, Meta(tz=True)]
Count = int | Annotated[str, Meta(pattern="^[0-9]{1,18}$")]


class Batch(TypedDict, total=False):
    """What is read of a batch."""

    id: str
    status: str
    num_successful_records: Count
    num_failed_records: Count
    input_tokens: Count
    output_tokens: Count
    updated_at: Moment
    output_dataset_id: str | None


@dataclass
class Known:
    """What must be true of one batch."""

    id: str
    last: Batch
    stopped: bool = False

    @property
    def status(self) -> str:
        """Return where it stood when it was last seen."""
        return status_of(self.last)


def status_of(batch: Batch) -> str:
    """Return the status without its prefix."""
    return str(batch.get("status", "")).removeprefix("BATCH_STATUS_")


def back(before: Batch, after: Batch) -> dict[str, tuple[object, object]]:
    """Return what has gone back between two looks at a batch."""
    found: dict[str, tuple[object, object]] = {
        name: (before[name], after[name])
        for name in COUNTS
        if name in before and name in after and int(after[name]) < int(before[name])
    }
    if RANK.get(status_of(after), 0) < RANK.get(status_of(before), 0):
        found["status"] = (status_of(before), status_of(after))
    times = [one["updated_at"] for one in (before, after) if "updated_at" in one]
    if len(times) > 1 and times[1] < times[0]:
        found["updated_at"] = (before["updated_at"], after["updated_at"])
    return found


class Batches(Lifecycle):
    """The batches over one dataset."""

    def __init__(self, dataset: str, made: list[str], api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.dataset = dataset
        self.made = made
        self.begun = 0
        self.known: list[Known] = []

    @precondition(lambda self: self.begun < MOST)
    @rule()
    @step
    def create(self) -> None:
        """Begin one."""
        self.begun += 1
        body = {"name": f"conformance-{self.api.unique}", "model": MODEL, "input_dataset_id": self.dataset}
        response = self.api.call(CREATE, body=body)
        identity = response.at("/batch/id", str)
        self.made.append(identity)
        self.known.append(Known(identity, response.at("/batch", Batch)))

    @precondition(lambda self: self.begun)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read one."""
        self.look(self.known[pick % len(self.known)])

    @precondition(lambda self: self.begun)
    @rule()
    @step
    def list_all(self) -> None:
        """Look at all of them in the list."""
        response = self.api.call(LIST, query=[("page_size", "1000")])
        listed = {one.get("id"): one for one in response.at("/batches", list[Batch] | None) or ()}
        for one in self.known:
            if one.id in listed:
                self.compare(one, listed[one.id], response, "/batches/*")

    @precondition(lambda self: self.begun)
    @rule(pick=PICK)
    @step
    def stop(self, pick: int) -> None:
        """Tell one to stop, which may have ended, and look what has become of it."""
        one = self.known[pick % len(self.known)]
        before = one.status
        taken = self.api.call(CANCEL, path={"id": one.id}, status=STOP_OR_NOT).status == 200
        one.stopped = one.stopped or (taken and RANK.get(before, 0) < END)
        self.look(one)

    @precondition(lambda self: self.begun)
    @rule(pick=PICK)
    @step
    def follow(self, pick: int) -> None:
        """Follow one to its end, tell it to stop then, and look again."""
        one = self.known[pick % len(self.known)]

        def look() -> bool | None:
            self.look(one)
            return True if RANK.get(one.status, 0) >= END else None

        if RANK.get(one.status, 0) < END:
            self.api.until(GET, look, PATIENCE, expected=f"an end of the batch {one.id}", growth=1.1)
        self.api.call(CANCEL, path={"id": one.id}, status=STOP_OR_NOT)
        self.look(one)

    def look(self, one: Known) -> None:
        """Read a batch and compare it with what is known."""
        response = self.api.call(GET, path={"id": one.id})
        self.compare(one, response.at("/batch", Batch), response, "/batch")

    def compare(self, one: Known, now: Batch, response: ApiResponse, location: str) -> None:
        """Compare what is told of a batch with what was told before."""
        status, before = status_of(now), one.status
        if RANK.get(before, 0) == END:
            self.api.require(
                "batches.end-is-final",
                status == before,
                response,
                location=f"{location}/status",
                expected=f"{before}, where it ended",
                observed=status,
            )
        elif gone_back := back(one.last, now):
            self.api.require(
                "batches.never-back",
                False,
                response,
                location=location,
                expected="nothing that goes back",
                observed=gone_back,
                value_class=" ".join(sorted(gone_back)),
            )
        self.api.require(
            "batches.cancel-works",
            not one.stopped or RANK.get(status, 0) >= RANK["CANCELING"],
            response,
            location=f"{location}/status",
            expected="canceling, or an end",
            observed=status,
        )
        one.last = now


def uploaded(api: Api) -> str:
    """Return the id of a validated dataset of two requests to embed."""
    rows = [
        {"custom_id": text, "body": {"texts": [text], "input_type": "search_document"}}
        for text in ("Oats", "Barley")
    ]
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

    def look() -> str | None:
        status = api.call(SHOW, path={"id": identity}).at("/dataset/validation_status", str)
        return None if status in VALIDATING else identity

    return api.until(SHOW, look, PATIENCE, expected=f"an end of the validation of {identity}")


def tidy(api: Api, made: list[str]) -> None:
    """See to it that nothing is left at work, and that what was made is removed after the test."""
    for identity in made:
        api.call(CANCEL, path={"id": identity}, status=STOP_OR_NOT)

        def look(identity: str = identity) -> Batch | None:
            batch = api.call(GET, path={"id": identity}).at("/batch", Batch)
            return batch if RANK.get(status_of(batch), 0) >= END else None

        with suppress(InconclusiveError):  # one that does not end is no reason to leave the others at work
            ended = api.until(GET, look, PATIENCE, expected=f"an end of the batch {identity}")
            if output := ended.get("output_dataset_id"):
                api.later(REMOVE, path={"id": output})


@pytest.mark.operations(UPLOAD, SHOW, REMOVE, CREATE, LIST, GET, CANCEL)
def test_any_order(api: Api) -> None:
    made: list[str] = []
    explore(api, partial(Batches, uploaded(api), made))
    tidy(api, made)
