"""Parquet: a row is an exchange; columns have the names of the keys of JSON Lines."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording
from cohere_conformance.recordings.parts import divide, parse_part

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime.datetime(2026, 11, 20, 9, 38, 2, tzinfo=datetime.UTC)
BASE: dict[str, Any] = {"method": ["post"], "url": ["https://h/x"], "status": [200]}


def parsed(path: Path, columns: dict[str, Any], **options: Any) -> list[Any]:
    parquet.write_table(pa.table(columns), path, **options)
    return list(parse_recording(str(path)))


@pytest.mark.parametrize(
    "fields",
    [
        pa.array(['{"Content-Type": "text/plain", "x-a": "1"}']),
        pa.array([[("Content-Type", "text/plain"), ("x-a", "1")]], pa.map_(pa.string(), pa.string())),
        pa.array([[{"name": "Content-Type", "value": "text/plain"}, {"name": "x-a", "value": "1"}]]),
    ],
    ids=["json", "map", "structs"],
)
def test_a_row_is_an_exchange(tmp_path: Path, fields: Any) -> None:
    columns = {"request_headers": fields, "response_headers": fields, "recorded_at": [WHEN]}
    columns |= {"request_body": ['{"a": 1}'], "response_body": [b"\xff\x00"], "extra": [7]}
    (one,) = parsed(tmp_path / "x.parquet", BASE | columns)
    assert isinstance(one, Exchange)
    assert (one.request.method, one.request.url, one.response.status) == ("POST", "https://h/x", 200)
    assert (one.request.body, one.response.body) == (b'{"a": 1}', b"\xff\x00")
    assert one.response.headers == (("content-type", "text/plain"), ("x-a", "1"))
    assert one.source.position == "row 1"
    assert one.source.recorded_at == WHEN.isoformat()


def test_the_media_type_may_have_a_column_of_its_own(tmp_path: Path) -> None:
    (one,) = parsed(tmp_path / "x", BASE | {"content_type": ["text/event-stream"]})
    assert one.response.headers == (("content-type", "text/event-stream"),)


def test_a_row_without_an_exchange_hides_no_other(tmp_path: Path) -> None:
    columns = {name: values * 3 for name, values in BASE.items()} | {"status": [200.0, None, 404.0]}
    first, broken, last = parsed(tmp_path / "x", columns)
    assert (first.response.status, last.response.status) == (200, 404)
    assert (broken.where, broken.reason) == ("row 2", "no response was recorded")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"method": ["GET"]}, "expected the columns method, url and status, got no url and no status"),
        (
            BASE | {"response_body": [{"id": 1}]},
            "response_body: expected a column of text or bytes, got struct",
        ),
        (BASE | {"response_headers": ["{"]}, "expected header fields as JSON, found another text"),
    ],
    ids=["columns", "struct", "headers"],
)
def test_what_cannot_be_an_exchange_is_named(tmp_path: Path, columns: dict[str, Any], reason: str) -> None:
    (error,) = parsed(tmp_path / "x", columns)
    assert isinstance(error, TrafficError)
    assert reason in error.reason


def test_row_groups_are_parts(tmp_path: Path) -> None:
    path = tmp_path / "x"
    whole = parsed(path, {name: values * 10 for name, values in BASE.items()}, row_group_size=3)
    parts = divide(str(path), 1)
    assert [(part.start, part.end, part.before) for part in parts] == [
        (0, 1, 0),
        (1, 2, 3),
        (2, 3, 6),
        (3, 4, 9),
    ]
    assert [value for part in parts for value in parse_part(part)] == whole
    assert len(whole) == 10


def test_damage_and_a_missing_package_are_said_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"PAR1" + b"x" * 100)
    (damaged,) = parse_recording(str(path))
    assert isinstance(damaged, TrafficError)
    assert "the Parquet file is damaged" in damaged.reason
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (missing,) = parse_recording(str(path))
    assert isinstance(missing, TrafficError)
    assert "pip install 'cohere-conformance[parquet]'" in missing.reason
