"""Content codings: what is compressed for whom, and what becomes of compressed requests."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest

from cohere_conformance.reference import ServerState, chosen
from cohere_conformance.reference.coding import LARGEST, wants_gzip
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"authorization": "Bearer reference-key"}
TEXT = {"text": "The lighthouse of Harlingen is at the harbour.", "model": "command-a-03-2025"}
CONTENT = json.dumps(TEXT).encode()
CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Tell me a story."}]}
ROWS = b'{"text": "one"}\n{"text": "two"}\n'
BOUNDARY = "multipart/form-data; boundary=b"
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="data"; filename="a.jsonl"\r\n\r\n'
    + ROWS
    + b"\r\n--b--\r\n"
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServerThread(ServerState()) as server:
        yield server.url


def raw(method: str, url: str, **further: object) -> tuple[httpx.Headers, bytes]:
    """Return the header of a response with its body as it was on the wire."""
    with httpx.Client(trust_env=False) as client:
        client.headers.pop("accept-encoding")
        with client.stream(method, url, **further) as response:  # type: ignore[arg-type]
            return response.headers, b"".join(response.iter_raw())


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("deflate, br;q=0.5, gzip;q=0.1", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip; Q=0.000", False),
        ("gzip;q=0, *", False),
        ("gzip, *;q=0", True),
        ("identity", False),
        ("br", False),
        ("gzipped", False),
        ("gzip;q=nonsense", True),
        ("gzip;q=nan", False),
    ],
)
def test_a_response_is_compressed_for_clients_that_accept_gzip(
    url: str, accepted: str | None, compressed: bool
) -> None:
    """As live: gzip where it is accepted, the same content otherwise, and `vary` says that it depends."""
    headers = KEY if accepted is None else KEY | {"accept-encoding": accepted}
    received, body = raw("POST", f"{url}/v1/tokenize", json=TEXT, headers=headers)
    assert received.get("content-encoding") == ("gzip" if compressed else None)
    assert received["vary"] == "Origin,Accept-Encoding"
    assert ("content-length" in received) is not compressed
    assert "token_strings" in json.loads(gzip.decompress(body) if compressed else body)


def test_several_fields_count_as_one() -> None:
    """A client may name its codings in several header fields."""
    assert wants_gzip(["br", "gzip;q=0.5"])
    assert not wants_gzip(["gzip;q=0", "br"])


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/v1/nowhere", 404), ("POST", "/v1/tokenize", 401)]
)
def test_errors_are_compressed_as_well(url: str, method: str, path: str, status: int) -> None:
    """Recorded: errors of 200 bytes come with gzip; what is tiny does not."""
    response = httpx.request(method, url + path, headers=KEY if status == 404 else {})
    assert response.status_code == status
    assert response.headers["vary"] == "Origin,Accept-Encoding"
    assert ("content-encoding" in response.headers) is (len(response.content) >= 30)


@pytest.mark.parametrize("path", ["/v2/chat", "/v1/chat"])
def test_a_stream_is_never_compressed(url: str, path: str) -> None:
    """As live: no compressor holds back an event, and the response does not vary by the coding."""
    body = CHAT if path == "/v2/chat" else {"message": "Tell me a story."}
    received, content = raw(
        "POST", url + path, json=body | {"stream": True}, headers=KEY | {"accept-encoding": "gzip"}
    )
    assert "content-encoding" not in received
    assert received["vary"] == "Origin"
    assert b"stream-end" in content or b"message-end" in content


def test_a_large_response_is_complete(url: str) -> None:
    """A response of some 100 kB is compressed in a thread, to the same content."""
    texts = [f"text number {number}" for number in range(20)]
    body = {"model": "embed-v4.0", "texts": texts, "input_type": "search_query", "embedding_types": ["float"]}
    plain = httpx.post(f"{url}/v2/embed", json=body, headers=KEY | {"accept-encoding": "identity"})
    packed = httpx.post(f"{url}/v2/embed", json=body, headers=KEY)
    assert packed.headers["content-encoding"] == "gzip"
    assert len(plain.content) > 100_000
    assert packed.json()["embeddings"] == plain.json()["embeddings"]


def _deflated(content: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(content) + packer.flush()


ENCODED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(CONTENT)),
    "gzip in capitals": ("GZIP", gzip.compress(CONTENT)),
    "x-gzip": ("x-gzip", gzip.compress(CONTENT)),
    "gzip of two members": ("gzip", gzip.compress(CONTENT[:20]) + gzip.compress(CONTENT[20:])),
    "deflate": ("deflate", zlib.compress(CONTENT)),
    "deflate without a header": ("deflate", _deflated(CONTENT, -zlib.MAX_WBITS)),
    "identity": ("identity", CONTENT),
    "named and not there": ("", CONTENT),
}


@pytest.mark.parametrize("name", ENCODED)
def test_an_encoded_request_is_decoded(url: str, name: str) -> None:
    """What a client compresses counts as if it had been sent plainly."""
    coding, content = ENCODED[name]
    response = httpx.post(f"{url}/v1/tokenize", content=content, headers=KEY | {"content-encoding": coding})
    assert response.status_code == 200, response.text
    assert "".join(response.json()["token_strings"]) == TEXT["text"]


def test_an_encoded_form_is_decoded(url: str) -> None:
    """A form is decoded like any other body."""
    headers = KEY | {"content-encoding": "gzip", "content-type": BOUNDARY}
    address = f"{url}/v1/datasets?name=packed&type=embed-input"
    response = httpx.post(address, content=gzip.compress(FORM), headers=headers)
    assert response.status_code == 200, response.text


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "brotli": ("br", b"\x0b\x02\x80", "'br' is not supported"),
    "zstandard": ("zstd", b"\x28\xb5\x2f\xfd", "'zstd' is not supported"),
    "nobody knows": ("rot13; q=1", CONTENT, "is not supported"),
    "very long": ("x" * 5000, CONTENT, "is not supported"),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(CONTENT)), "'gzip, gzip' is not supported"),
    "said to be gzip": ("gzip", CONTENT, "not encoded as content-encoding 'gzip' declares"),
    "said to be deflate": ("deflate", b"\x78\x9c" + CONTENT, "not encoded as"),
    "cut": ("gzip", gzip.compress(CONTENT)[:-10], "not encoded as"),
    "damaged": ("gzip", gzip.compress(CONTENT)[:20] + b"\xff" * 30, "not encoded as"),
    "only the magic": ("gzip", b"\x1f\x8b", "not encoded as"),
    "inflates too far": ("gzip", gzip.compress(b" " * (LARGEST + 1)), f"larger than {LARGEST} bytes"),
    "plain and too large": ("", b" " * (LARGEST + 1), f"larger than {LARGEST} bytes"),
}
FORMS = [(name, True) for name in REFUSED if name != "plain and too large"]
"""A form that is not compressed has no limit."""
PYTHON = re.compile(r"\b[A-Z][A-Za-z]*(?:Error|Exception)\b|Traceback|\bzlib\b|\.py\b|sys\.")


@pytest.mark.parametrize(("name", "form"), [*((name, False) for name in REFUSED), *FORMS])
def test_a_damaged_encoding_is_rejected_with_a_message(url: str, name: str, form: bool) -> None:
    """400 with what is wrong: no crash, no name of Python, no more memory than a body may take."""
    coding, content, fragment = REFUSED[name]
    content = gzip.compress(FORM)[:-10] if name == "cut" and form else content
    path = "/v1/datasets?name=packed&type=embed-input" if form else "/v1/tokenize"
    headers = KEY | {"content-encoding": coding, "content-type": BOUNDARY if form else "application/json"}
    response = httpx.post(url + path, content=content, headers=headers)
    assert response.status_code == 400, response.text
    message = response.json()["message"]
    assert fragment in message
    assert not PYTHON.search(message)
    assert len(message) < 200


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (gzip.compress(CONTENT), "is not UTF-8"),
        (b'{"a": }', "at line 1, column 7"),
        (b"{'a': 1}", "at line 1, column 2"),
        (b'{"a": NaN}', "a number"),
        (b'{"a": 1e999}', "a number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_invalid_json_is_rejected_with_a_message(url: str, content: bytes, fragment: str) -> None:
    """The message says what is wrong and where, and does not name an exception."""
    response = httpx.post(f"{url}/v1/tokenize", content=content, headers=KEY)
    assert response.status_code == 400
    message = response.json()["message"]
    assert message.startswith("invalid json syntax: ")
    assert fragment in message
    assert not PYTHON.search(message)


def test_a_fault_of_the_transport_works_on_what_the_server_says() -> None:
    """A faulty transport spoils the content itself, though the client asks for gzip."""
    with ServerThread(ServerState(faults=chosen(["transport.invalid-utf8"]))) as server:
        response = httpx.post(f"{server.url}/v1/tokenize", json=TEXT, headers=KEY)
    assert "content-encoding" not in response.headers
    assert b"\xff" in response.content
