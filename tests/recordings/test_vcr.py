import base64
import gzip
import json
import zlib
from pathlib import Path

import pytest
import yaml

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs import yamlevents
from cohere_conformance.model import Exchange, Headers
from cohere_conformance.recordings import codec, parse_recording


def everything(path: Path) -> list[Exchange | TrafficError]:
    return list(parse_recording(str(path)))


def write(folder: Path, text: str | bytes, name: str = "cassette.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def exchanges(path: Path) -> list[Exchange]:
    found = everything(path)
    assert [type(item) for item in found] == [Exchange] * len(found), found
    return [item for item in found if isinstance(item, Exchange)]


def the_error(path: Path) -> TrafficError:
    (error,) = everything(path)
    assert isinstance(error, TrafficError)
    return error


PYTHON = """\
interactions:
- request:
    body: '{"model": "command-r", "message": "hi"}'
    headers:
      Accept:
      - '*/*'
      Content-Type:
      - application/json
    method: POST
    uri: https://api.cohere.com/v1/chat?page_token=abc
  response:
    body:
      string: '{"text": "hello", "id": "1"}'
    headers:
      Content-Type:
      - application/json
      Date:
      - Fri, 24 May 2024 09:38:02 GMT
      Vary:
      - Origin
      - Accept
    status:
      code: 200
      message: OK
- request:
    body: null
    headers: {}
    method: get
    uri: https://api.cohere.com/v1/models
  response:
    body:
      string: ''
    headers: {}
    status:
      code: 500
      message: ''
version: 1
"""

RUBY = """\
---
http_interactions:
- request:
    method: post
    uri: https://api.cohere.com/v2/rerank
    body:
      encoding: UTF-8
      string: '{"query":"q"}'
    headers:
      User-Agent:
      - Ruby
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - application/json
    body:
      encoding: ASCII-8BIT
      string: '{"results":[]}'
  recorded_at: Tue, 04 Jun 2024 10:00:00 GMT
- request:
    method: get
    uri: https://api.cohere.com/v1/models
    body:
      encoding: US-ASCII
      string: ''
    headers: {}
  response:
    status:
      code: 200
      message:
    headers: {}
    body:
      encoding: ASCII-8BIT
      base64_string: eyJtb2RlbHMiOltdfQ==
  recorded_at: Tue, 04 Jun 2024 10:00:01 GMT
recorded_with: VCR 6.2.0
"""


def cassette(response: str, request: str = "body: null") -> str:
    """A cassette of one interaction; both arguments are YAML at the right level."""
    indent = "\n    "
    return (
        "interactions:\n- request:\n    method: POST\n    uri: https://h/v1/chat\n    "
        + request.strip().replace("\n", indent)
        + "\n  response:\n    "
        + response.strip().replace("\n", indent)
        + "\n    status: {code: 200, message: OK}\nversion: 1\n"
    )


def test_a_cassette_of_vcrpy(tmp_path: Path) -> None:
    path = write(tmp_path, PYTHON)
    first, second = exchanges(path)
    assert first.request.method == "POST"
    assert first.request.url == "https://api.cohere.com/v1/chat?page_token=abc"
    assert first.request.headers == (("accept", "*/*"), ("content-type", "application/json"))
    assert first.request.body == b'{"model": "command-r", "message": "hi"}'
    assert first.response.status == 200
    assert first.response.body == b'{"text": "hello", "id": "1"}'
    assert first.response.events is None
    assert (first.source.file, first.source.position) == (str(path), "interaction 1")
    assert first.source.recorded_at == "2024-05-24T09:38:02+00:00"
    assert second.request.method == "GET"
    assert second.source.position == "interaction 2"
    assert second.source.recorded_at is None


def test_repeated_fields_stay_apart_and_in_order(tmp_path: Path) -> None:
    first, _ = exchanges(write(tmp_path, PYTHON))
    assert first.response.headers == (
        ("content-type", "application/json"),
        ("date", "Fri, 24 May 2024 09:38:02 GMT"),
        ("vary", "Origin"),
        ("vary", "Accept"),
    )


def test_an_empty_body_is_not_a_missing_one(tmp_path: Path) -> None:
    _, second = exchanges(write(tmp_path, PYTHON))
    assert second.request.body is None
    assert second.response.body == b""


def test_a_body_that_was_not_recorded_is_none(tmp_path: Path) -> None:
    (found,) = exchanges(write(tmp_path, cassette("body: null")))
    assert found.response.body is None


def test_a_cassette_of_ruby(tmp_path: Path) -> None:
    first, second = exchanges(write(tmp_path, RUBY))
    assert (first.request.method, first.request.body) == ("POST", b'{"query":"q"}')
    assert first.response.body == b'{"results":[]}'
    assert first.source.recorded_at == "2024-06-04T10:00:00+00:00"
    assert second.request.body == b""
    assert second.response.body == b'{"models":[]}'


@pytest.mark.parametrize("name", ["interactions", "http_interactions"])
def test_a_cassette_in_json(tmp_path: Path, name: str) -> None:
    body = gzip.compress(b'{"a": 1}')
    record = {
        "request": {"method": "POST", "uri": "https://h/x", "body": "{}", "headers": {"A": ["1"]}},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Encoding": ["gzip"]},
            "body": {"encoding": "utf-8", "base64_string": base64.b64encode(body).decode()},
        },
        "recorded_at": "2015-11-14T22:53:20",
    }
    text = json.dumps({"version": 1, name: [record, {"request": {}}, record]}, indent=1)
    first, broken, last = everything(write(tmp_path, text, "c.json"))
    assert isinstance(first, Exchange)
    assert first.response.body == b'{"a": 1}'
    assert first.source.recorded_at == "2015-11-14T22:53:20+00:00"
    assert isinstance(broken, TrafficError)
    assert (broken.where, broken.reason) == ("interaction 2", "no response was recorded")
    assert isinstance(last, Exchange)


BODY = '{"text": "Grüße"}'.encode()


@pytest.mark.parametrize(
    ("coding", "encoded"),
    [
        ("gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY[:5]) + gzip.compress(BODY[5:])),
        ("deflate", zlib.compress(BODY)),
        ("deflate", zlib.compress(BODY, wbits=-15)),
        ("gzip", BODY),
        ("deflate", BODY),
        ("br", BODY),
        ("zstd", BODY),
        ("identity", BODY),
        ("deflate, gzip", gzip.compress(zlib.compress(BODY))),
    ],
    ids="gzip members deflate raw-deflate not-gzip not-deflate not-br not-zstd identity both".split(),
)
@pytest.mark.parametrize("tag", ["!!binary", "!binary"])
def test_compressed_bodies_are_unpacked(tmp_path: Path, coding: str, encoded: bytes, tag: str) -> None:
    text = base64.encodebytes(encoded).decode().replace("\n", "\n    ")
    path = write(
        tmp_path,
        cassette(f"headers: {{Content-Encoding: ['{coding}']}}\nbody:\n  string: {tag} |\n    {text}"),
    )
    (found,) = exchanges(path)
    assert found.response.body == BODY


def test_compressed_bytes_decoded_as_latin_1(tmp_path: Path) -> None:
    packed = gzip.compress(b"{}").decode("latin-1")
    record = {
        "request": {"method": "GET", "uri": "https://h/x", "body": None, "headers": {}},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-encoding": ["gzip"]},
            "body": {"string": packed},
        },
    }
    (found,) = exchanges(write(tmp_path, json.dumps({"version": 1, "interactions": [record]})))
    assert found.response.body == b"{}"


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (gzip.compress(BODY * 20)[:-12], "ends too early"),
        (gzip.compress(BODY)[:10] + b"\xff" * 20, "damaged"),
    ],
    ids=["cut", "damaged"],
)
def test_a_body_that_cannot_be_unpacked_is_none_and_says_why(
    tmp_path: Path, encoded: bytes, reason: str
) -> None:
    """The rest of the exchange can be judged; nothing is said about a body that nobody has seen."""
    text = base64.b64encode(encoded).decode()
    one = cassette(f"headers: {{Content-Encoding: [gzip]}}\nbody: {{string: !!binary '{text}'}}")
    found = everything(write(tmp_path, one))[0]
    assert isinstance(found, Exchange)
    assert (found.response.status, found.response.body) == (200, None)
    assert reason in found.response.undecoded


def test_a_decompression_bomb_affects_only_its_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb is refused with its bound, and what follows it is read."""
    monkeypatch.setattr(codec, "LONGEST", 1000)
    reason = "more than 1,000 bytes"
    text = base64.b64encode(gzip.compress(b"0" * 5000)).decode()
    one = cassette(f"headers: {{Content-Encoding: [gzip]}}\nbody: {{string: !!binary '{text}'}}")
    other = PYTHON.removeprefix("interactions:\n")
    error, *rest = everything(write(tmp_path, one.replace("version: 1\n", other)))
    assert isinstance(error, TrafficError)
    assert reason in error.reason
    assert error.where == "interaction 1 (line 2)"
    assert [type(item) for item in rest] == [Exchange, Exchange]


@pytest.mark.parametrize(
    "written", ["OFF", "2024-05-24", "1.10", "yes", "0x1F", "1:30", "010", "1e5", "null-ish", "'null'"]
)
def test_scalars_are_not_retyped(tmp_path: Path, written: str) -> None:
    path = write(
        tmp_path, cassette(f"headers: {{X-A: [{written}], X-B: {written}}}\nbody: {{string: {written}}}")
    )
    (found,) = exchanges(path)
    bare = written.strip("'")
    assert found.response.headers == (("x-a", bare), ("x-b", bare))
    assert found.response.body == bare.encode()


def test_bodies_recorded_as_yaml(tmp_path: Path) -> None:
    body = """
parsed_body:
  model: OFF
  day: 2024-05-24
  quoted: '1'
  count: 3
  ratio: 1.0e-05
  score: -0.25
  exponent: 1e5
  done: false
  nothing: null
  list: [true, {a: Ü}]
"""
    (found,) = exchanges(write(tmp_path, cassette(body, request="body: ''\n" + body)))
    expected = (
        '{"model":"OFF","day":"2024-05-24","quoted":"1","count":3,"ratio":1e-05,"score":-0.25,'
        '"exponent":"1e5","done":false,"nothing":null,"list":[true,{"a":"Ü"}]}'
    )
    assert found.response.body == found.request.body == expected.encode()


def test_folded_and_literal_text_is_exact(tmp_path: Path) -> None:
    literal = 'body:\n  string: |\n    event: a\n    data: {"x": 1}\n\n    data: [DONE]\n'
    folded = "body: 'one\n  two\n\n  three '"
    (found,) = exchanges(write(tmp_path, cassette(literal, request=folded)))
    assert found.response.body == b'event: a\ndata: {"x": 1}\n\ndata: [DONE]\n'
    assert found.request.body == b"one two\nthree "


def test_anchors_reach_later_interactions(tmp_path: Path) -> None:
    text = PYTHON.replace("headers:\n      Accept:", "headers: &h\n      Accept:").replace(
        "headers: {}\n    method: get", "headers: *h\n    method: get"
    )
    first, second = exchanges(write(tmp_path, text))
    assert first.request.headers == second.request.headers != ()


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    levels = ["&a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"&a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    error = the_error(write(tmp_path, cassette(f"parsed_body: [{', '.join(levels)}]")))
    assert "more than" in error.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("    uri: https://h/v1/chat\n", ""), "the request has no url"),
        (("    method: POST\n", ""), "the request has no method"),
        (("{code: 200, message: OK}", "{}"), "no response was recorded"),
        (("{code: 200, message: OK}", "{code: 20}"), "three digits"),
        (("{code: 200, message: OK}", "{code: OK!}"), "three digits"),
        (("body: {string: x}", "body: {string: !!binary '???'}"), "base64"),
    ],
    ids=["url", "method", "no-status", "short-status", "text-status", "base64"],
)
def test_an_unusable_interaction_is_an_error_with_its_location(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    error = the_error(write(tmp_path, cassette("body: {string: x}").replace(*change)))
    assert reason in error.reason
    assert error.where == "interaction 1 (line 2)"


def test_the_notation_of_go_vcr(tmp_path: Path) -> None:
    text = (
        "---\nversion: 2\ninteractions:\n    - id: 0\n      request:\n        body: ''\n"
        "        headers:\n            Accept: [a]\n        url: https://h/x\n        method: GET\n"
        "      response:\n        body: '{}'\n        headers: {}\n        status: 404 Not Found\n"
        "        code: 404\n"
    )
    (found,) = exchanges(write(tmp_path, text))
    assert (found.request.url, found.response.status, found.response.body) == ("https://h/x", 404, b"{}")


def test_truncated_yaml_gives_its_complete_interactions_and_one_error(tmp_path: Path) -> None:
    whole = PYTHON.replace("version: 1\n", PYTHON.removeprefix("interactions:\n"))
    cut = whole[: whole.rindex('"hello"')]
    first, second, error = everything(write(tmp_path, cut))
    assert isinstance(first, Exchange)
    assert isinstance(second, Exchange)
    assert isinstance(error, TrafficError)
    assert error.where == f"line {len(cut.splitlines())}, column {len(cut.splitlines()[-1]) + 1}"
    assert "interaction 3" in error.reason


def test_yaml_that_is_cut_between_two_keys_lacks_its_response(tmp_path: Path) -> None:
    first, error = everything(
        write(tmp_path, PYTHON[: PYTHON.index("  response:\n    body:\n      string: ''")])
    )
    assert isinstance(first, Exchange)
    assert isinstance(error, TrafficError)
    assert error.where == "interaction 2 (line 25)"
    assert error.reason == "no response was recorded"


@pytest.mark.parametrize(
    ("tail", "where"),
    [
        ("- request: [\n", "line 5, column 1"),
        ("- request: *nowhere\n", "line 4, column 12"),
        ("- request: a: b\n", "line 4, column 13"),
        ("- request: \x01\n", "byte"),
    ],
    ids=["open-list", "alias", "mapping", "control-character"],
)
def test_broken_yaml_names_line_and_column(tmp_path: Path, tail: str, where: str) -> None:
    found = everything(
        write(tmp_path, "interactions:\n- {request: {uri: u, method: GET}, response: {code: 200}}\n\n" + tail)
    )
    error = found[-1]
    assert isinstance(error, TrafficError)
    assert error.where.startswith(where)
    assert len(found) == (1 if where == "byte" else 2)


def test_no_message_quotes_the_recording(tmp_path: Path) -> None:
    text = cassette("body: {string: x}", request='headers: {Authorization: ["Bearer s3cret]}')
    assert "s3cret" not in str(the_error(write(tmp_path, text)))


def test_pure_python_yaml_does_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, PYTHON)
    expected = everything(path)
    monkeypatch.setattr(yamlevents, "LOADER", yaml.SafeLoader)
    assert everything(path) == expected


def test_a_surrogate_pair_is_one_character(tmp_path: Path) -> None:
    text = '{"version": 1, "interactions": [{"request": {"method": "GET", "uri": "https://h/x"}, "response": '
    text += '{"status": {"code": 200}, "body": {"string": "\\ud83d\\ude00"}}}]}'
    (found,) = exchanges(write(tmp_path, text))
    assert found.response.body == "😀".encode()


def test_credentials_never_leave_the_parser(tmp_path: Path) -> None:
    text = PYTHON.replace(
        "Accept:\n      - '*/*'", "AUTHORIZATION:\n      - Bearer s3cret\n      X-Api-Key:\n      - s3cret"
    )
    text = text.replace("page_token=abc", "page_token=abc&api_key=s3cret").replace(
        "Vary:\n      - Origin\n", "Set-Cookie:\n      - a=s3cret\n      - b=s3cret\n      Vary:\n"
    )
    first, _ = exchanges(write(tmp_path, text))
    assert "s3cret" not in repr(first)
    redacted: Headers = (("authorization", "[redacted]"), ("x-api-key", "[redacted]"))
    assert first.request.headers[:2] == redacted
    assert first.request.url.endswith("?page_token=abc&api_key=[redacted]")
    assert [name for name, value in first.response.headers if value == "[redacted]"] == ["set-cookie"] * 2
