"""Datasets in random sequences of calls: uploaded, read, listed and deleted, also twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypedDict

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule
from msgspec import Meta

from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

CREATE, LIST = "POST /v1/datasets", "GET /v1/datasets"
GET, DELETE = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
PROGRESS = {"unknown": 0, "queued": 0, "processing": 1, "validated": 2, "failed": 2, "skipped": 2}
FINAL = PROGRESS["validated"]
MOST = 3
Moment = Annotated[datetime, Meta(tz=True)]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
PICK = strategies.integers(0, MOST - 1)


def progress(status: str) -> int:
    """Return how far the validation of a dataset has progressed."""
    return PROGRESS.get(status, 0)


class Dataset(TypedDict):
    """The properties of a dataset that the test reads."""

    name: str
    validation_status: str
    created_at: Moment


class Listed(TypedDict):
    """The property of a listed dataset that the test reads."""

    id: str


@dataclass
class Expected:
    """What is known of a dataset, and must be confirmed by each response.

    Attributes:
        id: of the dataset.
        name: as it was sent.
        status: of the validation, as the last response showed it.
        created_at: as the first response showed it.
        deleted: whether it was deleted.
    """

    id: str
    name: str
    status: str
    created_at: datetime
    deleted: bool = False


class Datasets(Lifecycle):
    """The datasets that the test uploads."""

    def __init__(self, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.number = 0
        self.datasets: list[Expected] = []

    @precondition(lambda self: self.number < MOST)
    @rule(good=strategies.booleans())
    @step
    def upload(self, good: bool) -> None:
        """Upload a dataset with a valid or an invalid row."""
        self.number += 1
        row = {"text": "Fog until noon."} if good else {"remark": "no text here"}
        name = "good" if good else "bad"
        uploaded = self.api.upload("embed-input", [row], name=name, seconds=None)
        self.api.require(
            "datasets.id-unique",
            uploaded.id not in {one.id for one in self.datasets},
            uploaded.response,
            location="/id",
            expected="an id that no other dataset has",
            observed=uploaded.id,
        )
        shown = self.api.call(GET, path={"id": uploaded.id}).at("/dataset", Dataset)
        full_name = f"conformance-{name}-{self.api.unique}"
        status, created_at = shown["validation_status"], shown["created_at"]
        self.datasets.append(Expected(uploaded.id, full_name, status, created_at))

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read a dataset, which may be deleted."""
        self.check(self.datasets[pick % len(self.datasets)])

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def wait(self, pick: int) -> None:
        """Give the validation of a dataset some time, and read it."""
        one = self.datasets[pick % len(self.datasets)]
        if progress(one.status) < FINAL and not one.deleted:
            self.api.pause(GET, 0.05)
        self.check(one)

    def check(self, one: Expected) -> None:
        """Read a dataset and compare it with what is known of it."""
        if one.deleted:
            response = self.api.call(GET, path={"id": one.id}, status=(200, 404))
            gone = response.status == 404
            self.api.require(
                "datasets.deleted-is-gone", gone, response, expected="404", observed=response.status
            )
            return
        response = self.api.call(GET, path={"id": one.id})
        shown = response.at("/dataset", Dataset)
        now = shown["validation_status"]
        self.api.require(
            "datasets.created-echo",
            shown["name"] == one.name,
            response,
            location="/dataset/name",
            expected=one.name,
            observed=shown["name"],
        )
        forward = (
            now == one.status if progress(one.status) == FINAL else progress(now) >= progress(one.status)
        )
        self.api.require(
            "datasets.status-forward",
            forward,
            response,
            location="/dataset/validation_status",
            expected=f"{one.status} or a later status",
            observed=now,
        )
        one.status = now

    @precondition(lambda self: self.number)
    @rule()
    @step
    def list_all(self) -> None:
        """List the datasets that are not older than the first one of the test."""
        oldest = min(max(self.datasets[0].created_at, EARLIEST), LATEST).astimezone(UTC)
        after = (oldest - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        response = self.api.call(LIST, query=[("after", after)])
        listed = response.at("/datasets", list[Listed] | None, despite_requirements=True) or ()
        ids = {one["id"] for one in listed}
        missing = [one.id for one in self.datasets if not one.deleted and one.id not in ids]
        self.api.require(
            "datasets.listed",
            not missing,
            response,
            location="/datasets",
            expected="every dataset that was uploaded",
            observed=f"a list without {missing}",
        )
        remaining = [one.id for one in self.datasets if one.deleted and one.id in ids]
        self.api.require(
            "datasets.deleted-is-unlisted",
            not remaining,
            response,
            location="/datasets/*/id",
            expected="no dataset that was deleted",
            observed=remaining,
        )

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def delete(self, pick: int) -> None:
        """Delete a dataset, which may be deleted already."""
        one = self.datasets[pick % len(self.datasets)]
        response = self.api.call(DELETE, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if one.deleted:
            gone = response.status == 404
            self.api.require(
                "datasets.second-delete", gone, response, expected="404", observed=response.status
            )
        one.deleted = True


@pytest.mark.operations(CREATE, LIST, GET, DELETE)
def test_any_order(api: Api) -> None:
    """A dataset keeps its name, its validation moves forward, and a deleted one is gone, in any order."""
    explore(api, Datasets)
