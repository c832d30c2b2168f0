import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording


def entry(**changes: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "url": "https://api.cohere.com/v2/chat",
        "httpVersion": "HTTP/2",
        "headers": [
            {"name": ":authority", "value": "api.cohere.com"},
            {"name": "Content-Type", "value": "application/json"},
            {"name": "Authorization", "value": "Bearer s3cret"},
        ],
        "queryString": [],
        "postData": {"mimeType": "application/json", "text": '{"model":"m"}'},
    }
    response = {
        "status": 200,
        "headers": [
            {"name": "Content-Type", "value": "application/json"},
            {"name": "Content-Encoding", "value": "gzip"},
            {"name": "Set-Cookie", "value": "a"},
            {"name": "Vary", "value": "Origin"},
            {"name": "Vary", "value": "Accept"},
        ],
        "content": {"size": 2, "mimeType": "application/json", "text": "{}"},
    }
    whole = {
        "startedDateTime": "2024-05-24T11:38:02.5+02:00",
        "time": 12.5,
        "request": request,
        "response": response,
    }
    for name, value in changes.items():
        part, _, key = name.partition("_")
        if value is None:
            del whole[part][key]  # type: ignore[attr-defined]
        else:
            whole[part][key] = value  # type: ignore[index]
    return whole


def write(folder: Path, *entries: dict[str, Any], cut: int | None = None) -> Path:
    path = folder / "traffic.har"
    text = json.dumps(
        {"log": {"version": "1.2", "creator": {"name": "x"}, "entries": list(entries)}}, indent=1
    )
    path.write_text(text[:cut], encoding="utf-8")
    return path


def only(folder: Path, **changes: Any) -> Exchange:
    (found,) = parse_recording(str(write(folder, entry(**changes))))
    assert isinstance(found, Exchange), found
    return found


def test_an_entry(tmp_path: Path) -> None:
    found = only(tmp_path)
    assert (found.request.method, found.request.url) == ("POST", "https://api.cohere.com/v2/chat")
    assert found.request.headers == (("content-type", "application/json"), ("authorization", "[redacted]"))
    assert found.request.body == b'{"model":"m"}'
    assert found.response.status == 200
    assert found.response.body == b"{}"
    assert found.response.headers[2:] == (
        ("set-cookie", "[redacted]"),
        ("vary", "Origin"),
        ("vary", "Accept"),
    )
    assert found.source.position == "entry 1"
    assert found.source.recorded_at == "2024-05-24T09:38:02.500000+00:00"


@pytest.mark.parametrize(
    ("content", "body"),
    [
        ({"size": 7, "mimeType": "a/b"}, None),
        ({"size": 0, "mimeType": "a/b"}, b""),
        ({"size": -1, "mimeType": "a/b"}, None),
        ({"size": 0, "mimeType": "a/b", "text": ""}, b""),
        ({"size": 7, "mimeType": "a/b", "text": ""}, None),
        ({"text": "Grüße"}, "Grüße".encode()),
        ({"text": base64.b64encode(b"\xff\x00").decode(), "encoding": "base64"}, b"\xff\x00"),
        ({"text": ""}, b""),
        ({}, None),
    ],
    ids="not-kept none-of-nothing not-known empty left-out text base64 no-size no-content".split(),
)
def test_bodies_in_each_notation(tmp_path: Path, content: dict[str, Any], body: bytes | None) -> None:
    assert only(tmp_path, response_content=content).response.body == body


@pytest.mark.parametrize(
    ("post_data", "body"),
    [
        ({"mimeType": "a/b", "params": [{"name": "a b", "value": "1&2"}, {"name": "c"}]}, b"a+b=1%262&c="),
        ({"mimeType": "multipart/form-data", "params": [{"name": "f", "fileName": "x"}]}, None),
        ({"mimeType": "multipart/form-data; boundary=1", "params": [], "text": "--1--"}, b"--1--"),
        ({"text": "e30=", "encoding": "base64"}, b"{}"),
        ({"text": ""}, b""),
        (None, None),
    ],
    ids=["params", "multipart", "multipart-text", "base64", "empty", "absent"],
)
def test_request_bodies(tmp_path: Path, post_data: dict[str, Any] | None, body: bytes | None) -> None:
    assert only(tmp_path, request_postData=post_data).request.body == body


def test_the_media_type_is_used_only_without_recorded_headers(tmp_path: Path) -> None:
    assert only(tmp_path, response_headers=[]).response.headers == (("content-type", "application/json"),)
    kept = [{"name": "Vary", "value": "Origin"}]
    assert only(tmp_path, response_headers=kept).response.headers == (("vary", "Origin"),)


@pytest.mark.parametrize(
    "changes", [{"response_status": 0}, {"response_status": None}], ids=["zero", "absent"]
)
def test_an_aborted_request_is_an_error_and_parsing_continues(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    first, error, last = parse_recording(str(write(tmp_path, entry(), entry(**changes), entry())))
    assert isinstance(first, Exchange)
    assert isinstance(error, TrafficError)
    assert (error.where, error.reason) == ("entry 2", "no response was recorded")
    assert isinstance(last, Exchange)
    assert last.source.position == "entry 3"


@pytest.mark.parametrize(
    "value", [{"request": {}}, {"request": {"url": "u"}, "response": []}, {"response": {}}, {}], ids=repr
)
def test_an_invalid_entry_does_not_affect_others(tmp_path: Path, value: dict[str, Any]) -> None:
    error, last = parse_recording(str(write(tmp_path, value, entry())))
    assert isinstance(error, TrafficError)
    assert isinstance(last, Exchange)


def test_a_truncated_archive_gives_its_complete_entries_and_one_error(tmp_path: Path) -> None:
    first, second, error = parse_recording(str(write(tmp_path, entry(), entry(), entry(), cut=-300)))
    assert isinstance(first, Exchange)
    assert isinstance(second, Exchange)
    assert isinstance(error, TrafficError)
    assert error.where == "entry 3"
    assert error.reason == "the JSON breaks off here: parse error: premature EOF"


def test_a_broken_archive_is_not_quoted(tmp_path: Path) -> None:
    path = write(tmp_path, entry())
    path.write_text(path.read_text().replace('s3cret"', 's3cret" s3cret'))
    (error,) = parse_recording(str(path))
    assert isinstance(error, TrafficError)
    assert "s3cret" not in str(error)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, entry())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (found,) = parse_recording(str(path))
    assert isinstance(found, Exchange)


def test_huge_numbers_do_not_end_the_parsing(tmp_path: Path) -> None:
    path = write(tmp_path, entry(), entry())
    path.write_text(path.read_text().replace('"time": 12.5', '"time": 123456789012345678901234, "t": 1e999'))
    assert [type(item) for item in parse_recording(str(path))] == [Exchange, Exchange]


def test_an_archive_without_entries_has_no_exchanges(tmp_path: Path) -> None:
    assert list(parse_recording(str(write(tmp_path)))) == []
