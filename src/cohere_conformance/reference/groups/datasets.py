"""Datasets: upload, list, get, delete, and the storage in use."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import storage
from cohere_conformance.reference.datasets import record
from cohere_conformance.reference.datasets.kinds import KINDS
from cohere_conformance.reference.datasets.metrics import finetune_metrics
from cohere_conformance.reference.datasets.record import Dataset
from cohere_conformance.reference.datasets.rows import UploadOptions
from cohere_conformance.reference.datasets.upload import content_of, files_of
from cohere_conformance.reference.groups import datasets_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cohere_conformance.reference.datasets.record import Content
    from cohere_conformance.reference.handling import Call

_LONGEST_NAME = 49
"""Names have to be under 50 characters (DS-R03)."""
_LIVE_FORMATS = frozenset({"csv", "jsonl"})


@operation("POST /v1/datasets", in_thread="large")
def create(call: Call) -> Callable[[], JsonResponse]:
    """Upload a dataset; errors in its rows appear when it is validated (DS-S01)."""
    query = call.query
    name, kind = query["name"], KINDS[query["type"]]
    if len(name) > _LONGEST_NAME and not call.faulty(faults.LONG_NAME):
        raise ApiError(400, f"invalid request: name must be under {_LONGEST_NAME + 1} characters")
    if not kind.formats and not call.faulty(faults.OUTPUT_ACCEPTED):
        raise ApiError(400, f"output dataset types are not supported: {kind.name} is made by the service")
    options = UploadOptions(
        kind=kind if kind.formats else KINDS["embed-input"],
        keep=tuple(query.get("keep_fields", ())),
        optional=tuple(query.get("optional_fields", ())),
        skip=query.get("skip_malformed_input", False),
        delimiter=_delimiter(inject(call, faults.DELIMITER, str(query.get("csv_delimiter") or ","))),
        separator=query.get("text_separator") or "\n",
        formats=_LIVE_FORMATS if call.profile is Profile.LIVE_2026 else _LIVE_FORMATS | {"txt"},
    )
    options = inject(call, faults.OPTIONS, options)
    content = content_of(files_of(call.form), options, keep_original=query.get("keep_original_file", False))
    dataset = Dataset(
        name=name,
        kind=kind,
        created_at=call.now,
        make=lambda: content,
        preserve=tuple(one for one in options.columns if one not in kind.required),
        delimiter=options.delimiter if content.format == "csv" else "",
        separator=options.separator if content.format == "txt" else "",
    )
    dataset = inject(call, faults.DATASET, dataset)

    def store() -> JsonResponse:
        record.add(call.account, dataset)
        return JsonResponse({"id": dataset.id})

    return store


def _delimiter(given: str) -> str:
    if len(given) != 1 or given in '"\r\n\0':
        raise ApiError(400, "invalid request: csv_delimiter must be one character that can separate columns")
    return given


@operation("GET /v1/datasets/{id}", in_thread="always")
def get(call: Call) -> JsonResponse:
    """Return one dataset."""
    identity = call.path["id"]
    dataset = inject(call, faults.FOUND, record.find(call.account, identity, call.now))
    if dataset is None:
        if call.faulty(faults.UNKNOWN_EMPTY):
            return JsonResponse({"dataset": {}})
        raise _not_found(identity)
    shown = inject(call, faults.READ, _shown(call, dataset))
    return JsonResponse(inject(call, faults.BODY, {"dataset": shown}))


@operation("GET /v1/datasets", in_thread="always")
def listed(call: Call) -> JsonResponse:
    """List datasets, newest first."""
    found = inject(call, faults.ALL, record.newest_first(call.account, call.now))
    filters = inject(call, faults.FILTERS, _filters(call))
    offset = inject(call, faults.OFFSET, _count(call.query, "offset", 0))
    limit = inject(call, faults.LIMIT, _count(call.query, "limit", len(found)))
    found = inject(call, faults.LISTED, [one for one in found if all(keeps(one) for keeps in filters)])
    page = [_shown(call, dataset) for dataset in found[offset : offset + limit]]
    return JsonResponse({"datasets": inject(call, faults.PAGE, page)})


def _filters(call: Call) -> list[faults.Filter]:
    """Return the filters of a list, each as a function that is true for the datasets to list."""
    query = call.query
    found: list[faults.Filter] = []
    if kind := query.get("datasetType"):
        found.append(lambda one: one.kind.name == kind)
    if status := query.get("validationStatus"):
        found.append(lambda one: one.status(call.now, call.state.step) == status)
    if (before := _moment(query, "before")) is not None:
        found.append(lambda one: one.created_at < before)
    if (after := _moment(query, "after")) is not None:
        found.append(lambda one: one.created_at > after)
    return found


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


@operation("GET /v1/datasets/usage", in_thread="always")
def usage(call: Call) -> JsonResponse:
    """Return the size of all datasets in bytes; the live service sends the number as a string (DS-S04)."""
    size = sum(dataset.content.size for dataset in record.newest_first(call.account, call.now))
    size = inject(call, faults.USAGE, size)
    return JsonResponse({"organization_usage": str(size) if call.profile is Profile.LIVE_2026 else size})


@operation("DELETE /v1/datasets/{id}")
def delete(call: Call) -> JsonResponse:
    """Delete a dataset; deleting it again is a 404 (DS-O03)."""
    identity = call.path["id"]
    dataset = record.find(call.account, identity, call.now)
    if dataset is None:
        again = record.deleted(call.account, identity) is not None
        if not call.faulty(faults.SECOND_DELETE if again else faults.UNKNOWN_DELETED):
            raise _not_found(identity)
        return JsonResponse({})
    record.remove(call.account, dataset, call.now)
    if not call.faulty(faults.DELETE_KEEPS) and not call.faulty(faults.DELETE_LISTED):
        dataset.forget()
    return JsonResponse({})


def _not_found(identity: str) -> ApiError:
    return ApiError(404, f"dataset with the id '{identity}' not found")


def _shown(call: Call, dataset: Dataset) -> dict[str, Any]:
    """Return a dataset in its current state."""
    status = dataset.status(call.now, call.state.step)
    shown: dict[str, Any] = {
        "id": dataset.id,
        "name": dataset.name,
        "created_at": stamp(dataset.created_at),
        "updated_at": stamp(dataset.updated_at(call.now, call.state.step)),
        "dataset_type": dataset.kind.name,
        "validation_status": status,
        "required_fields": list(dataset.kind.required),
        "preserve_fields": list(dataset.preserve),
    }
    parse_info = {"delimiter": dataset.delimiter, "separator": dataset.separator}
    if any(parse_info.values()):
        shown["parse_info"] = {name: text for name, text in parse_info.items() if text}
    if status not in {"queued", "processing"}:
        shown |= _validated(call, dataset, valid=status == "validated")
    return inject(call, faults.SHOWN, shown)


def _validated(call: Call, dataset: Dataset, *, valid: bool) -> dict[str, Any]:
    """Return the properties that a dataset has from the end of its validation on."""
    content = dataset.content
    shown: dict[str, Any] = {}
    if content.warnings:
        shown["validation_warnings"] = list(content.warnings)
    if content.error:
        shown["validation_error"] = content.error
    if valid:
        shown["schema"] = json.dumps(content.schema)
        shown["dataset_parts"] = _parts(call, dataset, content)
    if valid and dataset.kind.finetune:
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
            "num_rows": len(file.rows),
            "samples": file.samples,
        }
        if file.original is not None:
            part["original_url"] = storage.sign(call, file.original, f"{dataset.id}-{index}-original")
        parts.append(part)
    return parts
