"""What unusual clients send on the wire, byte by byte, and what they get."""

from __future__ import annotations

import json
import re
import socket
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from cohere_conformance.reference import ServerState, catalogue
from cohere_conformance.reference.handling import HANDLERS, Event, StreamResponse
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call

PATIENCE = 20.0
BODY = json.dumps({"text": "hello", "model": "command-a-03-2025"}).encode()
CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hello."}], "stream": True}
FIELDS = b"host: x\r\nauthorization: bearer reference-key\r\ncontent-type: application/json\r\n"
LENGTH = b"content-length: %d\r\n" % len(BODY)
CLOSE = b"connection: close\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="data"; filename="a.jsonl"\r\n\r\n{"text":"a"}\r\n--b--\r\n'
)
FORM_TYPE = b"content-type: multipart/form-data; boundary=b\r\n"
UPLOAD = b"POST /v1/datasets?name=a&type=embed-input HTTP/1.1\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerThread]:
    with ServerThread(ServerState()) as server:
        yield server


def sent(server: ServerThread, *pieces: bytes) -> bytes:
    """Send bytes on a connection and return all that comes back until it is closed."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        for piece in pieces:
            client.sendall(piece)
        received = b""
        while data := client.recv(2**16):
            received += data
    return received


def post(path: bytes = b"/v1/tokenize", further: bytes = LENGTH, version: bytes = b"1.1") -> bytes:
    return b"POST " + path + b" HTTP/" + version + b"\r\n" + FIELDS + further + b"\r\n"


def in_chunks(content: bytes, size: int = 7) -> bytes:
    pieces = (content[start : start + size] for start in range(0, len(content), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_expect_100_continue_gets_a_100(server: ServerThread) -> None:
    """`Expect: 100-continue`, as curl sends it with larger bodies: first 100, then the response."""
    received = sent(server, post(further=LENGTH + CLOSE + b"expect: 100-continue\r\n"), BODY)
    assert received.startswith(b"HTTP/1.1 100 ")
    assert received.count(b"HTTP/1.1 200 OK") == 1


def test_expect_100_continue_without_a_key_gets_a_401(server: ServerThread) -> None:
    """The body is not wanted where the key is wrong already."""
    head = b"POST /v1/tokenize HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n"
    received = sent(server, head + b"content-length: 1000\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("encoding", [b"", b"accept-encoding: gzip\r\n"])
def test_a_client_of_http_1_0_gets_no_chunks(server: ServerThread, encoding: bytes) -> None:
    """The end of the body is the end of the connection."""
    received = sent(server, post(further=LENGTH + encoding, version=b"1.0") + BODY)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"chunked" not in head.lower()
    assert body.startswith(b"\x1f\x8b" if encoding else b'{"tokens"')


def test_a_stream_reaches_a_client_of_http_1_0(server: ServerThread) -> None:
    """The same for events."""
    body = json.dumps(CHAT).encode()
    received = sent(server, post(b"/v2/chat", b"content-length: %d\r\n" % len(body), b"1.0") + body)
    assert b"chunked" not in received.lower()
    assert received.endswith(b"data: [DONE]\n\n")


def test_pipelined_requests_are_answered_in_their_order(server: ServerThread) -> None:
    """Three requests at once on one connection; the second one is refused, and the third is served."""
    requests = [post() + BODY, post(b"/v1/nowhere") + BODY, post(further=LENGTH + CLOSE) + BODY]
    received = sent(server, b"".join(requests))
    assert re.findall(rb"HTTP/1\.1 (\d+) ", received) == [b"200", b"404", b"200"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_in_chunks_is_put_together(server: ServerThread, size: int) -> None:
    """A chunked body has no length; JSON and forms are read all the same."""
    received = sent(server, post(further=CHUNKED + CLOSE) + in_chunks(BODY, size))
    assert received.startswith(b"HTTP/1.1 200 ")
    head = (
        UPLOAD + FIELDS.replace(b"content-type: application/json\r\n", FORM_TYPE) + CHUNKED + CLOSE + b"\r\n"
    )
    assert sent(server, head + in_chunks(FORM, size)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("garbage", [post(further=CHUNKED) + b"zz\r\n", b"hello\r\n\r\n", b"GET /\r\n\r\n"])
def test_invalid_http_is_rejected_and_the_server_continues(server: ServerThread, garbage: bytes) -> None:
    """400, the connection is closed, and the next client is served."""
    assert sent(server, garbage).startswith(b"HTTP/1.1 400 ")
    assert sent(server, post(further=LENGTH + CLOSE) + BODY).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_of_a_key_is_read_in_any_case(server: ServerThread, scheme: str) -> None:
    """Clients spell it in many ways, as RFC 9110 allows."""
    headers = {"authorization": f"{scheme} reference-key"}
    assert httpx.post(f"{server.url}/v1/check-api-key", headers=headers).status_code == 200


def test_the_client_name_is_optional(server: ServerThread) -> None:
    """No user agent, no `accept`, no media type: served."""
    head = b"POST /v1/tokenize HTTP/1.1\r\nhost: x\r\nauthorization: Bearer reference-key\r\n"
    assert sent(server, head + LENGTH + CLOSE + b"\r\n" + BODY).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "path", ["/v1/models/", "//v1/models", "/v1/models/command-a-03-2025/", "/V1/models"]
)
def test_paths_are_case_sensitive_and_exact(server: ServerThread, path: str) -> None:
    """404 in the words of the multiplexer, neither a redirect (which would lose a body) nor a crash."""
    response = httpx.get(server.url + path, headers={"authorization": "Bearer reference-key"})
    assert (response.status_code, response.text) == (404, "404 page not found\n")


def test_a_stream_ends_when_its_client_disconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client leaves after the first event: the generator is closed, and the server serves others."""
    closed = threading.Event()

    def events() -> Iterator[Event]:
        try:
            for number in range(1_000_000):
                yield Event({"number": number, "padding": "x" * 1000})
        finally:
            closed.set()

    def streaming(call: Call) -> StreamResponse:
        return StreamResponse(events())

    catalogue()  # all handlers are there before one is replaced
    monkeypatch.setitem(HANDLERS, "POST /v1/check-api-key", streaming)
    with ServerThread(ServerState()) as server:
        url, key = f"{server.url}/v1/check-api-key", {"authorization": "Bearer reference-key"}
        with httpx.stream("POST", url, headers=key) as response:
            assert next(response.iter_raw()).startswith(b"data: ")
        assert closed.wait(PATIENCE)
        assert httpx.get(f"{server.url}/v1/models", headers=key).status_code == 200


def test_an_interrupted_upload_creates_nothing(server: ServerThread) -> None:
    """The client goes in the middle of a form: no dataset is made, and the server serves others."""
    host, port = server.url.removeprefix("http://").split(":")
    head = UPLOAD + FIELDS.replace(b"content-type: application/json\r\n", FORM_TYPE)

    def stored() -> list[str]:
        answer = httpx.get(f"{server.url}/v1/datasets", headers={"authorization": "Bearer reference-key"})
        return [one["id"] for one in answer.json()["datasets"]]

    before = stored()
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
        client.sendall(head + b"content-length: 100000\r\n\r\n" + FORM[:60])
    assert stored() == before
