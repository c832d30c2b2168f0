"""Faults of embed jobs, by the stage of the handlers that they change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.injection import without
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from cohere_conformance.reference.datasets.kinds import Row
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

UNKNOWN_400 = fault("embed-jobs.unknown-dataset-400", "An unknown dataset is a 400, not a 404.")
INVALID_ACCEPTED = fault(
    "embed-jobs.invalid-dataset-accepted", "A dataset that failed its validation counts as an empty one."
)
CANCEL_IGNORED = fault("embed-jobs.cancel-ignored", "Cancelling a job succeeds without any effect.")
CANCEL_UNDOES = fault("embed-jobs.cancel-undoes", "Cancelling a complete job makes it a cancelled one.")
OUTPUT_EARLY = fault("embed-jobs.output-before-complete", "A processing job names its output dataset.")

_Json = dict[str, Any]

COLUMNS: FaultTable[tuple[str, ...]] = {
    fault("embed-jobs.columns-dropped", "The output dataset has none of the preserved columns."): (
        lambda columns, _: ("text",)
    ),
}

ROWS: FaultTable[list[tuple[Row, str]]] = {
    fault("embed-jobs.rows-dropped", "The output dataset lacks the last row of the input."): (
        lambda rows, _: rows[:-1]
    ),
    fault("embed-jobs.rows-reversed", "The output dataset has the rows of the input in reverse order."): (
        lambda rows, _: rows[::-1]
    ),
}
"""The rows of the input dataset with their texts after truncation."""


def _earlier(shown: _Json) -> _Json:
    created = datetime.fromisoformat(shown["created_at"])
    return {**shown, "created_at": stamp(created - timedelta(hours=1))}


LIST: FaultTable[list[_Json]] = {
    fault("embed-jobs.listed-differs", "created_at of a listed job is an hour too early."): (
        lambda jobs, _: [_earlier(job) for job in jobs]
    ),
    fault("embed-jobs.unlisted", "The newest job is not listed."): lambda jobs, _: jobs[1:],
}


class _Read:
    """Marks a job that was complete when it was read."""


def _backwards(shown: _Json, call: Call) -> _Json:
    if shown["status"] != "complete":
        return shown
    reads, identity = call.account.shelf(_Read), call.path["id"]
    if identity in reads:
        return {**without(shown, "output_dataset_id"), "status": "processing"}
    reads[identity] = _Read()
    return shown


READ: FaultTable[_Json] = {
    fault("embed-jobs.id-differs", "The id of a job that is read is in upper case."): (
        lambda shown, _: {**shown, "job_id": shown["job_id"].upper()}
    ),
    fault("embed-jobs.status-backwards", "A complete job is processing again when it is read."): _backwards,
}

SHOWN: FaultTable[_Json] = {
    fault("embed-jobs.output-missing", "A complete job does not name its output dataset."): (
        lambda shown, _: without(shown, "output_dataset_id")
    ),
    fault("embed-jobs.truncate-differs", "The truncate of a job is not the one that it was created with."): (
        lambda shown, _: {**shown, "truncate": "START" if shown["truncate"] == "END" else "END"}
    ),
    fault("embed-jobs.status-unknown-value", "A job that is processing has the status `in_progress`."): (
        lambda shown, _: {**shown, "status": "in_progress"} if shown["status"] == "processing" else shown
    ),
    fault("embed-jobs.created-at-number", "created_at is a number of seconds."): (
        lambda shown, _: {**shown, "created_at": datetime.fromisoformat(shown["created_at"]).timestamp()}
    ),
}
"""A job, wherever it is shown."""
