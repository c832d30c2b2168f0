"""Embed jobs: ids, and output datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json


def _shown(evidence: Evidence) -> Iterator[tuple[str, Json]]:
    """Yield every job of a response with its location."""
    response = evidence.response
    if "job_id" in response:
        yield "", response
    for item in response.get("embed_jobs") or ():
        if isinstance(item, dict):
            yield "/embed_jobs/*", item


@check("embed-jobs.get-asked", ids=True)
def get_asked(evidence: Evidence) -> Iterator[Breach]:
    """Reading a job returns the one with the requested id (EJ-O01)."""
    asked, reported = evidence.last_segment, evidence.response.get("job_id")
    if reported is not None and reported != asked:
        yield Breach("/job_id", f"the job {asked}", f"{reported}")


@check("embed-jobs.output-when-complete")
def output_when_complete(evidence: Evidence) -> Iterator[Breach]:
    """A complete job has an output dataset (EJ-O02)."""
    for location, job in _shown(evidence):
        if job.get("status") == "complete" and not job.get("output_dataset_id"):
            yield Breach(f"{location}/output_dataset_id", "the dataset that a complete job has made", "none")
            return


@check("embed-jobs.output-only-when-complete")
def output_only_when_complete(evidence: Evidence) -> Iterator[Breach]:
    """A job that is not complete has no output dataset (EJ-O02)."""
    for location, job in _shown(evidence):
        status, output = job.get("status"), job.get("output_dataset_id")
        if output and status != "complete":
            yield Breach(f"{location}/output_dataset_id", f"none of a job that is {status}", f"{output}")
            return
