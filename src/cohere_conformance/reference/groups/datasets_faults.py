"""Faults of datasets, by the stage of the handlers that they change."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.datasets import record
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.injection import without
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.datasets.rows import UploadOptions
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

LONG_NAME = fault("datasets.long-name-accepted", "The length of a name is not limited.")
OUTPUT_ACCEPTED = fault("datasets.output-type-accepted", "Datasets of an output type can be uploaded.")
UNKNOWN_EMPTY = fault("datasets.unknown-200", "An unknown dataset is an empty object with status 200.")
DELETE_KEEPS = fault("datasets.delete-keeps", "A deleted dataset can still be read.")
DELETE_LISTED = fault("datasets.delete-listed", "A deleted dataset is still listed.")
SECOND_DELETE = fault("datasets.second-delete-200", "Deleting a dataset a second time succeeds.")
UNKNOWN_DELETED = fault("datasets.unknown-delete-200", "Deleting an unknown dataset succeeds.")

_Json = dict[str, Any]
Filter = Callable[["Dataset"], bool]

# -- uploads

DELIMITER: FaultTable[str] = {
    fault(
        "datasets.long-delimiter-accepted", "A delimiter of several characters counts as its first one."
    ): lambda delimiter, _: delimiter[0],
}

OPTIONS: FaultTable[UploadOptions] = {
    fault("datasets.keep-fields-ignored", "The columns of keep_fields are dropped."): (
        lambda options, _: replace(options, keep=())
    ),
    fault("datasets.malformed-accepted", "The validation of a dataset with malformed rows succeeds."): (
        lambda options, _: replace(options, lax=True)
    ),
}

DATASET: FaultTable[Dataset] = {
    fault("datasets.id-repeated", "The id of a dataset is its name, even if another dataset has that id."): (
        lambda dataset, _: replace(dataset, id=dataset.name)
    ),
}

# -- reading one dataset

FOUND: FaultTable[Dataset | None] = {
    DELETE_KEEPS: lambda found, call: found or record.deleted(call.account, call.path["id"]),
}
"""The dataset with the id of the path."""


class _Read:
    """Marks a validated dataset that was read before."""


def _backwards(shown: _Json, call: Call) -> _Json:
    if shown["validation_status"] != "validated":
        return shown
    reads, identity = call.account.shelf(_Read), call.path["id"]
    if identity in reads:
        return {**shown, "validation_status": "processing"}
    reads[identity] = _Read()
    return shown


READ: FaultTable[_Json] = {
    fault("datasets.id-differs", "The id of a dataset that is read is in upper case."): (
        lambda shown, _: {**shown, "id": shown["id"].upper()}
    ),
    fault("datasets.status-backwards", "A validated dataset is processing again when it is read."): (
        _backwards
    ),
}

BODY: FaultTable[_Json] = {
    fault("datasets.unwrapped", "A dataset is not below `dataset` but at the top of the response."): (
        lambda body, _: body["dataset"]
    ),
}

# -- the list

ALL: FaultTable[list[Dataset]] = {
    DELETE_LISTED: lambda found, call: [*found, *record.all_deleted(call.account)],
}
"""All datasets, before the filters."""

FILTERS: FaultTable[list[Filter]] = {
    fault("datasets.filter-ignored", "The filters of the list are ignored."): lambda filters, _: [],
}

LISTED: FaultTable[list[Dataset]] = {
    fault("datasets.list-omits-new", "The newest dataset is not listed."): lambda found, _: found[1:],
    fault("datasets.listed-twice", "The newest dataset is listed twice."): (
        lambda found, _: [*found[:1], *found]
    ),
}

OFFSET: FaultTable[int] = {
    fault("datasets.offset-ignored", "The list starts with its first dataset, whatever the offset."): (
        lambda offset, _: 0
    ),
}

LIMIT: FaultTable[int] = {
    fault("datasets.limit-ignored", "The list has all datasets, whatever the limit."): (
        lambda limit, _: sys.maxsize
    ),
}

PAGE: FaultTable[list[_Json]] = {
    fault("datasets.listed-differs", "The name of a listed dataset is its id."): (
        lambda page, _: [{**shown, "name": shown["id"]} for shown in page]
    ),
}

USAGE: FaultTable[int] = {
    fault("datasets.usage-constant", "The storage usage is constant."): lambda size, _: 4096,
}

# -- a dataset, wherever it is shown


def _updated_earlier(shown: _Json, call: Call) -> _Json:
    created = datetime.fromisoformat(shown["created_at"])
    return {**shown, "updated_at": stamp(created - timedelta(days=1))}


def _each_part(change: Callable[[_Json, Call], _Json]) -> Callable[[_Json, Call], _Json]:
    return lambda shown, call: (
        {**shown, "dataset_parts": [change(part, call) for part in shown["dataset_parts"]]}
        if "dataset_parts" in shown
        else shown
    )


SHOWN: FaultTable[_Json] = {
    fault("datasets.updated-before-created", "updated_at is a day before created_at."): _updated_earlier,
    fault("datasets.name-differs", "Names are in upper case, whatever was sent."): (
        lambda shown, _: {**shown, "name": shown["name"].upper()}
    ),
    fault("datasets.error-missing", "A failed validation has no validation_error."): (
        lambda shown, _: without(shown, "validation_error")
    ),
    fault("datasets.error-when-valid", "A validated dataset has a validation_error."): (
        lambda shown, _: (
            {**shown, "validation_error": "none"} if shown["validation_status"] == "validated" else shown
        )
    ),
    fault("datasets.status-capital", "The validation status is in upper case."): (
        lambda shown, _: {**shown, "validation_status": shown["validation_status"].upper()}
    ),
    fault("datasets.schema-no-json", "The schema of the rows is not JSON."): (
        lambda shown, _: (
            {**shown, "schema": shown["schema"].replace('"', "'")} if "schema" in shown else shown
        )
    ),
    fault("datasets.rows-miscounted", "num_rows of each part is one too high."): (
        _each_part(lambda part, _: {**part, "num_rows": part["num_rows"] + 1})
    ),
    fault("datasets.part-url-relative", "The URL of a part has no scheme and no host."): (
        _each_part(lambda part, call: {**part, "url": part["url"].removeprefix(call.base_url)})
    ),
}
