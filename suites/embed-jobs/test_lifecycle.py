"""Embed jobs in any order: begun, read, listed and told to stop, also when they have ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

UPLOAD, SHOW, REMOVE = "POST /v1/datasets", "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
CREATE, LIST = "POST /v1/embed-jobs", "GET /v1/embed-jobs"
GET, CANCEL = "GET /v1/embed-jobs/{id}", "POST /v1/embed-jobs/{id}/cancel"
MODEL = "embed-english-light-v3.0"
ENDED = frozenset({"complete", "failed", "cancelled"})
NEXT = {
    "processing": frozenset({"processing", "cancelling"}) | ENDED,
    "cancelling": frozenset({"cancelling"}) | ENDED,
}
VALIDATING = frozenset({"unknown", "queued", "processing"})
PATIENCE = 60.0
SPELL, LOOKS = 0.1, 10
MOST = 2
PICK = strategies.integers(0, MOST - 1)


class Listed(TypedDict):
    """What is read of a job in a list."""

    job_id: str


@dataclass
class Known:
    """What must be true of one job."""

    id: str
    truncate: str
    status: str = "processing"
    stopped: bool = False


class Jobs(Lifecycle):
    """The jobs of one account, as far as this test has begun them."""

    def __init__(self, dataset: str, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.dataset = dataset
        self.begun = 0
        self.known: list[Known] = []

    @precondition(lambda self: self.begun < MOST)
    @rule(truncate=strategies.sampled_from(("START", "END")))
    @step
    def begin(self, truncate: str) -> None:
        """Begin one."""
        self.begun += 1
        body = {"model": MODEL, "dataset_id": self.dataset, "input_type": "clustering", "truncate": truncate}
        made = self.api.call(CREATE, body=body)
        identity = made.at("/job_id", str)
        self.api.later(CANCEL, path={"id": identity}, status=(200, 400, 404, 422))
        self.known.append(Known(identity, truncate))

    @precondition(lambda self: self.begun)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read one."""
        self.look(self.known[pick % len(self.known)])

    @precondition(lambda self: self.begun)
    @rule(pick=PICK)
    @step
    def wait(self, pick: int) -> None:
        """Let the work at one go on for a while, and tell it to stop where it has ended by then."""
        one = self.known[pick % len(self.known)]
        for _ in range(LOOKS):
            if one.status in ENDED:
                break
            self.api.pause(GET, SPELL)
            self.look(one)
        if one.status in ENDED:
            # What goes back by itself must not pass for what the cancelling has done.
            self.look(one)
            self.stop(one)

    def look(self, one: Known) -> None:
        """Read a job and compare it with what is known."""
        response = self.shown(one)
        now = response.at("/status", str)
        self.api.require(
            "embed-jobs.status-forward",
            now in NEXT.get(one.status, {one.status}),
            response,
            location="/status",
            expected=f"{one.status} or what comes after it",
            observed=now,
        )
        self.api.require(
            "embed-jobs.cancel-stops",
            not (one.stopped and now == "processing"),
            response,
            location="/status",
            expected="cancelling, or an end",
            observed=now,
        )
        one.status = now

    def shown(self, one: Known) -> ApiResponse:
        """Return a job as it stands, which is the one that was begun."""
        response = self.api.call(GET, path={"id": one.id})
        sent = {"input_dataset_id": self.dataset, "model": MODEL, "truncate": one.truncate}
        told = {name: response.body.get(name) for name in sent}
        self.api.require("embed-jobs.created-echo", told == sent, response, expected=str(sent), observed=told)
        if output := response.at("/output_dataset_id", str | None):
            self.api.later(REMOVE, path={"id": output})
        return response

    @precondition(lambda self: self.begun)
    @rule()
    @step
    def list_all(self) -> None:
        """List them; those that have ended are in the list as well."""
        response = self.api.call(LIST)
        ids = {job["job_id"] for job in response.at("/embed_jobs", list[Listed] | None) or ()}
        lacking = [one.id for one in self.known if one.id not in ids]
        self.api.require(
            "embed-jobs.listed",
            not lacking,
            response,
            location="/embed_jobs",
            expected="every job that was begun",
            observed=f"not {lacking}",
        )

    @precondition(lambda self: self.begun)
    @rule(pick=PICK)
    @step
    def cancel(self, pick: int) -> None:
        """Tell one to stop, which may have ended or been told before."""
        self.stop(self.known[pick % len(self.known)])

    def stop(self, one: Known) -> None:
        """Tell a job to stop, and where it has ended, see that it stays as it is."""
        response = self.api.call(CANCEL, path={"id": one.id}, status=(200, 400, 422))
        if one.status in ENDED:
            after = self.shown(one)
            now = after.at("/status", str)
            self.api.require(
                "embed-jobs.cancel-ended",
                now == one.status,
                after,
                location="/status",
                expected=one.status,
                observed=now,
            )
            one.status = now
        elif response.status == 200:
            one.stopped = True

    def teardown(self) -> None:
        """Stop what is still at work, and find out what was made, so that it is removed."""
        for one in self.known:
            self.settle(one)

    @step
    def settle(self, one: Known) -> None:
        """Let one come to its end."""
        if one.status not in ENDED:
            self.api.call(CANCEL, path={"id": one.id}, status=(200, 400, 422))
            self.shown(one)


@pytest.mark.operations(UPLOAD, SHOW, REMOVE, CREATE, LIST, GET, CANCEL)
def test_any_order(api: Api) -> None:
    explore(api, partial(Jobs, source(api)))


def source(api: Api) -> str:
    """Return the id of a validated dataset of one row."""
    row = json.dumps({"text": "Fog until noon, then fair."}) + "\n"
    asked = (("name", f"conformance-lives-{api.unique}"), ("type", "embed-input"))
    form = (FormPart("data", row, "rows.jsonl", "application/jsonl"),)
    identity = str(api.call(UPLOAD, query=asked, form=form).body.get("id") or "")
    if not identity:
        raise InconclusiveError("an upload was answered without an id")
    api.later(REMOVE, path={"id": identity})

    def look() -> str | None:
        status = api.call(SHOW, path={"id": identity}).at("/dataset/validation_status", str)
        return None if status in VALIDATING else identity

    return api.until(SHOW, look, PATIENCE, expected=f"an end of the validation of {identity}")
