import json
from pathlib import Path
from typing import Any

import pytest

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange, StreamEvent
from cohere_conformance.recordings import parse_recording

ROW: dict[str, Any] = {
    "id": "1",
    "method": "post",
    "url": "https://api.cohere.com/v1/chat",
    "request_headers": {"Content-Type": "application/json", "authorization": "Bearer s3cret"},
    "request_body": {"model": "m", "message": "Grüße"},
    "status": 200,
    "response_headers": {"via": "1.1 google", "vary": ["a", "b"]},
    "content_type": "application/json",
    "streaming": False,
    "response_body": {"b": 1, "a": 0.1, "list": [1.0, 1e-7, None, True]},
    "recorded_at": "2024-05-24T09:38:02Z",
}


def write(folder: Path, *lines: str | bytes | dict[str, Any]) -> Path:
    path = folder / "traffic.jsonl"
    encoded = [json.dumps(line, ensure_ascii=False) if isinstance(line, dict) else line for line in lines]
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in encoded))
    return path


def only(folder: Path, *lines: str | bytes | dict[str, Any]) -> Exchange:
    (found,) = parse_recording(str(write(folder, *lines)))
    assert isinstance(found, Exchange), found
    return found


def test_a_line(tmp_path: Path) -> None:
    found = only(tmp_path, ROW)
    assert (found.request.method, found.request.url) == ("POST", ROW["url"])
    assert found.request.headers == (("content-type", "application/json"), ("authorization", "[redacted]"))
    assert found.request.body == '{"model": "m", "message": "Grüße"}'.encode()
    assert found.response.status == 200
    assert found.response.body == b'{"b": 1, "a": 0.1, "list": [1.0, 1e-07, null, true]}'
    assert found.response.events is None
    assert found.source.position == "line 1"
    assert found.source.recorded_at == "2024-05-24T09:38:02+00:00"


def test_the_content_type_is_added_only_where_no_header_has_it(tmp_path: Path) -> None:
    headers = only(tmp_path, ROW).response.headers
    assert headers == (
        ("via", "1.1 google"),
        ("vary", "a"),
        ("vary", "b"),
        ("content-type", "application/json"),
    )
    row = ROW | {"response_headers": {"Content-Type": "text/html"}}
    assert only(tmp_path, row).response.headers == (("content-type", "text/html"),)


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ("null", None),
        ('""', b""),
        ('"<html>\\u00fc"', "<html>ü".encode()),
        ("[1, 2]", b"[1, 2]"),
        ('{"a": 1, "a": 2}', b'{"a": 1, "a": 2}'),
        ('{"n": 0.10000000000000000555}', b'{"n": 0.10000000000000000555}'),
        ('{"n": 1e400}', b'{"n": 1e400}'),
        ('{"n": NaN}', b'{"n": NaN}'),
        ('{"s": "\\ud83d"}', b'{"s": "\\ud83d"}'),
        ('"\\ud83d\\ude00"', "😀".encode()),
        ("false", b"false"),
    ],
    ids="null empty text list duplicates digits huge nan surrogate pair false".split(),
)
def test_bodies_are_not_reformatted(tmp_path: Path, written: str, body: bytes | None) -> None:
    row = json.dumps(ROW | {"request_body": 0, "response_body": 0})
    found = only(tmp_path, row.replace('_body": 0', f'_body": {written}'))
    assert found.response.body == found.request.body == body


def test_a_stream_is_events(tmp_path: Path) -> None:
    rows = [
        {"event": "message-start", "data": {"type": "message-start", "ü": 1.50}},
        {"event": None, "data": "[DONE]"},
        {"data": {"a": 1}, "at": 0.25},
    ]
    found = only(tmp_path, ROW | {"streaming": True, "response_body": rows})
    assert found.response.body is None
    assert found.response.events == (
        StreamEvent('{"type": "message-start", "ü": 1.5}', "message-start"),
        StreamEvent("[DONE]"),
        StreamEvent('{"a": 1}', None, 0.25),
    )


def test_a_stream_of_other_elements_is_kept_as_received(tmp_path: Path) -> None:
    rows = [{"event_type": "text", "text": "x"}, "plain", {"data": "\ud83d", "event": "e", "id": "7"}]
    found = only(tmp_path, json.dumps(ROW | {"streaming": True, "response_body": rows}))
    assert found.response.events is not None
    assert found.response.events[:2] == (
        StreamEvent('{"event_type":"text","text":"x"}'),
        StreamEvent("plain"),
    )
    assert found.response.events[2].event == "e"


@pytest.mark.parametrize(
    ("content_type", "is_stream"),
    [
        ("text/event-stream; charset=utf-8", True),
        ("application/stream+json", True),
        ("application/json", False),
    ],
)
def test_without_a_flag_the_content_type_marks_a_stream(
    tmp_path: Path, content_type: str, is_stream: bool
) -> None:
    row = ROW | {"content_type": content_type, "response_body": [{"data": {}}]}
    del row["streaming"]
    assert (only(tmp_path, row).response.events is not None) is is_stream


def test_a_stream_as_text_stays_bytes(tmp_path: Path) -> None:
    response = only(tmp_path, ROW | {"streaming": True, "response_body": "data: 1\n\n"}).response
    assert (response.body, response.events) == (b"data: 1\n\n", None)


def test_fields_may_be_missing(tmp_path: Path) -> None:
    row = {
        "method": "GET",
        "url": "https://h/x",
        "status": "404",
        "response_headers": {"Date": "Fri, 24 May 2024 09:38:02 GMT"},
    }
    found = only(tmp_path, row)
    assert (found.request.headers, found.request.body, found.response.body) == ((), None, None)
    assert found.response.status == 404
    assert found.source.recorded_at == "2024-05-24T09:38:02+00:00"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "not JSON"),
        (json.dumps(ROW)[:-40], "not JSON"),
        (json.dumps(ROW).encode()[:-1] + b', "x": "\xff"}x', "not JSON"),
        (b'{"method": "GET", "url": "\xff", "status": 200}', "not JSON"),
        (b'{"method": "GET", "url": "u", "status": 200, "response_body": "\xff"}', "not JSON"),
        ('{"method": 1, "url": "u", "status": 200}', "expected `str | null`, got `int` - at `$.method`"),
        ("[1]", "expected"),
        ('{"url": "u", "status": 200}', "the request has no method"),
        ('{"method": "GET", "status": 200}', "the request has no url"),
        ('{"method": "GET", "url": "u"}', "no response was recorded"),
        ('{"method": "GET", "url": "u", "status": 0}', "no response was recorded"),
        ('{"method": "GET", "url": "u", "status": 20}', "three digits"),
        ('{"x": ' + "[" * 100_000, "nested too deeply"),
    ],
    ids="text cut invalid utf8-url utf8-body type list method url status zero short deep".split(),
)
def test_an_invalid_line_does_not_affect_others(tmp_path: Path, line: str | bytes, reason: str) -> None:
    first, error, last = parse_recording(str(write(tmp_path, ROW, "", line, ROW)))
    assert isinstance(first, Exchange)
    assert isinstance(error, TrafficError)
    assert error.where == "line 3"
    assert reason.lower() in error.reason.lower()
    assert isinstance(last, Exchange)
    assert last.source.position == "line 4"


def test_complete_interactions_on_a_line(tmp_path: Path) -> None:
    cassette = {
        "request": {
            "method": "GET",
            "uri": "https://h/x?token=s3cret",
            "headers": {"a": ["1"]},
            "body": None,
        },
        "response": {"status": {"code": 200}, "headers": {}, "body": {"string": "{}"}},
    }
    archived = {
        "request": {"method": "GET", "url": "https://h/x", "headers": []},
        "response": {"status": 201, "headers": [], "content": {"text": "e30=", "encoding": "base64"}},
    }
    first, second = parse_recording(str(write(tmp_path, cassette, archived)))
    assert isinstance(first, Exchange)
    assert isinstance(second, Exchange)
    assert first.request.url == "https://h/x?token=[redacted]"
    assert first.response.body == second.response.body == b"{}"
    assert (second.source.position, second.response.status) == ("line 2", 201)
