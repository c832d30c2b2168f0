"""Object storage by fsspec: addresses are listed, opened and parsed as files are."""

from __future__ import annotations

import gzip
import sys
from typing import TYPE_CHECKING

import fsspec
import pytest
import zstandard

from cohere_conformance.errors import TrafficError, UsageError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import SkippedFile, discover, parse_recording
from cohere_conformance.recordings.parts import (
    RecordingPart,
    count_lines,
    divide,
    is_large,
    numbered,
    parse_part,
)
from cohere_conformance.recordings.storage import is_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = b'{"method": "GET", "url": "https://h/%d", "status": 200}\n'
ROWS = b"".join(ROW % number for number in range(50))


@pytest.fixture
def bucket() -> Iterator[str]:
    storage = fsspec.filesystem("memory")
    files = {"a.jsonl": ROWS, "b.jsonl.gz": gzip.compress(ROWS), "deep/c.jsonl.zst": zstandard.compress(ROWS)}
    for name, content in (files | {".hidden/d.jsonl": ROWS, "notes.txt": b"no traffic"}).items():
        storage.pipe_file(f"/bucket/{name}", content)
    yield "memory://bucket"
    storage.rm("/bucket", recursive=True)


def test_a_folder_is_searched_as_a_local_one_is(bucket: str) -> None:
    *files, others = discover([bucket])
    assert files == [f"{bucket}/{name}" for name in ("a.jsonl", "b.jsonl.gz", "deep/c.jsonl.zst")]
    assert others == SkippedFile(bucket, "files that are no recordings: 1 .txt")


def test_a_pattern_names_files(bucket: str, tmp_path: Path) -> None:
    assert list(discover([f"{bucket}/*.jsonl*", f"{bucket}/a.jsonl"])) == [
        f"{bucket}/a.jsonl",
        f"{bucket}/b.jsonl.gz",
    ]
    (tmp_path / "x.jsonl").write_bytes(ROWS)
    assert list(discover([str(tmp_path / "*.jsonl")])) == [str(tmp_path / "x.jsonl")]


@pytest.mark.parametrize("name", ["a.jsonl", "b.jsonl.gz", "deep/c.jsonl.zst"])
def test_a_file_is_unpacked_and_parsed(bucket: str, name: str) -> None:
    found = list(parse_recording(f"{bucket}/{name}"))
    assert [one.request.url for one in found if isinstance(one, Exchange)] == [
        f"https://h/{number}" for number in range(50)
    ]


def test_a_damaged_zstd_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zstandard.compress(ROWS) * 2 + zstandard.compress(ROWS)[:-20])
    *exchanges, cut = parse_recording(str(path))
    assert isinstance(cut, TrafficError)
    assert (cut.where, cut.reason) == (f"byte {2 * len(ROWS)}", "the compressed file ends too early")
    assert len(exchanges) == 100
    path.write_bytes(zstandard.compress(ROWS) + b"no frame")
    *exchanges, damaged = parse_recording(str(path))
    assert isinstance(damaged, TrafficError)
    assert "cannot be read: zstd" in damaged.reason
    assert len(exchanges) == 50


def test_parts_are_together_what_the_file_is(bucket: str) -> None:
    for size in (100, 301, 2_000):
        parts = divide(f"{bucket}/a.jsonl", size)
        assert len(parts) == -(-len(ROWS) // size)
        together = numbered(parts, map(count_lines, parts))
        assert [value for part in together for value in parse_part(part)] == list(
            parse_recording(f"{bucket}/a.jsonl")
        )


def test_what_cannot_be_divided_is_one_part(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = f"{bucket}/b.jsonl.gz"
    assert divide(packed, 10) == [RecordingPart(packed)]
    assert (is_large(packed, 10), is_large(packed, 10**6), is_large("/no/such", 1)) == (True, False, False)
    # A line that is much longer than a part may be one at which parsing ends.
    monkeypatch.setattr("cohere_conformance.recordings.parts.LONGEST", 19)
    parts = divide(f"{bucket}/a.jsonl", 20)
    assert list(numbered(parts, map(count_lines, parts))) == [RecordingPart(f"{bucket}/a.jsonl")]


def test_what_is_not_there_is_said_of_the_input(bucket: str) -> None:
    (missing,) = discover([f"{bucket}/no-such.jsonl"])
    assert isinstance(missing, TrafficError)
    assert "there is no such file or folder" in missing.reason


def test_addresses_of_web_servers_are_none() -> None:
    assert list(map(is_address, ["s3://b/x", "GS://b/x", "https://host/x", "traffic/s3"])) == [
        *(True, True),
        *(False, False),
    ]


def test_a_package_that_is_missing_is_an_error_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="s3fs"):
        list(discover(["s3://bucket/x.jsonl"]))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"pip install 'cohere-conformance\[dask\]'"):
        list(discover(["s3://bucket/x.jsonl"]))
