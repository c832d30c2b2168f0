"""Faults of batches, by the stage of the handlers that they change."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.injection import without
from cohere_conformance.reference.paging import Page, with_previous, without_first
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

SIZE_REFUSED = fault("batches.page-size-refused", "A page size above 1000 is rejected with 400.")
ORDER_IGNORED = fault("batches.unsorted", "Every second batch is listed after all others, in any order.")
CANCEL_500 = fault("batches.cancel-500", "Cancelling a batch fails with 500.")
CANCEL_IGNORED = fault("batches.cancel-ignored", "Cancelling a batch succeeds without any effect.")
CANCEL_ENDED = fault("batches.cancel-changes-completed", "Cancelling a completed batch makes it canceled.")

_Json = dict[str, Any]

SAVED_RECORDS: FaultTable[int] = {
    fault("batches.results-dropped", "The output dataset lacks the result of the last record."): (
        lambda count, _: count - 1
    ),
}
"""The number of records in the output dataset."""

CREATED: FaultTable[_Json] = {
    fault("batches.echo-differs", "The response to a creation has the name in upper case."): (
        lambda shown, _: {**shown, "name": shown["name"].upper()}
    ),
    fault("batches.id-taken-over", "The response to a creation has the id of the request."): (
        lambda shown, call: {**shown, "id": call.body.get("id") or shown["id"]}
    ),
    fault("batches.id-missing", "The response to a creation has no id."): (
        lambda shown, _: without(shown, "id")
    ),
    fault("batches.begins-at-work", "A batch that was just created is in progress."): (
        lambda shown, _: {**shown, "status": "BATCH_STATUS_IN_PROGRESS"}
    ),
}

BODY: FaultTable[_Json] = {
    fault("batches.unwrapped", "A batch is not below `batch` but at the top of the response."): (
        lambda body, _: body["batch"]
    ),
}

PAGE_SIZE: FaultTable[int] = {
    fault("batches.page-size-ignored", "A page has all batches, whatever its size."): (
        lambda size, _: sys.maxsize
    ),
}

PAGE: FaultTable[Page[Any]] = {
    fault("batches.page-drops-item", "Every page but the first lacks its first batch."): without_first,
    fault(
        "batches.page-repeats-item",
        "Each page starts with the last batch of the previous page.",
    ): with_previous,
}

LIST: FaultTable[_Json] = {
    fault("batches.last-page-token", "The last page has an empty next_page_token."): (
        lambda body, _: {"next_page_token": "", **body}
    ),
}

READ: FaultTable[_Json] = {
    fault("batches.get-differs", "A batch that is read has another model than in the list."): (
        lambda shown, _: {**shown, "model": f"{shown['model']}-batch"}
    ),
}


def _updated_earlier(shown: _Json, call: Call) -> _Json:
    created = datetime.fromisoformat(shown["created_at"])
    return {**shown, "updated_at": stamp(created - timedelta(days=1))}


def _status_back(shown: _Json, call: Call) -> _Json:
    """Queue a batch again in the second of the two steps in which it is in progress."""
    created, updated = (datetime.fromisoformat(shown[name]) for name in ("created_at", "updated_at"))
    late = (updated - created).total_seconds() > 1.5 * call.state.step
    if shown["status"] != "BATCH_STATUS_IN_PROGRESS" or not late:
        return shown
    return {**shown, "status": "BATCH_STATUS_QUEUED"}


SHOWN: FaultTable[_Json] = {
    fault("batches.status-goes-back", "A batch is queued again when half of its records are done."): (
        _status_back
    ),
    fault("batches.updated-before-created", "updated_at is a day before created_at."): _updated_earlier,
    fault("batches.tokens-as-numbers", "The token counts are numbers instead of strings."): (
        lambda shown, _: {
            **shown,
            **{name: int(shown[name]) for name in ("input_tokens", "output_tokens")},
        }
    ),
    fault("batches.status-lower-case", "The status is in lower case and without its prefix."): (
        lambda shown, _: {**shown, "status": shown["status"].removeprefix("BATCH_STATUS_").lower()}
    ),
    fault("batches.output-missing", "A completed batch does not name its output dataset."): (
        lambda shown, _: {**shown, "output_dataset_id": ""}
    ),
    fault("batches.counts-inconsistent", "One record more succeeded than there are records."): (
        lambda shown, _: {**shown, "num_successful_records": shown["num_records"] + 1}
    ),
}
"""A batch, wherever it is shown."""
