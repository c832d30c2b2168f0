"""Datasets in any order: uploaded, read, listed and deleted, also again and when they are gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypedDict

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule
from msgspec import Meta

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

CREATE, LIST = "POST /v1/datasets", "GET /v1/datasets"
GET, DELETE = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
RANK = {"unknown": 0, "queued": 0, "processing": 1, "validated": 2, "failed": 2, "skipped": 2}
FINAL = RANK["validated"]
MOST = 3
Moment = Annotated[datetime, Meta(tz=True)]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
PICK = strategies.integers(0, MOST - 1)


def rank(status: str) -> int:
    """Return how far a validation has come."""
    return RANK.get(status, 0)


class Dataset(TypedDict):
    """What is read of a dataset."""

    name: str
    validation_status: str
    created_at: Moment


class Listed(TypedDict):
    """What is read of a dataset in a list."""

    id: str


@dataclass
class Known:
    """What must be true of one dataset."""

    id: str
    name: str
    status: str
    created_at: datetime
    deleted: bool = False


class Datasets(Lifecycle):
    """The datasets of one account, as far as this test has made them."""

    def __init__(self, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.made = 0
        self.known: list[Known] = []

    @precondition(lambda self: self.made < MOST)
    @rule(good=strategies.booleans())
    @step
    def upload(self, good: bool) -> None:
        """Create one."""
        self.made += 1
        name = f"conformance-{'good' if good else 'bad'}-{self.api.unique}"
        row = {"text": "Fog until noon."} if good else {"remark": "no text here"}
        form = (FormPart("data", json.dumps(row) + "\n", "rows.jsonl", "application/jsonl"),)
        asked = (("name", name), ("type", "embed-input"))
        made = self.api.call(CREATE, query=asked, form=form)
        identity = str(made.body.get("id") or "")
        if not identity:
            raise InconclusiveError("an upload was answered without an id")
        self.api.later(DELETE, path={"id": identity})
        self.api.require(
            "datasets.id-unique",
            identity not in {one.id for one in self.known},
            made,
            location="/id",
            expected="an id of its own",
            observed=identity,
        )
        shown = self.api.call(GET, path={"id": identity}).at("/dataset", Dataset)
        self.known.append(Known(identity, name, shown["validation_status"], shown["created_at"]))

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read one, which may be gone."""
        self.look(self.known[pick % len(self.known)])

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def wait(self, pick: int) -> None:
        """Let the validation of one go on, and read it."""
        one = self.known[pick % len(self.known)]
        if rank(one.status) < FINAL and not one.deleted:
            self.api.pause(GET, 0.05)
        self.look(one)

    def look(self, one: Known) -> None:
        """Read a dataset and compare it with what is known."""
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
        stays = now == one.status if rank(one.status) == FINAL else rank(now) >= rank(one.status)
        self.api.require(
            "datasets.status-forward",
            stays,
            response,
            location="/dataset/validation_status",
            expected=f"{one.status} or what comes after it",
            observed=now,
        )
        one.status = now

    @precondition(lambda self: self.made)
    @rule()
    @step
    def list_all(self) -> None:
        """List those that are not older than the first."""
        made = min(max(self.known[0].created_at, EARLIEST), LATEST).astimezone(UTC)
        after = (made - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        response = self.api.call(LIST, query=[("after", after)])
        ids = {one["id"] for one in response.at("/datasets", list[Listed] | None) or ()}
        lacking = [one.id for one in self.known if not one.deleted and one.id not in ids]
        self.api.require(
            "datasets.listed",
            not lacking,
            response,
            location="/datasets",
            expected="every dataset that was created",
            observed=f"not {lacking}",
        )
        left = [one.id for one in self.known if one.deleted and one.id in ids]
        self.api.require(
            "datasets.deleted-is-unlisted",
            not left,
            response,
            location="/datasets/*/id",
            expected="no dataset that was deleted",
            observed=left,
        )

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def delete(self, pick: int) -> None:
        """Delete one, which may be gone."""
        one = self.known[pick % len(self.known)]
        response = self.api.call(DELETE, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if one.deleted:
            gone = response.status == 404
            self.api.require(
                "datasets.second-delete", gone, response, expected="404", observed=response.status
            )
        one.deleted = True


@pytest.mark.operations(CREATE, LIST, GET, DELETE)
def test_any_order(api: Api) -> None:
    explore(api, Datasets)
