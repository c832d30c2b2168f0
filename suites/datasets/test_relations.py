"""Datasets: what an upload, what is read of it and what is listed must have in common."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypedDict

import pytest
from msgspec import Meta

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CREATE, LIST, USAGE = "POST /v1/datasets", "GET /v1/datasets", "GET /v1/datasets/usage"
GET, DELETE = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
pytestmark = pytest.mark.operations(CREATE, LIST, GET, DELETE)
RANK = {"unknown": 0, "queued": 0, "processing": 1, "validated": 2, "failed": 2, "skipped": 2}
FINAL = RANK["validated"]
PATIENCE = 60.0
LOOKS, SPELL = 7, 0.5
Moment = Annotated[datetime, Meta(tz=True)]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
GOOD = [{"text": "Fog until noon, then fair."}, {"text": "The ferry was late."}]


class Dataset(TypedDict):
    """What is read of a dataset."""

    id: str
    name: str
    dataset_type: str
    created_at: Moment


class Piece(TypedDict, total=False):
    """A part of a dataset."""

    num_rows: int


class Field(TypedDict):
    """A column of a dataset."""

    name: str


class Columns(TypedDict, total=False):
    """The schema of a dataset."""

    fields: list[Field]


def uploaded(api: Api, what: str, rows: list[dict[str, str]], *query: tuple[str, str]) -> str:
    """Return the id of a new dataset for embeddings, which is deleted when the test is over."""
    content = "".join(json.dumps(row) + "\n" for row in rows)
    asked = (("name", name_of(api, what)), ("type", "embed-input"), *query)
    form = (FormPart("data", content, f"{what}.jsonl", "application/jsonl"),)
    identity = str(api.call(CREATE, query=asked, form=form).body.get("id") or "")
    if not identity:
        raise InconclusiveError("an upload was answered without an id")
    api.later(DELETE, path={"id": identity})
    return identity


def name_of(api: Api, what: str) -> str:
    return f"conformance-{what}-{api.unique}"


def settled(api: Api, identity: str) -> ApiResponse:
    """Return the dataset when its validation has come to an end, which it does without going back."""
    before = "unknown"

    def look() -> ApiResponse | None:
        nonlocal before
        response = api.call(GET, path={"id": identity})
        now = response.at("/dataset/validation_status", str)
        forward(api, response, before, now)
        before = now
        return response if rank(now) == FINAL else None

    return api.until(GET, look, PATIENCE, expected=f"an end of the validation of {identity}")


def rank(status: str) -> int:
    return RANK.get(status, 0)


def items(response: ApiResponse) -> list[Dataset]:
    return response.at("/datasets", list[Dataset] | None) or []


def forward(api: Api, response: ApiResponse, before: str, now: str) -> None:
    stays = now == before if rank(before) == FINAL else rank(now) >= rank(before)
    api.require(
        "datasets.status-forward",
        stays,
        response,
        location="/dataset/validation_status",
        expected=f"{before} or what comes after it",
        observed=now,
    )


def since(dataset: Dataset) -> tuple[str, str]:
    """Return a filter for what is hardly older, because a list may be cut where nobody asks for a limit."""
    made = min(max(dataset["created_at"], EARLIEST), LATEST).astimezone(UTC) - timedelta(minutes=1)
    return "after", made.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_dataset_is_what_was_uploaded(api: Api) -> None:
    rows = [
        {"text": "Fog until noon, then fair.", "day": "Monday", "mood": "calm", "draft": "yes"},
        {"text": "The ferry was late.", "day": "Tuesday", "draft": "no"},
        {"day": "Wednesday"},
        {"text": "Sun, at last.", "day": "Friday"},
    ]
    query = (("keep_fields", "day"), ("optional_fields", "mood"), ("optional_fields", "weather"))
    identity = uploaded(api, "diary", rows, *query, ("skip_malformed_input", "true"))
    response = settled(api, identity)
    shown = response.at("/dataset", Dataset)
    sent = [name_of(api, "diary"), "embed-input"]
    told = [shown["name"], shown["dataset_type"]]
    api.require(
        "datasets.created-echo",
        told == sent,
        response,
        location="/dataset/name",
        expected=str(sent),
        observed=told,
    )
    warnings = response.body["dataset"].get("validation_warnings")
    api.require(
        "datasets.skipped-reported",
        bool(warnings),
        response,
        location="/dataset/validation_warnings",
        expected="a warning of the row that was skipped",
        observed=warnings,
    )
    counts = [
        part.get("num_rows") for part in response.at("/dataset/dataset_parts", list[Piece] | None) or ()
    ]
    api.require(
        "datasets.row-count",
        sum(count or 0 for count in counts) == len(rows) - 1,
        response,
        location="/dataset/dataset_parts/*/num_rows",
        expected=f"{len(rows) - 1} rows",
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
    again = api.call(GET, path={"id": identity})
    before, now = (told.at("/dataset/validation_status", str) for told in (response, again))
    forward(api, again, before, now)


def columns_of(response: ApiResponse) -> set[str] | None:
    """Return the columns that the schema of the rows tells, `None` where there is no schema."""
    fields = (response.parsed("/dataset/schema", Columns | None) or {}).get("fields")
    return None if fields is None else {field["name"] for field in fields}


def test_bad_files_fail_the_validation(api: Api) -> None:
    response = settled(api, uploaded(api, "remarks", [*GOOD, {"remark": "no text here"}]))
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


def test_a_column_to_keep_must_be_there(api: Api) -> None:
    response = settled(api, uploaded(api, "pages", GOOD, ("keep_fields", "page")))
    status = response.at("/dataset/validation_status", str)
    api.require(
        "datasets.kept-column-missing",
        status == "failed",
        response,
        location="/dataset/validation_status",
        expected="failed",
        observed=status,
    )


def test_datasets_of_one_name_have_two_ids(api: Api) -> None:
    first, second = uploaded(api, "twin", GOOD), uploaded(api, "twin", GOOD)
    response = api.call(GET, path={"id": second})
    api.require(
        "datasets.id-unique",
        first != second,
        response,
        location="/id",
        expected=f"not {first}",
        observed=second,
    )


def test_datasets_are_listed_as_they_are_read(api: Api) -> None:
    read = api.call(GET, path={"id": uploaded(api, "listed", GOOD)}).at("/dataset", Dataset)
    response = api.call(LIST, query=[since(read)])
    found = [one for one in items(response) if one["id"] == read["id"]]
    api.require(
        "datasets.listed",
        bool(found),
        response,
        location="/datasets",
        expected=f"the dataset {read['id']}",
        observed="none of that id",
    )
    api.need(bool(found), f"the dataset {read['id']} in the list")
    fixed = ("name", "dataset_type", "created_at")
    api.require(
        "datasets.listed-as-read",
        all(found[0][name] == read[name] for name in fixed),
        response,
        location="/datasets/*",
        expected=str([read[name] for name in fixed]),
        observed=[found[0][name] for name in fixed],
    )


def test_pages_follow_each_other(api: Api) -> None:
    uploaded(api, "page-one", GOOD)
    uploaded(api, "page-two", GOOD)

    def page(limit: int, offset: int) -> ApiResponse:
        return api.call(LIST, query=[("limit", str(limit)), ("offset", str(offset))])

    whole, first, second, after = page(2, 0), page(1, 0), page(1, 1), page(2, 0)
    ids = [[one["id"] for one in items(response)] for response in (whole, first, second, after)]
    if ids[0] == ids[3]:
        api.require(
            "datasets.pages",
            ids[1] + ids[2] == ids[0],
            second,
            location="/datasets",
            expected=f"{ids[0]} on two pages",
            observed=ids[1:3],
        )


def test_what_is_deleted_is_gone(api: Api) -> None:
    identity = uploaded(api, "gone", GOOD)
    window = since(api.call(GET, path={"id": identity}).at("/dataset", Dataset))
    api.call(DELETE, path={"id": identity})
    response = api.call(GET, path={"id": identity}, status=(200, 404))
    api.require(
        "datasets.deleted-is-gone", response.status == 404, response, expected="404", observed=response.status
    )
    response = api.call(LIST, query=[window])
    ids = [one["id"] for one in items(response)]
    api.require(
        "datasets.deleted-is-unlisted",
        identity not in ids,
        response,
        location="/datasets/*/id",
        expected="no dataset that was deleted",
        observed=identity,
    )
    response = api.call(DELETE, path={"id": identity}, status=(200, 404))
    api.require(
        "datasets.second-delete", response.status == 404, response, expected="404", observed=response.status
    )


def test_what_never_was_is_not_deleted(api: Api) -> None:
    response = api.call(DELETE, path={"id": f"conformance-never-{api.unique}"}, status=(200, 404))
    api.require(
        "datasets.unknown-delete", response.status == 404, response, expected="404", observed=response.status
    )


@pytest.mark.operations(CREATE, GET, DELETE, USAGE)
def test_the_storage_in_use_follows(api: Api) -> None:
    # Large enough to stand out where something else is stored meanwhile.
    line = {"text": "The harbour master writes down every ship that comes in and goes out. " * 60}
    rows = [line] * 40
    size = len(json.dumps(line)) * len(rows)
    before = used(api)
    identity = uploaded(api, "ledger", rows)
    settled(api, identity)
    grown = moved(api, before, size)
    api.call(DELETE, path={"id": identity})
    moved(api, grown, -size)


def used(api: Api) -> int:
    return stored(api.call(USAGE))


def stored(response: ApiResponse) -> int:
    return int(response.at("/organization_usage", float | None) or 0)


def moved(api: Api, before: int, by: int) -> int:
    """Return the storage in use when it has followed, or does not within seconds."""
    half = abs(by) // 2
    for number in range(LOOKS):
        if number:
            api.pause(USAGE, SPELL)
        response = api.call(USAGE)
        now = stored(response)
        follows = now - before >= half if by > 0 else before - now >= half
        if follows:
            break
    api.require(
        "datasets.usage-follows",
        follows,
        response,
        location="/organization_usage",
        expected=f"{before}, and {abs(by)} {'more' if by > 0 else 'less'}",
        observed=now,
        value_class="grows" if by > 0 else "shrinks",
    )
    return now
