"""Faults of the transport, as the bytes and the end of a connection show them."""

from __future__ import annotations

import json
import re
import socket
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from cohere_conformance.errors import UsageError
from cohere_conformance.reference import ServerState, catalogue, chosen, transport_faults
from cohere_conformance.reference.handling import HANDLERS, Event, JsonResponse, StreamResponse
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.reference.handling import Call

FAULTS = {name for name in catalogue() if name.startswith("transport.")}
LABEL = "POST /v1/check-api-key"
REQUEST = (
    b"POST /v1/check-api-key?a=b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    b"authorization: Bearer reference-key\r\n"
    b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
)
BODY = {"name": "Zoë", "numbers": list(range(40))}
WHOLE = json.dumps(BODY, ensure_ascii=False, separators=(",", ":")).encode()
HALF = WHOLE[: len(WHOLE) // 2]
EVENTS = [Event({"text": f"word {number}"}, "word") for number in range(5)]
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


@dataclass(frozen=True)
class Seen:
    """The bytes received over a connection, and its end: closed, reset, silent, or endless."""

    content: bytes
    end: str

    @property
    def head(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[2]

    @property
    def length(self) -> int | None:
        found = re.search(rb"\r\ncontent-length: (\d+)", self.head)
        return int(found[1]) if found else None

    @property
    def unchunked(self) -> bytes:
        """The body without its chunks; that of an unfinished one ends with `...`."""
        joined, rest = b"", self.body
        while found := CHUNK.match(rest):
            size, rest = int(found[1], 16), rest[found.end() :]
            if size == 0:
                assert rest == b"\r\n"
                return joined
            joined, rest = joined + rest[:size], rest[size + 2 :]
        assert rest == b""
        return joined + b"..."


def ask(url: str, *, limit: int = 2**23, patience: float = 900.0) -> Seen:
    """Send the request and read all that comes; `patience` is what silence takes."""
    content, end = b"", "closed"
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=patience) as client:
        client.sendall(REQUEST)
        try:
            while piece := client.recv(2**20):
                content += piece
                if len(content) > limit:
                    return Seen(content, "endless")
        except TimeoutError:
            end = "silence"
        except ConnectionResetError:
            end = "reset"
    return Seen(content, end)


def answering(call: Call) -> JsonResponse:
    return JsonResponse(BODY)


def streaming(call: Call) -> StreamResponse:
    return StreamResponse(iter(EVENTS))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Start servers with one fault; their only operation sends a given response."""
    running: list[ServerThread] = []

    def start(name: str, handler: Callable[[Call], JsonResponse | StreamResponse] = answering) -> str:
        monkeypatch.setitem(HANDLERS, LABEL, handler)
        running.append(ServerThread(ServerState(faults=chosen([name]))))
        running[-1].__enter__()
        return running[-1].url

    yield start
    for one in running:
        one.__exit__(None, None, None)


ENDS: dict[str, tuple[str, bytes | None]] = {
    "transport.hang": ("silence", b""),
    "transport.hang-in-body": ("silence", HALF),
    "transport.reset": ("reset", b""),
    "transport.reset-in-body": ("reset", HALF),
    "transport.close-early": ("closed", b""),
    "transport.truncated": ("closed", HALF),
    "transport.wrong-length-short": ("closed", WHOLE),
    "transport.wrong-length-long": ("closed", WHOLE),
    "transport.slow-drip": ("silence", WHOLE[:1]),
    "transport.gzip-garbage": ("closed", None),
    "transport.gzip-bomb": ("closed", None),
    "transport.endless-body": ("endless", None),
    "transport.invalid-utf8": ("closed", None),
    "transport.garbage-status-line": ("closed", WHOLE),
    "transport.header-flood": ("closed", WHOLE),
    "transport.redirect-elsewhere": ("closed", b""),
    "transport.chunked-garbage": ("closed", b"no size\r\n" + WHOLE),
    "transport.stream-cut": ("closed", WHOLE),
}


def test_every_fault_is_tested() -> None:
    assert set(ENDS) == FAULTS


@pytest.mark.parametrize("name", ENDS)
def test_a_fault_changes_the_bytes_and_the_end_of_a_connection(
    name: str, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end, body = ENDS[name]
    monkeypatch.setattr(transport_faults, "BOMB", 4)
    monkeypatch.setattr(transport_faults, "DRIP", 3600.0)
    seen = ask(serve(name), patience=1.0 if end == "silence" else 900.0)
    assert seen.end == end
    assert body in (None, seen.body)
    if name in {"transport.hang", "transport.reset", "transport.close-early"}:
        assert seen.content == b""
        return
    assert seen.content.startswith(b"HTTP/1.1 ") == (name != "transport.garbage-status-line")
    whole = name in {"transport.hang-in-body", "transport.reset-in-body", "transport.truncated"}
    assert not whole or seen.length == len(WHOLE)


def test_lengths_are_wrong_on_either_side(serve: Callable[..., str]) -> None:
    assert ask(serve("transport.wrong-length-short")).length == len(HALF)
    assert ask(serve("transport.wrong-length-long")).length == len(WHOLE) + 64


def test_a_body_declared_as_gzip_is_not_compressed(serve: Callable[..., str]) -> None:
    seen = ask(serve("transport.gzip-garbage"))
    assert b"content-encoding: gzip" in seen.head
    assert seen.length == len(seen.body)
    with pytest.raises(zlib.error):
        zlib.decompress(seen.body, wbits=zlib.MAX_WBITS | 16)


def test_a_small_body_inflates_to_a_large_one(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert transport_faults.BOMB >= 256
    monkeypatch.setattr(transport_faults, "BOMB", 4)
    packed = ask(serve("transport.gzip-bomb")).unchunked
    inflated = zlib.decompress(packed, wbits=zlib.MAX_WBITS | 16)
    assert inflated == b" " * 4 * 2**20 + WHOLE
    assert len(packed) < len(inflated) / 500


def test_an_endless_body_starts_with_the_correct_body(serve: Callable[..., str]) -> None:
    seen = ask(serve("transport.endless-body"))
    assert b"transfer-encoding: chunked" in seen.head
    assert seen.body.startswith(b"%x\r\n%b\r\n100000\r\n   " % (len(WHOLE), WHOLE))


def test_one_byte_of_a_text_is_no_utf8(serve: Callable[..., str]) -> None:
    seen = ask(serve("transport.invalid-utf8"))
    assert seen.body == WHOLE.replace(b"Z", b"\xff")
    assert seen.length == len(WHOLE)


def test_a_response_has_thousands_of_headers(serve: Callable[..., str]) -> None:
    seen = ask(serve("transport.header-flood"))
    assert len(seen.head.split(b"\r\n")) > 5000
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(
            serve("transport.header-flood") + "/v1/check-api-key",
            headers={"authorization": "Bearer reference-key"},
        )


def test_a_redirect_names_another_host(serve: Callable[..., str]) -> None:
    seen = ask(serve("transport.redirect-elsewhere"))
    assert seen.head.startswith(b"HTTP/1.1 307 ")
    assert b"\r\nlocation: https://elsewhere.invalid/v1/check-api-key?a=b\r\n" in seen.head


@pytest.mark.parametrize(
    ("media", "end"), [("text/event-stream", b"\n\n"), ("application/stream+json", b"\n")]
)
def test_a_stream_ends_in_the_middle_of_an_event(serve: Callable[..., str], media: str, end: bytes) -> None:
    plain = ask(serve("streams.buffered", lambda call: StreamResponse(iter(EVENTS), media))).unchunked
    events = [event + end for event in plain.split(end)[:-1]]
    assert len(events) == 5
    url = serve("transport.stream-cut", lambda call: StreamResponse(iter(EVENTS), media))
    *whole, cut = ask(url).unchunked.split(end)
    assert [event + end for event in whole] == events[:3]
    assert cut
    assert cut != events[3].removesuffix(end)
    assert events[3].startswith(cut)


@pytest.mark.parametrize("events", [0, 1, 2])
def test_even_a_short_stream_is_cut(serve: Callable[..., str], events: int) -> None:
    url = serve("transport.stream-cut", lambda call: StreamResponse(iter(EVENTS[:events])))
    seen = ask(url).unchunked
    assert b"\n\n" not in seen
    assert bool(seen) == bool(events)


@pytest.mark.parametrize("name", ["transport.truncated", "transport.reset-in-body", "transport.hang-in-body"])
def test_a_stream_is_left_in_the_middle(name: str, serve: Callable[..., str]) -> None:
    seen = ask(serve(name, streaming), patience=1.0 if ENDS[name][0] == "silence" else 900.0)
    assert seen.end == ENDS[name][0]
    assert seen.unchunked.startswith(b"event: word\ndata:")
    assert seen.unchunked.endswith(b"...")


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("transport.hang", httpx.ReadTimeout),
        ("transport.reset", httpx.ReadError),
        ("transport.close-early", httpx.RemoteProtocolError),
        ("transport.truncated", httpx.RemoteProtocolError),
        ("transport.wrong-length-long", httpx.RemoteProtocolError),
        ("transport.gzip-garbage", httpx.DecodingError),
        ("transport.garbage-status-line", httpx.RemoteProtocolError),
        ("transport.chunked-garbage", httpx.RemoteProtocolError),
    ],
)
def test_a_client_reports_the_fault_as_its_error(
    name: str, broken: type[Exception], serve: Callable[..., str]
) -> None:
    with pytest.raises(broken):
        httpx.post(
            serve(name) + "/v1/check-api-key",
            headers={"authorization": "Bearer reference-key"},
            timeout=0.3 if name == "transport.hang" else 900,
        )


def test_the_operation_is_executed_despite_the_fault(serve: Callable[..., str]) -> None:
    calls: list[Call] = []

    def noting(call: Call) -> JsonResponse:
        calls.append(call)
        return JsonResponse(BODY)

    assert ask(serve("transport.close-early", noting)).content == b""
    assert [call.base_url for call in calls] == ["http://x"]


def test_a_large_body_goes_through_and_a_client_may_leave(serve: Callable[..., str]) -> None:
    def measuring(call: Call) -> JsonResponse:
        return JsonResponse({"length": len(call.body["text"])})

    url = serve("transport.header-flood", measuring)
    where = (urlsplit(url).hostname, urlsplit(url).port)
    sent = json.dumps({"text": "x" * 3_000_000}).encode()
    head = REQUEST.partition(b"content-length")[0] + b"content-length: %d\r\n\r\n" % len(sent)
    for leaving in (b"", head[:20], head, head + sent[:1000]):
        with socket.create_connection(where, timeout=900) as client:
            client.sendall(leaving)
    with socket.create_connection(where, timeout=900) as client:
        client.sendall(head + sent)
        content = b"".join(iter(lambda: client.recv(2**16), b""))
    assert content.endswith(b'{"length":3000000}')


@pytest.mark.parametrize("name", ["transport.hang", "transport.slow-drip", "transport.endless-body"])
def test_a_server_stops_although_clients_are_connected(name: str) -> None:
    with ServerThread(ServerState(faults=chosen([name]))) as server:
        client = socket.create_connection(
            (urlsplit(server.url).hostname, urlsplit(server.url).port), timeout=900
        )
        client.sendall(REQUEST)
        if name != "transport.hang":
            assert client.recv(1)
    with client:
        try:
            while client.recv(2**20):
                pass
        except ConnectionResetError:
            pass


def test_two_faults_of_the_transport_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"at most one .* transport\.hang and transport\.reset"):
        ServerThread(ServerState(faults=chosen(["transport.hang", "transport.reset"])))
