"""Embed jobs in random sequences of calls: created, read, listed and cancelled, also after their end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule

from cohere_conformance.session.api import UPLOAD_OPERATIONS
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

DELETE_DATASET = "DELETE /v1/datasets/{id}"
CREATE, LIST = "POST /v1/embed-jobs", "GET /v1/embed-jobs"
GET, CANCEL = "GET /v1/embed-jobs/{id}", "POST /v1/embed-jobs/{id}/cancel"
ENDED = frozenset({"complete", "failed", "cancelled"})
NEXT = {
    "processing": frozenset({"processing", "cancelling"}) | ENDED,
    "cancelling": frozenset({"cancelling"}) | ENDED,
}
"""The statuses that may follow each status."""
PATIENCE = 60.0
PAUSE, READS = 0.1, 10
MOST = 2
PICK = strategies.integers(0, MOST - 1)


class Listed(TypedDict):
    """The property of a listed job that the test reads."""

    job_id: str


@dataclass
class Expected:
    """What is known of a job, and must be confirmed by each response.

    Attributes:
        id: of the job.
        truncate: as it was sent.
        status: as the last response showed it.
        cancelled: whether it was cancelled before its end.
    """

    id: str
    truncate: str
    status: str = "processing"
    cancelled: bool = False


class Jobs(Lifecycle):
    """The jobs that the test creates over one dataset."""

    def __init__(self, dataset: str, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.dataset = dataset
        self.number = 0
        self.jobs: list[Expected] = []

    @precondition(lambda self: self.number < MOST)
    @rule(truncate=strategies.sampled_from(("START", "END")))
    @step
    def begin(self, truncate: str) -> None:
        """Create a job."""
        self.number += 1
        body = {
            "model": self.api.models["embed-light"],
            "dataset_id": self.dataset,
            "input_type": "clustering",
            "truncate": truncate,
        }
        job = self.api.call(CREATE, body=body).at("/job_id", str)
        self.api.later(CANCEL, path={"id": job}, status=(200, 400, 404, 422))
        self.jobs.append(Expected(job, truncate))

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read a job."""
        self.check(self.jobs[pick % len(self.jobs)])

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def wait(self, pick: int) -> None:
        """Read a job for a while, and cancel it if it has ended by then."""
        one = self.jobs[pick % len(self.jobs)]
        for _ in range(READS):
            if one.status in ENDED:
                break
            self.api.pause(GET, PAUSE)
            self.check(one)
        if one.status in ENDED:
            # Read it once more first: a status that goes back by itself is no effect of the cancellation.
            self.check(one)
            self.stop(one)

    def check(self, one: Expected) -> None:
        """Read a job and compare it with what is known of it."""
        response = self.show(one)
        now = response.at("/status", str)
        self.api.require(
            "embed-jobs.status-forward",
            now in NEXT.get(one.status, {one.status}),
            response,
            location="/status",
            expected=f"{one.status} or a later status",
            observed=now,
        )
        self.api.require(
            "embed-jobs.cancel-stops",
            not (one.cancelled and now == "processing"),
            response,
            location="/status",
            expected="cancelling, or an ended job",
            observed=now,
        )
        one.status = now

    def show(self, one: Expected) -> ApiResponse:
        """Read a job, which repeats the values that it was created with."""
        response = self.api.call(GET, path={"id": one.id})
        sent = {
            "input_dataset_id": self.dataset,
            "model": self.api.models["embed-light"],
            "truncate": one.truncate,
        }
        echoed = {name: response.at(f"/{name}", str | None) for name in sent}
        self.api.require(
            "embed-jobs.created-echo", echoed == sent, response, expected=str(sent), observed=echoed
        )
        if output := response.at("/output_dataset_id", str | None, despite_requirements=True):
            self.api.later(DELETE_DATASET, path={"id": output})
        return response

    @precondition(lambda self: self.number)
    @rule()
    @step
    def list_all(self) -> None:
        """List the jobs, which include those that have ended."""
        response = self.api.call(LIST)
        ids = {job["job_id"] for job in response.at("/embed_jobs", list[Listed] | None) or ()}
        missing = [one.id for one in self.jobs if one.id not in ids]
        self.api.require(
            "embed-jobs.listed",
            not missing,
            response,
            location="/embed_jobs",
            expected="every job that was created",
            observed=f"a list without {missing}",
        )

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def cancel(self, pick: int) -> None:
        """Cancel a job, which may have ended or be cancelled already."""
        self.stop(self.jobs[pick % len(self.jobs)])

    def stop(self, one: Expected) -> None:
        """Cancel a job; if it has ended, its status stays."""
        response = self.api.call(CANCEL, path={"id": one.id}, status=(200, 400, 422))
        if one.status in ENDED:
            after = self.show(one)
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
            one.cancelled = True

    def teardown(self) -> None:
        """Cancel the jobs that are not over, and read them: their results are to be deleted."""
        for one in self.jobs:
            self.settle(one)

    @step
    def settle(self, one: Expected) -> None:
        """Cancel a job, unless it has ended, and read it."""
        if one.status not in ENDED:
            self.api.call(CANCEL, path={"id": one.id}, status=(200, 400, 422))
            self.show(one)


@pytest.mark.operations(*UPLOAD_OPERATIONS, CREATE, LIST, GET, CANCEL)
def test_any_order(api: Api) -> None:
    """A job only moves forward to its end, and stays there, whatever is called in whatever order."""
    rows = [{"text": "Fog until noon, then fair."}]
    explore(api, partial(Jobs, api.upload("embed-input", rows, name="lives", seconds=PATIENCE).id))
