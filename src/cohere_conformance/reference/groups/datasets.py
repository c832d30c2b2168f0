"""Datasets: upload, list, get, delete, and the storage in use."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import storage
from cohere_conformance.reference.datasets import record
from cohere_conformance.reference.datasets.kinds import KINDS
from cohere_conformance.reference.datasets.metrics import finetune_metrics
from cohere_conformance.reference.datasets.record import Dataset
from cohere_conformance.reference.datasets.rows import UploadOptions
from cohere_conformance.reference.datasets.upload import content_of, files_of
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cohere_conformance.reference.datasets.record import Content
    from cohere_conformance.reference.handling import Call

OUTPUT_ACCEPTED = fault("datasets.output-type-accepted", "Datasets of a type for results can be uploaded.")
MALFORMED_ACCEPTED = fault("datasets.malformed-accepted", "Malformed rows do not make the validation fail.")
ROWS_MISCOUNTED = fault("datasets.rows-miscounted", "The number of rows of each part is one too high.")
BACKWARDS = fault(
    "datasets.status-backwards", "A dataset that was validated is processing again when it is read."
)
ERROR_MISSING = fault("datasets.error-missing", "A failed validation does not say why it failed.")
NAME_DIFFERS = fault("datasets.name-differs", "Names are shown in capital letters, whatever was sent.")
UPDATED_EARLIER = fault("datasets.updated-before-created", "Datasets changed a day before they were made.")
STATUS_CAPITAL = fault("datasets.status-capital", "The validation status is written in capital letters.")
UNWRAPPED = fault("datasets.unwrapped", "A dataset is answered as such, not below `dataset`.")
LIST_OMITS_NEW = fault("datasets.list-omits-new", "The newest dataset is not listed.")
FILTER_IGNORED = fault("datasets.filter-ignored", "Filters of the list are ignored.")
OFFSET_IGNORED = fault(
    "datasets.offset-ignored", "The list begins with its first dataset, whatever the offset."
)
LIMIT_IGNORED = fault("datasets.limit-ignored", "The list shows every dataset, whatever the limit.")
DELETE_KEEPS = fault("datasets.delete-keeps", "A deleted dataset can still be read.")
DELETE_LISTED = fault("datasets.delete-listed", "A deleted dataset is still listed.")
SECOND_DELETE = fault("datasets.second-delete-200", "Deleting a dataset again succeeds again.")
USAGE_CONSTANT = fault("datasets.usage-constant", "The storage in use is always the same.")
UNKNOWN_EMPTY = fault("datasets.unknown-200", "An unknown dataset is answered with 200 and an empty object.")
UNKNOWN_DELETED = fault("datasets.unknown-delete-200", "Deleting a dataset that never was succeeds.")
ERROR_WHEN_VALID = fault("datasets.error-when-valid", "A validated dataset has the error that there is none.")
OTHER_SHOWN = fault("datasets.id-differs", "A dataset that is read has its id in capital letters.")
LISTED_TWICE = fault("datasets.listed-twice", "The newest dataset is listed twice.")
LISTED_DIFFERS = fault("datasets.listed-differs", "In the list the name of a dataset is its id.")
ID_REPEATED = fault("datasets.id-repeated", "The id is the name, even where there is one of that name.")
LONG_NAME = fault("datasets.long-name-accepted", "Names may be as long as they like.")
LONG_DELIMITER = fault(
    "datasets.long-delimiter-accepted", "Of a longer delimiter the first character counts."
)
KEEP_IGNORED = fault("datasets.keep-fields-ignored", "Columns that are to be kept are dropped.")
SCHEMA_NO_JSON = fault("datasets.schema-no-json", "The schema of the rows is no JSON.")
URL_RELATIVE = fault("datasets.part-url-relative", "The address of a part lacks the server.")

_LONGEST_NAME = 49
"""Names have to be under 50 characters (DS-R03)."""
_LIVE_FORMATS = frozenset({"csv", "jsonl"})


@operation("POST /v1/datasets", beside="large")
def create(call: Call) -> Callable[[], JsonResponse]:
    """Take an upload; what is wrong in its rows shows up later (DS-S01)."""
    query = call.query
    name, kind = query["name"], KINDS[query["type"]]
    if len(name) > _LONGEST_NAME and not call.faulty(LONG_NAME):
        raise ApiError(400, f"invalid request: name must be under {_LONGEST_NAME + 1} characters")
    if not kind.formats and not call.faulty(OUTPUT_ACCEPTED):
        raise ApiError(400, f"output dataset types are not supported: {kind.name} is made by the service")
    reading = UploadOptions(
        kind=kind if kind.formats else KINDS["embed-input"],
        keep=() if call.faulty(KEEP_IGNORED) else tuple(query.get("keep_fields", ())),
        optional=tuple(query.get("optional_fields", ())),
        skip=query.get("skip_malformed_input", False),
        delimiter=_delimiter(query, lax=call.faulty(LONG_DELIMITER)),
        separator=query.get("text_separator") or "\n",
        lax=call.faulty(MALFORMED_ACCEPTED),
        formats=_LIVE_FORMATS if call.profile is Profile.LIVE_2026 else _LIVE_FORMATS | {"txt"},
    )
    content = content_of(files_of(call.form), reading, keep_original=query.get("keep_original_file", False))
    dataset = Dataset(
        name=name,
        kind=kind,
        created_at=call.now,
        make=lambda: content,
        preserve=tuple(one for one in reading.columns if one not in kind.required),
        delimiter=reading.delimiter if content.format == "csv" else "",
        separator=reading.separator if content.format == "txt" else "",
        id=name if call.faulty(ID_REPEATED) else "",
    )

    def store() -> JsonResponse:
        record.add(call.account, dataset)
        return JsonResponse({"id": dataset.id})

    return store


def _delimiter(query: Mapping[str, Any], *, lax: bool) -> str:
    given = str(query.get("csv_delimiter") or ",")
    given = given[0] if lax else given
    if len(given) != 1 or given in '"\r\n\0':
        raise ApiError(400, "invalid request: csv_delimiter must be one character that can separate columns")
    return given


@operation("GET /v1/datasets/{id}", beside="always")
def get(call: Call) -> JsonResponse:
    """Show one dataset."""
    identity = call.path["id"]
    dataset = record.find(call.account, identity, call.now)
    if dataset is None and call.faulty(DELETE_KEEPS):
        dataset = _deleted(call, identity)
    if dataset is None:
        if call.faulty(UNKNOWN_EMPTY):
            return JsonResponse({"dataset": {}})
        raise _unknown(identity)
    shown = _shown(call, dataset)
    if call.faulty(OTHER_SHOWN):
        shown["id"] = dataset.id.upper()
    if call.faulty(BACKWARDS) and shown["validation_status"] == "validated":
        reads = call.account.shelf(_Reads).setdefault(identity, _Reads())
        shown["validation_status"] = "validated" if reads.first() else "processing"
    return JsonResponse(shown if call.faulty(UNWRAPPED) else {"dataset": shown})


class _Reads:
    """Whether a validated dataset was read before."""

    def __init__(self) -> None:
        self._read = False

    def first(self) -> bool:
        before, self._read = self._read, True
        return not before


@operation("GET /v1/datasets", beside="always")
def listed(call: Call) -> JsonResponse:
    """List datasets, newest first."""
    query = call.query
    found = record.newest_first(call.account, call.now)
    if call.faulty(DELETE_LISTED):
        found += [one for one in list(call.account.shelf(Dataset).values()) if one.deleted_at is not None]
    before, after = _moment(query, "before"), _moment(query, "after")
    offset, limit = _count(query, "offset", 0), _count(query, "limit", len(found))
    if not call.faulty(FILTER_IGNORED):
        kind, status = query.get("datasetType"), query.get("validationStatus")
        found = [
            one
            for one in found
            if (not kind or one.kind.name == kind)
            and (not status or one.status(call.now, call.state.step) == status)
            and (before is None or one.created_at < before)
            and (after is None or one.created_at > after)
        ]
    if call.faulty(LIST_OMITS_NEW):
        found = found[1:]
    if call.faulty(LISTED_TWICE):
        found = [*found[:1], *found]
    start = 0 if call.faulty(OFFSET_IGNORED) else offset
    end = None if call.faulty(LIMIT_IGNORED) else start + limit
    shown = [_shown(call, dataset) for dataset in found[start:end]]
    if call.faulty(LISTED_DIFFERS):
        for dataset, item in zip(found[start:end], shown, strict=True):
            item["name"] = dataset.id
    return JsonResponse({"datasets": shown})


def _count(query: Mapping[str, Any], name: str, otherwise: int) -> int:
    number = query.get(name, otherwise)
    if not isinstance(number, int) or number < 0:
        raise ApiError(400, f"invalid query parameter {name}: expected a whole number from 0 on")
    return number


def _moment(query: Mapping[str, Any], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text).upper())
    except ValueError as error:
        raise ApiError(400, f"invalid query parameter {name}: expected a time of RFC 3339") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@operation("GET /v1/datasets/usage", beside="always")
def usage(call: Call) -> JsonResponse:
    """Tell how many bytes all datasets take; the service writes the number as a text (DS-S04)."""
    size = sum(dataset.content.size for dataset in record.newest_first(call.account, call.now))
    if call.faulty(USAGE_CONSTANT):
        size = 4096
    return JsonResponse({"organization_usage": str(size) if call.profile is Profile.LIVE_2026 else size})


@operation("DELETE /v1/datasets/{id}")
def delete(call: Call) -> JsonResponse:
    """Delete a dataset; deleting it again is a 404 (DS-O03)."""
    identity = call.path["id"]
    dataset = record.find(call.account, identity, call.now)
    if dataset is not None:
        record.remove(call.account, dataset, call.now)
        if not call.faulty(DELETE_KEEPS) and not call.faulty(DELETE_LISTED):
            dataset.forget()
    elif not _shrugged(call, identity):
        raise _unknown(identity)
    return JsonResponse({})


def _shrugged(call: Call, identity: str) -> bool:
    """Tell whether it is fine to delete what is not there."""
    again = _deleted(call, identity) is not None
    return call.faulty(SECOND_DELETE) if again else call.faulty(UNKNOWN_DELETED)


def _deleted(call: Call, identity: str) -> Dataset | None:
    dataset = call.account.shelf(Dataset).get(identity)
    return dataset if dataset is not None and dataset.deleted_at is not None else None


def _unknown(identity: str) -> ApiError:
    return ApiError(404, f"dataset with the id '{identity}' not found")


def _shown(call: Call, dataset: Dataset) -> dict[str, Any]:
    """Return a dataset as it stands now."""
    status = dataset.status(call.now, call.state.step)
    updated = dataset.updated_at(call.now, call.state.step)
    if call.faulty(UPDATED_EARLIER):
        updated = dataset.created_at - timedelta(days=1)
    shown: dict[str, Any] = {
        "id": dataset.id,
        "name": dataset.name.upper() if call.faulty(NAME_DIFFERS) else dataset.name,
        "created_at": stamp(dataset.created_at),
        "updated_at": stamp(updated),
        "dataset_type": dataset.kind.name,
        "validation_status": status.upper() if call.faulty(STATUS_CAPITAL) else status,
        "required_fields": list(dataset.kind.required),
        "preserve_fields": list(dataset.preserve),
    }
    told = {"delimiter": dataset.delimiter, "separator": dataset.separator}
    if any(told.values()):
        shown["parse_info"] = {name: text for name, text in told.items() if text}
    if status in {"queued", "processing"}:
        return shown
    content = dataset.content
    if content.warnings:
        shown["validation_warnings"] = list(content.warnings)
    if content.error and not call.faulty(ERROR_MISSING):
        shown["validation_error"] = content.error
    if status == "validated" and call.faulty(ERROR_WHEN_VALID):
        shown["validation_error"] = "none"
    if status == "validated":
        text = json.dumps(content.schema)
        shown["schema"] = text.replace('"', "'") if call.faulty(SCHEMA_NO_JSON) else text
        shown["dataset_parts"] = _parts(call, dataset, content)
    if status == "validated" and dataset.kind.finetune:
        files = [file.rows for file in content.files]
        evaluation = files[1] if len(files) > 1 else ()
        shown["metrics"] = {"finetune_dataset_metrics": finetune_metrics(dataset.kind, files[0], evaluation)}
    return shown


def _parts(call: Call, dataset: Dataset, content: Content) -> list[dict[str, Any]]:
    parts = []
    for index, file in enumerate(content.files):
        part: dict[str, Any] = {
            "id": f"{dataset.id}-part-{index}",
            "name": file.name,
            "url": storage.sign(call, file.avro, f"{dataset.id}-{index}.avro", "application/avro"),
            "index": index,
            "size_bytes": len(file.avro),
            "num_rows": len(file.rows) + (1 if call.faulty(ROWS_MISCOUNTED) else 0),
            "samples": file.samples,
        }
        if call.faulty(URL_RELATIVE):
            part["url"] = part["url"].removeprefix(call.base_url)
        if file.original is not None:
            part["original_url"] = storage.sign(call, file.original, f"{dataset.id}-{index}-original")
        parts.append(part)
    return parts
