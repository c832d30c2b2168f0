"""Recordings of other tools: what is read comes out as it went over the wire, what is not is named."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
from typing import TYPE_CHECKING, Any

import brotli
import pytest
import yaml
import zstandard

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import RecordingNote, SkippedFile, discover, parse_recording

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://api.cohere.com/v2/rerank"
SENT = {"model": "m", "query": "When do swifts leave?", "documents": ["In August.", "Never."]}
BODY = {"id": "1", "results": [{"index": 0, "relevance_score": 0.5}], "meta": {"note": "Grüße"}}
RAW = json.dumps(BODY, ensure_ascii=False, separators=(",", ":")).encode()
TYPE = "application/json"
STREAM = "event: message-start\ndata: {}\n\nevent: message-end\ndata: {}\n\n"


def packed(coding: str) -> bytes:
    if coding == "gzip":
        return gzip.compress(RAW, mtime=0)
    return brotli.compress(RAW) if coding == "br" else zstandard.compress(RAW)


def only(path: Path, content: str | bytes) -> Exchange:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,) = [one for one in parse_recording(str(path)) if not isinstance(one, RecordingNote)]
    assert isinstance(found, Exchange), found
    return found


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    found = list(parse_recording(str(path)))
    assert isinstance(found[-1], TrafficError), found
    return str(found[-1])


def is_the_exchange(found: Exchange, *, sent: bool = True) -> None:
    """Compare with what was on the wire, whatever the recorder made of it."""
    request, response = found.request, found.response
    assert (request.method, request.url, response.status) == ("POST", URL, 200)
    assert json.loads(request.body or b"null") == (SENT if sent else None)
    assert json.loads(response.body or b"null") == BODY
    assert ("content-type", TYPE) in response.headers
    assert response.undecoded == ""


# -- archives


def archive(content: dict[str, Any], *fields: tuple[str, str]) -> str:
    headers = [{"name": name, "value": value} for name, value in (("content-type", TYPE), *fields)]
    entry = {
        "request": {"method": "POST", "url": URL, "headers": [], "postData": {"text": json.dumps(SENT)}},
        "response": {"status": 200, "headers": headers, "content": content},
    }
    return json.dumps({"log": {"version": "1.2", "entries": [entry]}})


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_an_archive_with_encoded_bodies(tmp_path: Path, coding: str) -> None:
    """Proxies export the body as it was sent, in base64: its coding is undone."""
    text = base64.b64encode(packed(coding)).decode()
    content = {"mimeType": TYPE, "text": text, "encoding": "base64"}
    is_the_exchange(only(tmp_path / "x", archive(content, ("content-encoding", coding))))


@pytest.mark.parametrize("written", ["hex", "base64", "base64-declared"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_the_chunks_of_polly(tmp_path: Path, written: str, pieces: int) -> None:
    """Polly.JS keeps the pieces of a compressed body in a JSON array, in hexadecimal or in base64."""
    data = packed("gzip")
    size = -(-len(data) // pieces)
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    texts = [part.hex() if written == "hex" else base64.b64encode(part).decode() for part in parts]
    content = {"mimeType": TYPE, "text": json.dumps(texts)}
    if written == "base64-declared":
        content["encoding"] = "base64"
    is_the_exchange(only(tmp_path / "x", archive(content, ("content-encoding", "gzip"))))


def test_a_json_array_is_no_list_of_chunks_without_a_coding(tmp_path: Path) -> None:
    """A body that is an array of words stays one."""
    found = only(tmp_path / "x", archive({"mimeType": TYPE, "text": '["beef", "face"]'}))
    assert found.response.body == b'["beef", "face"]'


@pytest.mark.parametrize(
    ("body", "fields", "why"),
    [
        (b"\x1f\x8bnot really", [("content-encoding", "gzip")], "damaged"),
        (gzip.compress(RAW)[:-9], [("content-encoding", "gzip")], "ends too early"),
        (b"\xff\xfe\x00\x01", [("content-encoding", "dcz")], "'dcz' is unknown"),
        ("Grüße".encode("latin-1"), [("content-type", "application/json; charset=iso-8859-1")], "iso-8859-1"),
    ],
    ids=["damaged", "cut", "coding", "charset"],
)
def test_a_body_that_cannot_be_decoded_is_not_judged(
    tmp_path: Path, body: bytes, fields: list[tuple[str, str]], why: str
) -> None:
    """Nothing is known about it: it has no bytes, and the reason is kept."""
    content = {"text": base64.b64encode(body).decode(), "encoding": "base64"}
    found = only(tmp_path / "x", archive(content, *fields))
    assert found.response.body is None
    assert why in found.response.undecoded


# -- cassettes


def test_vcr_py_5_with_httpx(tmp_path: Path) -> None:
    """VCR.py 5 writes the response of httpx flat: `content`, `http_version`, `status_code`."""
    interaction = {
        "request": {"method": "POST", "uri": URL, "headers": {}, "body": json.dumps(SENT)},
        "response": {
            "content": RAW.decode(),
            "headers": {"content-type": [TYPE]},
            "http_version": "HTTP/1.1",
            "status_code": 200,
        },
    }
    is_the_exchange(only(tmp_path / "x", yaml.safe_dump({"interactions": [interaction], "version": 1})))
    as_json = json.dumps({"interactions": [interaction], "version": 1})
    is_the_exchange(only(tmp_path / "x", as_json))


@pytest.mark.parametrize("kind", ["json", "text", "base64", "sse"])
@pytest.mark.parametrize("name", ["entries", "recordings"])
def test_cassettes_of_node_that_name_the_kind_of_a_body(tmp_path: Path, kind: str, name: str) -> None:
    """A document with a list of entries; each body says whether it is JSON, text, base64 or frames."""
    value: Any = {
        "json": BODY,
        "text": RAW.decode(),
        "base64": base64.b64encode(RAW).decode(),
    }.get(kind)
    body = {"kind": kind, "value": value}
    if kind == "sse":
        body = {"kind": kind, "chunks": STREAM.strip().split("\n\n")}
    entry = {
        "callIndex": 0,
        "recordedAt": "2026-07-20T15:31:45.816Z",
        "request": {"method": "POST", "url": URL, "headers": {}, "body": {"kind": "json", "value": SENT}},
        "response": {
            "status": 200,
            "statusText": "OK",
            "headers": {"content-type": TYPE, "content-encoding": "gzip"},
            "body": body,
        },
    }
    found = only(tmp_path / "x", json.dumps({"version": 1, "meta": {"a": 1}, name: [entry]}, indent=2))
    if kind == "sse":
        assert found.response.body == STREAM.encode()
    else:
        is_the_exchange(found)
    assert found.source.recorded_at == "2026-07-20T15:31:45.816000+00:00"
    assert found.source.position == "record 1"


# -- nock, WireMock, Hoverfly, httpmock


@pytest.mark.parametrize("form", ["json", "text", "pieces", "binary"])
@pytest.mark.parametrize("raw_headers", ["flat", "mapping"])
def test_definitions_of_nock(tmp_path: Path, form: str, raw_headers: str) -> None:
    """nock keeps JSON as JSON, text as text, and what is no text in hexadecimal."""
    data = packed("gzip")
    forms: dict[str, Any] = {
        "json": BODY,
        "text": RAW.decode(),
        "pieces": [data[:20].hex(), data[20:].hex()],
        "binary": data.hex(),
    }
    coded = form in {"pieces", "binary"}
    fields = {"Content-Type": TYPE} | ({"Content-Encoding": "gzip"} if coded else {})
    flat = [part for field in fields.items() for part in field]
    record = {
        "scope": "https://api.cohere.com:443",
        "method": "POST",
        "path": "/v2/rerank",
        "body": SENT,
        "status": 200,
        "response": forms[form],
        "rawHeaders": flat if raw_headers == "flat" else fields,
        "responseIsBinary": form == "binary",
    }
    is_the_exchange(only(tmp_path / "x", json.dumps([record], indent=2)))
    is_the_exchange(only(tmp_path / "x", json.dumps([record])))


@pytest.mark.parametrize("form", ["body", "jsonBody", "base64Body"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_mappings_of_wiremock(tmp_path: Path, form: str, wrapped: bool) -> None:
    """WireMock records paths only, and bodies in three ways."""
    forms: dict[str, Any] = {
        "body": RAW.decode(),
        "jsonBody": BODY,
        "base64Body": base64.b64encode(RAW).decode(),
    }
    mapping = {
        "id": "1",
        "request": {
            "url": "/v2/rerank",
            "method": "POST",
            "bodyPatterns": [{"equalToJson": json.dumps(SENT)}],
        },
        "response": {"status": 200, form: forms[form], "headers": {"Content-Type": TYPE}},
    }
    text = json.dumps({"mappings": [mapping]} if wrapped else mapping, indent=2)
    found = only(tmp_path / "x", text)
    assert found.request.url == "/v2/rerank"
    assert json.loads(found.request.body or b"") == SENT
    assert json.loads(found.response.body or b"") == BODY


@pytest.mark.parametrize("encoded", [False, True])
def test_simulations_of_hoverfly(tmp_path: Path, encoded: bool) -> None:
    """Hoverfly writes the request as matchers, and a body that is no text in base64."""

    def exact(value: str) -> list[dict[str, str]]:
        return [{"matcher": "exact", "value": value}]

    pair = {
        "request": {
            "path": exact("/v2/rerank"),
            "method": exact("POST"),
            "destination": exact("api.cohere.com"),
            "scheme": exact("https"),
            "body": [{"matcher": "json", "value": json.dumps(SENT)}],
        },
        "response": {
            "status": 200,
            "body": base64.b64encode(packed("gzip")).decode() if encoded else RAW.decode(),
            "encodedBody": encoded,
            "headers": {"Content-Type": [TYPE]} | ({"Content-Encoding": ["gzip"]} if encoded else {}),
        },
    }
    simulation = {"data": {"pairs": [pair], "globalActions": {}}, "meta": {"schemaVersion": "v5"}}
    is_the_exchange(only(tmp_path / "x", json.dumps(simulation, indent=2)))


def test_mocks_of_httpmock(tmp_path: Path) -> None:
    """The proxy of httpmock (Rust) writes one YAML document an exchange, without the host."""
    mock = {
        "when": {
            "path": "/v2/rerank",
            "method": "POST",
            "query_param": [{"name": "a", "value": "1 2"}],
            "header": [{"name": "accept", "value": "*/*"}],
            "body": json.dumps(SENT),
        },
        "then": {
            "status": 200,
            "header": [{"name": "content-type", "value": TYPE}],
            "body": RAW.decode(),
        },
    }
    other = {"when": mock["when"], "then": {"status": 204, "body_base64": base64.b64encode(b"\xff").decode()}}
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump_all([mock, other], sort_keys=False, allow_unicode=True), encoding="utf-8")
    one, two = parse_recording(str(path))
    assert isinstance(one, Exchange)
    assert isinstance(two, Exchange)
    assert (one.request.url, one.request.headers) == ("/v2/rerank?a=1+2", (("accept", "*/*"),))
    assert json.loads(one.request.body or b"") == SENT
    assert json.loads(one.response.body or b"") == BODY
    assert (two.source.position, two.response.status, two.response.body) == ("mock 2", 204, b"\xff")


# -- texts of HTTP


@pytest.mark.parametrize("chunked", [False, True])
def test_traces_of_httprr(tmp_path: Path, chunked: bool) -> None:
    """The recorder of the Go team keeps the text of both messages, behind their sizes."""
    data = packed("gzip")
    framed = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (20, data[:20], len(data) - 20, data[20:])
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(data)
    request = f"POST {URL} HTTP/1.1\r\nHost: api.cohere.com\r\n\r\n{json.dumps(SENT)}".encode()
    response = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Encoding: gzip\r\n%s\r\n\r\n%s" % (
        TYPE.encode(),
        length,
        framed if chunked else data,
    )
    record = b"%d %d\n%s%s" % (len(request), len(response), request, response)
    path = tmp_path / "x"
    path.write_bytes(b"httprr trace v1\n" + record * 2)
    found = list(parse_recording(str(path)))
    assert len(found) == 2
    for one in found:
        assert isinstance(one, Exchange)
        is_the_exchange(one)
    assert "sizes do not fit" in refusal(path, b"httprr trace v1\n9 9\n" + request + response)
    assert "sizes do not fit" in refusal(path, b"httprr trace v1\n" + record[:-30])


CURL = f"""\
* Host api.cohere.com:443 was resolved.
*   Trying 10.0.0.1:443...
* Connected to api.cohere.com (10.0.0.1) port 443
> POST /v2/rerank HTTP/1.1
> Host: api.cohere.com
> Content-Type: application/json
> Authorization: Bearer abcdef0123456789abcdef
>\x20
}} [105 bytes data]
* upload completely sent off: 105 bytes
< HTTP/1.1 100 Continue
<\x20
< HTTP/1.1 200 OK
< Content-Type: {TYPE}
<\x20
{{ [226 bytes data]
{RAW.decode()}* Connection #0 to host api.cohere.com left intact
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_output_of_curl(tmp_path: Path, ends: str) -> None:
    """What was pasted from a terminal: the lines of both messages and the body between the rest."""
    found = only(tmp_path / "x.txt", CURL.replace("\n", ends))
    is_the_exchange(found, sent=False)
    assert ("authorization", "[redacted]") in found.request.headers
    path = tmp_path / "x.txt"
    path.write_text(CURL * 3, encoding="utf-8")
    assert [type(one) for one in parse_recording(str(path))] == [Exchange] * 3


# -- rows


@pytest.mark.parametrize(
    "keys",
    [
        ("method", "url", "statusCode"),
        ("method", "uri", "status_code"),
        ("http_method", "request_url", "response_status"),
        ("requestMethod", "requestUri", "httpStatus"),
        ("verb", "URL", "http_status_code"),
    ],
)
def test_rows_with_other_names(tmp_path: Path, keys: tuple[str, str, str]) -> None:
    """Loggers have their own names for method, address, status and headers."""
    method, url, status = keys
    row = {
        method: "POST",
        url: URL,
        status: 200,
        "responseHeaders": {"Content-Type": TYPE},
        "request_body": SENT,
        "response_body": BODY,
    }
    is_the_exchange(only(tmp_path / "x", json.dumps(row)))
    is_the_exchange(only(tmp_path / "x", json.dumps([row], indent=2)))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("wrapped", ["array", "object", "single"])
def test_rows_in_a_document(tmp_path: Path, indent: int | None, wrapped: str) -> None:
    """The same rows as an array, below some key of an object, or one alone in its file."""
    row = {
        "method": "POST",
        "url": URL,
        "status": 200,
        "content_type": TYPE,
        "request_body": SENT,
        "response_body": BODY,
    }
    document = {"array": [row], "object": {"name": "run 7", "calls": [row]}, "single": row}[wrapped]
    is_the_exchange(only(tmp_path / "x.json", json.dumps(document, indent=indent)))


# -- what is only named

NAMED = {
    "flows.mitm": (b"12:9:websocket;0:~", "mitmproxy flows: not supported; export them as HAR"),
    "x.pcap": (b"\xd4\xc3\xb2\xa1\x02\x00", "packet capture: not supported"),
    "x.saz": (b"PK\x03\x04\x14\x00", "ZIP archive: not supported; unpack it"),
    "x.har": ('{"log": {}}'.encode("utf-16"), "text in UTF-16 or UTF-32: not supported; save it as UTF-8"),
    "x.yaml.bz2": (bz2.compress(b"x"), "compressed by something else than gzip or zstd: not supported"),
    "x.yaml.gz": (gzip.compress(gzip.compress(b"x")), "compressed twice: not supported"),
    "x.sse": (STREAM.encode(), "server-sent events without their request: not supported; put each"),
    "x.xml": (b'<?xml version="1.0"?><items burpVersion="1"/>', "XML or HTML document: not supported"),
    "x.json": (b'{"info": {"name": "x"}, "item": []}', "Postman collection: not supported"),
    "x.trace": (
        b"== Info: Connected to x (::1)\n=> Send header, 9 bytes (0x9)\n",
        "trace of curl: not supported",
    ),
    "time.trace": (
        b"10:00:00.123456 == Info: Connected to x\n",
        "trace of curl: not supported; record the output",
    ),
    "sent.txt": (b"POST /v2/rerank HTTP/1.1\r\nHost: x\r\n\r\n{}", "HTTP messages as text: not supported"),
    "got.txt": (b"HTTP/1.1 200 OK\r\n\r\n{}", "HTTP messages as text: not supported; put each request"),
    "x.http": (b"### rerank\nPOST https://x.example/v2/rerank\n\n{}", "HTTP messages as text: not supported"),
    "x.warc": (b"WARC/1.0\r\nWARC-Type: response\r\n", "web archive (WARC): not supported"),
    "access.log": (
        b'::1 - - [01/Nov/2026:00:00:00 +0000] "POST /v1/chat HTTP/1.1" 200 5\n',
        "access log: not supp",
    ),
    "x.chlsj": (
        b'[{"status": "COMPLETE", "protocolVersion": "HTTP/2.0", "scheme": "https", "host": "x"}]',
        "Charles s",
    ),
    "insomnia.json": (
        b'{"_type": "export", "__export_format": 4, "resources": []}',
        "Insomnia export: not supp",
    ),
    "pact.json": (b'{"consumer": {}, "interactions": [], "provider": {}}', "Pact contract: not supported"),
    "mockserver.json": (
        b'[{"httpRequest": {}, "httpResponse": {}}]',
        "MockServer expectations: not supported",
    ),
    "imposter.json": (b'{"port": 1, "protocol": "http", "stubs": []}', "mountebank imposters: not supported"),
    "x.json5": (b"{\n  meta: {createdAt: 'x'},\n  req: {}\n}", "talkback tape: not supported"),
    "responses.yaml": (
        b"responses:\n- response:\n    url: x\n",
        "the Python package responses: not supported",
    ),
    "php.yml": (b"\n-\n    request:\n        method: POST\n", "PHP-VCR cassette (YAML): not supported"),
    "spans.json": (b'{"resourceSpans": [{"scopeSpans": []}]}', "OpenTelemetry export: not supported"),
    "calls.jsonl": (b'{"litellm_call_id": "x", "response": {}}\n', "log of LiteLLM: not supported"),
    "openapi.yaml": (b"openapi: 3.1.0\ninfo: {}\n", "OpenAPI document: not supported; it describes an API"),
    "openapi.json": (b'{"openapi": "3.1.0", "info": {}, "paths": {}}', "OpenAPI document: not supported"),
    "history.sqlite": (b"SQLite format 3\x00\x10\x00", "SQLite database: not supported"),
}


@pytest.mark.parametrize("name", NAMED)
def test_unsupported_formats_are_named_and_counted(tmp_path: Path, name: str) -> None:
    """The message says what the file is and what to do; in a folder it is listed, and hides nothing else."""
    content, words = NAMED[name]
    assert words in refusal(tmp_path / name, content)
    (tmp_path / "z.jsonl").write_text(json.dumps({"method": "GET", "url": URL, "status": 200}) + "\n")
    skipped, other = discover([tmp_path])
    assert isinstance(skipped, SkippedFile)
    assert (skipped.file, words in skipped.reason) == (str(tmp_path / name), True)
    assert other == str(tmp_path / "z.jsonl")
