import gzip
import json
import os
from pathlib import Path

import pytest

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import SkippedFile, discover, parse_recording

ROW = '{"method": "GET", "url": "https://h/x", "status": 200}\n'
HAR = json.dumps(
    {
        "log": {
            "version": "1.2",
            "entries": [{"request": {"method": "GET", "url": "https://h/x"}, "response": {"status": 200}}],
        }
    }
)
ONE = {"request": {"method": "GET", "uri": "https://h/x"}, "response": {"status": {"code": 200}}}
CASSETTE = "# recorded\n---\nversion: 1\ninteractions:\n- " + json.dumps(ONE) + "\n"
SAMPLES = {
    "lines": ROW,
    "lines-late": "garbage\n" + ROW,
    "lines-long-row": '{"response_body": "'
    + "x" * 300_000
    + '", "status": 200, "url": "https://h/x", "method": "GET"}\n',
    "archive": HAR,
    "archive-pretty": json.dumps(json.loads(HAR), indent=2),
    "cassette": CASSETTE,
    "cassette-quoted": CASSETTE.replace("interactions", '"interactions"'),
    "cassette-windows": CASSETTE.replace("\n", "\r\n"),
    "cassette-json": json.dumps({"version": 1, "interactions": [ONE]}),
    "pretty-row": json.dumps(json.loads(ROW), indent=2),
    "betamax": json.dumps({"http_interactions": [ONE], "recorded_with": "betamax/0.8"}, indent=4),
}
OTHER = {
    "settings": "name: x\non: [push]\n",
    "package": '{"name": "x", "version": "1"}',
    "array": "[1, 2]",
    "prose": "# Title\n\nWrite it so:\n\ninteractions:\n- request: {}\n",
    "code": "import x\ninteractions: list[int] = []\n",
    "log-text": '{"log": "starting"}',
    "schema": json.dumps({"properties": {"request": {"type": "object"}, "response": {}}}, indent=1),
    "deployment": json.dumps({"url": "https://h/1", "status": "ok", "id": 7}, indent=1),
    "binary": "\x00\x01\x02",
    "empty": "",
    "blank": "\n \n",
}


@pytest.mark.parametrize("name", ["x.txt", "x.har", "x.yaml", "x.jsonl", "x.json", "x"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_the_content_decides_the_format(tmp_path: Path, sample: str, packed: bool, name: str) -> None:
    path = tmp_path / name
    text = SAMPLES[sample].encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    found = list(parse_recording(str(path)))
    assert isinstance(found[-1], Exchange)
    assert found[-1].request.url == "https://h/x"
    assert len(found) == (2 if sample == "lines-late" else 1)
    assert list(discover([tmp_path])) == [str(path)]


@pytest.mark.parametrize("sample", OTHER)
def test_a_named_file_that_is_no_recording_is_an_error(tmp_path: Path, sample: str) -> None:
    path = tmp_path / "x"
    path.write_text(OTHER[sample], encoding="utf-8")
    assert list(discover([path])) == [str(path)]
    (error,) = parse_recording(str(path))
    assert isinstance(error, TrafficError)
    assert error.where == "start"
    assert "expected a VCR cassette" in error.reason


DAMAGED = OTHER | {"cut": '{"name": "x", "vers'}
WHOLE = ["settings", "package", "array", "prose", "code", "log-text", "schema", "deployment"]


@pytest.mark.parametrize("sample", [name for name in DAMAGED if name not in WHOLE])
@pytest.mark.parametrize("name", ["a.yaml", "b.YML", "c.json", "d.har", "e.json.gz"])
def test_a_broken_file_named_like_a_recording_is_an_error_in_a_folder_too(
    tmp_path: Path, sample: str, name: str
) -> None:
    path = tmp_path / name
    path.write_text(DAMAGED[sample], encoding="utf-8")
    assert list(discover([tmp_path])) == [str(path)]


@pytest.mark.parametrize("sample", ["settings", "package", "array", "log-text", "schema", "deployment"])
@pytest.mark.parametrize("name", ["a.yaml", "b.YML", "c.json"])
def test_a_document_of_another_kind_in_a_folder_is_skipped_and_reported(
    tmp_path: Path, sample: str, name: str
) -> None:
    path = tmp_path / name
    path.write_text(OTHER[sample], encoding="utf-8")
    (found,) = discover([tmp_path])
    assert isinstance(found, SkippedFile)
    assert found.reason.endswith("without exchanges")


def test_an_archive_by_name_is_never_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.har"
    path.write_text(OTHER["package"], encoding="utf-8")
    assert list(discover([tmp_path])) == [str(path)]


@pytest.mark.parametrize("sample", OTHER)
@pytest.mark.parametrize("name", ["README.md", "a.py", "b.png", "LICENSE"])
def test_in_a_folder_other_names_are_counted(tmp_path: Path, sample: str, name: str) -> None:
    """Nothing is passed over in silence: what is no recording by name and content is counted by suffix."""
    (tmp_path / name).write_text(OTHER[sample], encoding="utf-8")
    suffix = Path(name).suffix or "(no suffix)"
    assert list(discover([tmp_path])) == [
        SkippedFile(str(tmp_path), f"files that are no recordings: 1 {suffix}")
    ]


def test_other_files_are_one_line_for_each_folder(tmp_path: Path) -> None:
    """A folder of sources beside two recordings: the recordings, and one line about the rest."""
    for number in range(30):
        path = tmp_path / f"sub{number % 3}" / f"{number}.s{number % 7}"
        path.parent.mkdir(exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(ROW, encoding="utf-8")
    found = list(discover([tmp_path]))
    reason = "files that are no recordings: 5 .s0, 5 .s1, 4 .s2, 4 .s3, 4 .s4, 8 of other kinds"
    assert found == [str(tmp_path / "a.jsonl"), SkippedFile(str(tmp_path), reason)]


def test_an_irregular_file_is_reported(tmp_path: Path) -> None:
    """A pipe and a broken link in a folder: neither is opened, neither is passed over."""
    os.mkfifo(tmp_path / "a.har")
    (tmp_path / "b.har").symlink_to("nowhere")
    found = list(discover([tmp_path]))
    assert [(one.file, one.reason) for one in found if isinstance(one, SkippedFile)] == [
        (str(tmp_path / name), "no regular file, or a link to none") for name in ("a.har", "b.har")
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_lines_of_another_kind_are_skipped_and_reported(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('{"op": "POST /v1/chat", "status": 200}\n')
    assert list(discover([tmp_path])) == [SkippedFile(str(path), "JSON Lines without exchanges")]
    (error,) = parse_recording(str(path))
    assert isinstance(error, TrafficError)
    assert "without exchanges" in error.reason


def test_a_folder_is_searched_in_order_without_hidden_files(tmp_path: Path) -> None:
    names = [
        "b.jsonl",
        "a/z.jsonl",
        "a/y.jsonl",
        "c/d/e.jsonl",
        ".git/x.jsonl",
        ".hidden.jsonl",
        "a/.x/y.jsonl",
    ]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ROW)
    found = [os.path.relpath(str(path), tmp_path) for path in discover([tmp_path])]
    assert found == ["b.jsonl", "a/y.jsonl", "a/z.jsonl", "c/d/e.jsonl"]


def test_a_file_is_found_once_under_its_first_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(ROW)
    (tmp_path / "b.jsonl").symlink_to(path)
    assert list(discover([str(path), path, tmp_path])) == [str(path)]


def test_a_missing_file_is_an_error_and_the_search_continues(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(ROW)
    missing = str(tmp_path / "missing")
    error, found = discover([missing, path])
    assert isinstance(error, TrafficError)
    assert error.file == missing
    assert found == str(path)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_parsing_what_is_no_file_is_an_error(tmp_path: Path, kind: str) -> None:
    (error,) = parse_recording(str(tmp_path / "missing" if kind == "missing" else tmp_path))
    assert isinstance(error, TrafficError)
    assert error.where == "start"


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert list(discover([tmp_path])) == []
