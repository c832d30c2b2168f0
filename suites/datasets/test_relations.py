"""Datasets: what an upload has in common with what is read, listed and counted afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypedDict

import pytest
from msgspec import Meta

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CREATE, LIST, USAGE = "POST /v1/datasets", "GET /v1/datasets", "GET /v1/datasets/usage"
GET, DELETE = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
pytestmark = pytest.mark.operations(CREATE, LIST, GET, DELETE)
PROGRESS = {"unknown": 0, "queued": 0, "processing": 1, "validated": 2, "failed": 2, "skipped": 2}
FINAL = PROGRESS["validated"]
PATIENCE = 60.0
READS, PAUSE = 7, 0.5
Moment = Annotated[datetime, Meta(tz=True)]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
GOOD = [{"text": "Fog until noon, then fair."}, {"text": "The ferry was late."}]


class Dataset(TypedDict):
    """The properties of a dataset that the tests read."""

    id: str
    name: str
    dataset_type: str
    created_at: Moment


class DatasetPart(TypedDict, total=False):
    """The property of a part of a dataset that the tests read."""

    num_rows: int


class Column(TypedDict):
    """A column of a dataset."""

    name: str


class Schema(TypedDict, total=False):
    """The schema of a dataset."""

    fields: list[Column]


def upload(api: Api, name: str, rows: list[dict[str, str]], *query: tuple[str, str]) -> str:
    """Upload rows to embed; return the id without waiting for the validation."""
    return api.upload("embed-input", rows, name=name, filename=f"{name}.jsonl", query=query, seconds=None).id


def settle(api: Api, dataset: str) -> ApiResponse:
    """Read a dataset until its validation ends, and return the last response; the status never goes back."""
    before = "unknown"

    def validated(response: ApiResponse) -> bool:
        nonlocal before
        status = response.at("/dataset/validation_status", str)
        require_forward(api, response, before, status)
        before = status
        return progress(status) == FINAL

    expected = f"the end of the validation of dataset {dataset}"
    return api.until(GET, validated, path={"id": dataset}, seconds=PATIENCE, expected=expected)


def progress(status: str) -> int:
    """Return how far the validation of a dataset has progressed."""
    return PROGRESS.get(status, 0)


def items(response: ApiResponse) -> list[Dataset]:
    """Return the datasets of a list."""
    return response.at("/datasets", list[Dataset] | None) or []


def require_forward(api: Api, response: ApiResponse, before: str, after: str) -> None:
    """Require that the status of a validation stays or moves forward."""
    holds = after == before if progress(before) == FINAL else progress(after) >= progress(before)
    api.require(
        "datasets.status-forward",
        holds,
        response,
        location="/dataset/validation_status",
        expected=f"{before} or a later status",
        observed=after,
    )


def since(dataset: Dataset) -> tuple[str, str]:
    """Return the filter `after` for datasets that are at most a minute older: a long list may be cut."""
    created = min(max(dataset["created_at"], EARLIEST), LATEST).astimezone(UTC) - timedelta(minutes=1)
    return "after", created.strftime("%Y-%m-%dT%H:%M:%SZ")


def require_name(api: Api, response: ApiResponse, name: str, shown: Dataset) -> None:
    """Require that a dataset has the name and the type of its upload."""
    sent = [f"conformance-{name}-{api.unique}", "embed-input"]
    echoed = [shown["name"], shown["dataset_type"]]
    api.require(
        "datasets.created-echo",
        echoed == sent,
        response,
        location="/dataset/name",
        expected=str(sent),
        observed=echoed,
    )


def require_kept(api: Api, name: str, rows: list[dict[str, str]]) -> None:
    """Require that a dataset has its name, its rows with a text, and the columns that were to be kept.

    Args:
        api: the client.
        name: part of the dataset's name.
        rows: have a day; at least one has a mood, one another column, one no text.
    """
    number = sum("text" in row for row in rows)
    query = (("keep_fields", "day"), ("optional_fields", "mood"), ("optional_fields", "weather"))
    dataset = upload(api, name, rows, *query, ("skip_malformed_input", "true"))
    response = settle(api, dataset)
    shown = response.at("/dataset", Dataset)
    require_name(api, response, name, shown)
    warnings = response.at("/dataset/validation_warnings", list | None)
    api.require(
        "datasets.skipped-reported",
        bool(warnings),
        response,
        location="/dataset/validation_warnings",
        expected="a warning about the skipped row",
        observed=warnings,
    )
    counts = [
        part.get("num_rows") for part in response.at("/dataset/dataset_parts", list[DatasetPart] | None) or ()
    ]
    api.require(
        "datasets.row-count",
        sum(count or 0 for count in counts) == number,
        response,
        location="/dataset/dataset_parts/*/num_rows",
        expected=f"{number} rows",
        observed=counts,
    )
    columns = columns_of(response)
    api.require(
        "datasets.columns",
        columns is None or {"text", "day", "mood"} <= columns <= {"text", "day", "mood", "weather"},
        response,
        location="/dataset/schema",
        expected="the columns text, day and mood",
        observed=sorted(columns or ()),
    )
    again = api.call(GET, path={"id": dataset})
    before, after = (one.at("/dataset/validation_status", str) for one in (response, again))
    require_forward(api, again, before, after)


def columns_of(response: ApiResponse) -> set[str] | None:
    """Return the names of the columns in the schema, or `None` if there is no schema."""
    columns = (response.parsed("/dataset/schema", Schema | None) or {}).get("fields")
    return None if columns is None else {column["name"] for column in columns}


def require_malformed_fails(api: Api, rows: list[dict[str, str]]) -> None:
    """Require that a file with a row that lacks the required column fails the validation."""
    response = settle(api, upload(api, "remarks", rows))
    status = response.at("/dataset/validation_status", str)
    location = "/dataset/validation_status"
    api.require(
        "datasets.malformed-fails",
        status == "failed",
        response,
        location=location,
        expected="failed",
        observed=status,
    )


def require_column_missed(api: Api, column: str) -> None:
    """Require that `keep_fields` with a column that the rows do not have fails the validation."""
    response = settle(api, upload(api, "pages", GOOD, ("keep_fields", column)))
    status = response.at("/dataset/validation_status", str)
    api.require(
        "datasets.kept-column-missing",
        status == "failed",
        response,
        location="/dataset/validation_status",
        expected="failed",
        observed=status,
    )


def require_two_ids(api: Api, name: str) -> None:
    """Require that two uploads with the same name create two datasets."""
    first, second = upload(api, name, GOOD), upload(api, name, GOOD)
    response = api.call(GET, path={"id": second})
    api.require(
        "datasets.id-unique",
        first != second,
        response,
        location="/id",
        expected=f"not {first}",
        observed=second,
    )


def require_listed_as_read(api: Api, name: str) -> None:
    """Require that a dataset is in the list, as it is read."""
    alone = api.call(GET, path={"id": upload(api, name, GOOD)}).at("/dataset", Dataset)
    response = api.call(LIST, query=[since(alone)])
    listed = [one for one in items(response) if one["id"] == alone["id"]]
    api.require(
        "datasets.listed",
        bool(listed),
        response,
        location="/datasets",
        expected=f"the dataset {alone['id']}",
        observed="no dataset with this id",
    )
    api.need(bool(listed), f"the dataset {alone['id']} in the list")
    constant = ("name", "dataset_type", "created_at")
    api.require(
        "datasets.listed-as-read",
        all(listed[0][name] == alone[name] for name in constant),
        response,
        location="/datasets/*",
        expected=str([alone[name] for name in constant]),
        observed=[listed[0][name] for name in constant],
    )


def require_pages(api: Api, sizes: tuple[int, int]) -> None:
    """Require that two pages of these sizes, one after the other, are the beginning of the list."""
    for number in range(sizes[0] + 1):
        upload(api, f"page-{number}", GOOD)

    def page(limit: int, offset: int) -> ApiResponse:
        return api.call(LIST, query=[("limit", str(limit)), ("offset", str(offset))])

    both, first = page(sum(sizes), 0), page(sizes[0], 0)
    second, again = page(sizes[1], sizes[0]), page(sum(sizes), 0)
    ids = [[one["id"] for one in items(response)] for response in (both, first, second, again)]
    if ids[0] == ids[3]:  # nobody else has created or deleted a dataset meanwhile
        api.require(
            "datasets.pages",
            ids[1] + ids[2] == ids[0],
            second,
            location="/datasets",
            expected=f"{ids[0]} on two pages",
            observed=ids[1:3],
        )


def require_deleted_gone(api: Api, name: str) -> None:
    """Require that a deleted dataset is not found, not listed, and cannot be deleted again."""
    dataset = upload(api, name, GOOD)
    window = since(api.call(GET, path={"id": dataset}).at("/dataset", Dataset))
    api.call(DELETE, path={"id": dataset})
    response = api.call(GET, path={"id": dataset}, status=(200, 404))
    api.require(
        "datasets.deleted-is-gone", response.status == 404, response, expected="404", observed=response.status
    )
    response = api.call(LIST, query=[window])
    ids = [one["id"] for one in items(response)]
    api.require(
        "datasets.deleted-is-unlisted",
        dataset not in ids,
        response,
        location="/datasets/*/id",
        expected="no dataset that was deleted",
        observed=dataset,
    )
    response = api.call(DELETE, path={"id": dataset}, status=(200, 404))
    api.require(
        "datasets.second-delete", response.status == 404, response, expected="404", observed=response.status
    )


def require_unknown_delete(api: Api, name: str) -> None:
    """Require that deleting an id that never existed gets 404."""
    response = api.call(DELETE, path={"id": f"conformance-never-{name}-{api.unique}"}, status=(200, 404))
    api.require(
        "datasets.unknown-delete", response.status == 404, response, expected="404", observed=response.status
    )


def require_usage_follows(api: Api, text: str) -> None:
    """Require that the storage in use grows with an upload of a text and shrinks when it is deleted."""
    # Large enough to be noticed even if something else is stored meanwhile.
    line = {"text": text * 60}
    rows = [line] * 40
    size = len(json.dumps(line)) * len(rows)
    before = usage_of(api.call(USAGE))
    dataset = upload(api, "ledger", rows)
    settle(api, dataset)
    after = require_change(api, before, size)
    api.call(DELETE, path={"id": dataset})
    require_change(api, after, -size)


def usage_of(response: ApiResponse) -> int:
    """Return the bytes that the organization uses."""
    return int(response.at("/organization_usage", float | str | None) or 0)


def require_change(api: Api, before: int, by: int) -> int:
    """Require that the storage in use changes by about so many bytes within seconds; return it."""
    half = abs(by) // 2
    for number in range(READS):
        if number:
            api.pause(USAGE, PAUSE)
        response = api.call(USAGE)
        now = usage_of(response)
        changed = now - before >= half if by > 0 else before - now >= half
        if changed:
            break
    api.require(
        "datasets.usage-follows",
        changed,
        response,
        location="/organization_usage",
        expected=f"about {before + by}",
        observed=now,
        value_class="grows" if by > 0 else "shrinks",
    )
    return now


def test_a_dataset_is_what_was_uploaded(api: Api) -> None:
    """A dataset has the name and type of the upload, its valid rows and the columns that were to be kept."""
    rows = [
        {"text": "Fog until noon, then fair.", "day": "Monday", "mood": "calm", "draft": "yes"},
        {"text": "The ferry was late.", "day": "Tuesday", "draft": "no"},
        {"day": "Wednesday"},
        {"text": "Sun, at last.", "day": "Friday"},
    ]
    require_kept(api, "diary", rows)


def test_bad_files_fail_the_validation(api: Api) -> None:
    """A file with a row that lacks the required column fails the validation."""
    require_malformed_fails(api, [*GOOD, {"remark": "no text here"}])


def test_a_column_to_keep_must_be_there(api: Api) -> None:
    """`keep_fields` with a column that the rows do not have fails the validation."""
    require_column_missed(api, "page")


def test_datasets_of_one_name_have_two_ids(api: Api) -> None:
    """Two uploads with the same name create two datasets."""
    require_two_ids(api, "twin")


def test_datasets_are_listed_as_they_are_read(api: Api) -> None:
    """A dataset is in the list, with the name, type and time of creation that it has alone."""
    require_listed_as_read(api, "listed")


def test_pages_follow_each_other(api: Api) -> None:
    """The pages with `limit` 1 at the offsets 0 and 1 are the first two datasets of the list."""
    require_pages(api, (1, 1))


def test_what_is_deleted_is_gone(api: Api) -> None:
    """A deleted dataset is not found, not listed, and cannot be deleted again."""
    require_deleted_gone(api, "gone")


def test_what_never_was_is_not_deleted(api: Api) -> None:
    """Deleting an id that never existed gets 404."""
    require_unknown_delete(api, "stored")


@pytest.mark.operations(CREATE, GET, DELETE, USAGE)
def test_the_storage_in_use_follows(api: Api) -> None:
    """The storage in use grows with an upload and shrinks when the dataset is deleted."""
    require_usage_follows(api, "The harbour master writes down every ship that comes in and goes out. ")
