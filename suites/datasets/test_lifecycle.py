"""Datasets in any order: uploaded, read, listed and deleted, also again and when they are gone."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from cohere_conformance.cases import Part
from cohere_conformance.session.api import DeviatesError, InconclusiveError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.session.api import Api

CREATE, LIST = "POST /v1/datasets", "GET /v1/datasets"
GET, DELETE = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
RANK = {"unknown": 0, "queued": 0, "processing": 1, "validated": 2, "failed": 2, "skipped": 2}
FINAL = RANK["validated"]
MOST = 3
PICK = strategies.integers(0, MOST - 1)
SETTINGS = settings(
    max_examples=5,
    stateful_step_count=8,
    deadline=None,
    database=None,
    derandomize=True,
    # Nothing is sent again to make a failure smaller: a target need not answer the same twice.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_Told = ParamSpec("_Told")


def rank(status: str) -> int:
    """Return how far a validation has come."""
    return RANK.get(status, 0)


@dataclass
class Known:
    """What must be true of one dataset."""

    id: str
    name: str
    status: str
    created_at: str
    deleted: bool = False


def step(run: Callable[Concatenate[Datasets, _Told], None]) -> Callable[Concatenate[Datasets, _Told], None]:
    """Let nothing come after the first deviation: it is told when all is over, as it was found."""

    @functools.wraps(run)
    def guarded(machine: Datasets, *args: _Told.args, **told: _Told.kwargs) -> None:
        if machine.ended:
            return
        try:
            run(machine, *args, **told)
        except (DeviatesError, InconclusiveError) as error:
            machine.ended.append(error)

    return guarded


class Datasets(RuleBasedStateMachine):
    """The datasets of one account, as far as this test has made them."""

    def __init__(self, api: Api, ended: list[Exception]) -> None:
        super().__init__()
        self.api = api
        self.ended = ended
        self.known: list[Known] = []

    @precondition(lambda self: len(self.known) < MOST)
    @rule(good=strategies.booleans())
    @step
    def upload(self, good: bool) -> None:
        """Create one."""
        name = f"conformance-{'good' if good else 'bad'}-{self.api.unique}"
        row = {"text": "Fog until noon."} if good else {"remark": "no text here"}
        form = (Part("data", json.dumps(row) + "\n", "rows.jsonl", "application/jsonl"),)
        asked = (("name", name), ("type", "embed-input"))
        made = self.api.call(CREATE, query=asked, form=form)
        identity = str(made.answer.get("id") or "")
        if not identity:
            raise InconclusiveError("an upload was answered without an id")
        self.api.later(DELETE, path={"id": identity})
        self.api.require(
            "datasets.id-unique",
            identity not in {one.id for one in self.known},
            made,
            place="/id",
            expected="an id of its own",
            observed=identity,
        )
        shown = self.api.call(GET, path={"id": identity}).answer["dataset"]
        self.known.append(Known(identity, name, shown["validation_status"], shown["created_at"]))

    @precondition(lambda self: self.known)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read one, which may be gone."""
        one = self.known[pick % len(self.known)]
        if one.deleted:
            reply = self.api.call(GET, path={"id": one.id}, status=(200, 404))
            gone = reply.status == 404
            self.api.require("datasets.deleted-is-gone", gone, reply, expected="404", observed=reply.status)
            return
        reply = self.api.call(GET, path={"id": one.id})
        shown = reply.answer["dataset"]
        now = shown["validation_status"]
        self.api.require(
            "datasets.created-echo",
            shown["name"] == one.name,
            reply,
            place="/dataset/name",
            expected=one.name,
            observed=shown["name"],
        )
        stays = now == one.status if rank(one.status) == FINAL else rank(now) >= rank(one.status)
        self.api.require(
            "datasets.status-forward",
            stays,
            reply,
            place="/dataset/validation_status",
            expected=f"{one.status} or what comes after it",
            observed=now,
        )
        one.status = now

    @precondition(lambda self: self.known)
    @rule()
    @step
    def list_all(self) -> None:
        """List those that are not older than the first."""
        made = datetime.fromisoformat(self.known[0].created_at.upper()).astimezone(UTC)
        after = (made - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        reply = self.api.call(LIST, query=[("after", after)])
        ids = {one["id"] for one in reply.answer.get("datasets") or ()}
        lacking = [one.id for one in self.known if not one.deleted and one.id not in ids]
        self.api.require(
            "datasets.listed",
            not lacking,
            reply,
            place="/datasets",
            expected="every dataset that was created",
            observed=f"not {lacking}",
        )
        left = [one.id for one in self.known if one.deleted and one.id in ids]
        self.api.require(
            "datasets.deleted-is-unlisted",
            not left,
            reply,
            place="/datasets/*/id",
            expected="no dataset that was deleted",
            observed=left,
        )

    @precondition(lambda self: self.known)
    @rule(pick=PICK)
    @step
    def delete(self, pick: int) -> None:
        """Delete one, which may be gone."""
        one = self.known[pick % len(self.known)]
        reply = self.api.call(DELETE, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if one.deleted:
            gone = reply.status == 404
            self.api.require("datasets.second-delete", gone, reply, expected="404", observed=reply.status)
        one.deleted = True

    @precondition(lambda self: any(rank(one.status) < FINAL and not one.deleted for one in self.known))
    @rule()
    @step
    def wait(self) -> None:
        """Let a validation go on."""
        time.sleep(0.05)


@pytest.mark.operations(CREATE, LIST, GET, DELETE)
def test_any_order(api: Api) -> None:
    ended: list[Exception] = []
    run_state_machine_as_test(partial(Datasets, api, ended), settings=SETTINGS)
    if ended:
        raise ended[0]
