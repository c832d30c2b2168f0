"""What a sender sends and keeps, with servers that answer."""

from __future__ import annotations

import base64
import gzip
import socket
import threading
import time
import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from hostile import Hostile, Talk, answer, chunk, saying

from cohere_conformance import __version__
from cohere_conformance.client.budget import Budget
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import OPEN, Limits, Sender
from cohere_conformance.errors import BudgetError, ConformanceError, UsageError
from cohere_conformance.privacy.secret import Secret

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

KEY = "k3y/of+a~cohere==account"
MODELS = Outgoing("GET", "/v1/models")


def patient(talk: Talk) -> None:
    """Answer whatever comes, on one connection."""
    while talk.hear():
        talk.say(answer(b'{"models": []}', "content-type: application/json"))


def asked(script_answer: bytes, outgoing: Outgoing = MODELS, key: str = KEY) -> Exchange:
    with Hostile(saying(script_answer)) as server, Sender(server.url, gate=OPEN, key=Secret(key)) as sender:
        return sender.send(outgoing)


def test_a_request_is_sent_unchanged() -> None:
    outgoing = Outgoing(
        "POST",
        "/v2/x/../chat%2F?a=%20b&a=|",
        (("X-Twice", "1"), ("content-type", "application/json"), ("x-twice", "ü")),
        b'{"a": 1}',
    )
    with (
        Hostile(patient) as server,
        Sender(f"{server.url}/compat/", gate=OPEN, key=Secret(KEY), source="live") as sender,
    ):
        exchange = sender.send(outgoing, position="case 1")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    assert first == "POST /compat/v2/x/../chat%2F?a=%20b&a=| HTTP/1.1"
    assert body == b'{"a": 1}'
    assert [field for field in fields if field.lower().startswith("x-twice")] == ["X-Twice: 1", "x-twice: ü"]
    assert f"authorization: Bearer {KEY}" in fields
    assert f"user-agent: cohere-conformance/{__version__}" in fields
    assert "accept-encoding: gzip, deflate" in fields
    kept = [f"{name}: {value}" for name, value in exchange.request.headers]
    lowered = [field.partition(":")[0].lower() + ":" + field.partition(":")[2] for field in fields]
    assert kept == [field.replace(f"Bearer {KEY}", "[redacted]") for field in lowered]
    assert exchange.request.url == f"{server.url}/compat/v2/x/../chat%2F?a=%20b&a=|"
    assert (exchange.request.method, exchange.request.body) == ("POST", b'{"a": 1}')
    assert (exchange.source.file, exchange.source.position) == ("live", "case 1")
    assert exchange.source.recorded_at is not None
    assert datetime.fromisoformat(exchange.source.recorded_at).utcoffset() == timedelta(0)
    assert exchange.response.failure is None
    assert exchange.response.seconds is not None


@pytest.mark.parametrize("body", [None, b"", b"{}", b"a\r\n\r\n"])
def test_head_and_body_are_sent_at_once(body: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    send = socket.socket.send

    def noting(self: socket.socket, data: bytes) -> int:
        sent.append(data)
        return send(self, data)

    monkeypatch.setattr(socket.socket, "send", noting)
    with Hostile(patient) as server, Sender(server.url, gate=OPEN) as sender:
        for _ in range(2):
            assert sender.send(Outgoing("POST", "/v2/chat", body=body)).response.status == 200
    assert len(server.requests) == 2
    assert sent == server.requests


@pytest.mark.parametrize(
    ("outgoing", "sent"),
    [
        (MODELS, [f"Bearer {KEY}"]),
        (Outgoing("GET", "/", has_key=False), []),
        (Outgoing("GET", "/", (("Authorization", "Bearer wrong"),)), ["Bearer wrong"]),
        (Outgoing("GET", "/", (("authorization", "Basic x"),), has_key=False), ["Basic x"]),
    ],
    ids=["keyed", "keyless", "own", "own-keyless"],
)
def test_which_credentials_are_sent(outgoing: Outgoing, sent: list[str]) -> None:
    with Hostile(patient) as server, Sender(server.url, gate=OPEN, key=Secret(KEY)) as sender:
        exchange = sender.send(outgoing)
    lines = [
        line.split(": ", 1) for line in server.requests[0].decode().split("\r\n\r\n")[0].split("\r\n")[1:]
    ]
    assert [value for name, value in lines if name.lower() == "authorization"] == sent
    kept = [value for name, value in exchange.request.headers if name == "authorization"]
    assert kept == ["[redacted]"] * len(sent)


def test_a_response_is_kept_unchanged() -> None:
    exchange = asked(
        answer(b"\xff\xfe", "X-B: 1", "x-a: 2", "X-b: caf\u00e9", "set-cookie: a=b", status="418 Tea")
    )
    response = exchange.response
    assert (response.status, response.body, response.failure, response.arrivals) == (
        418,
        b"\xff\xfe",
        None,
        (),
    )
    assert response.headers == (
        ("content-length", "2"),
        ("x-b", "1"),
        ("x-a", "2"),
        ("x-b", "café"),
        ("set-cookie", "[redacted]"),
    )


def test_a_header_that_is_no_utf_8_is_latin_1() -> None:
    raw = answer().replace(b"\r\n\r\n", b"\r\nx-name: caf\xe9\r\n\r\n")
    assert ("x-name", "café") in asked(raw).response.headers


RAW_DEFLATE = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"whole")),
        ("X-GZIP", gzip.compress(b"who") + gzip.compress(b"le")),
        ("gzip", gzip.compress(b"whole") + b"\x00" * 7),
        ("deflate", zlib.compress(b"whole")),
        ("deflate", RAW_DEFLATE.compress(b"whole") + RAW_DEFLATE.flush()),
        ("identity", b"whole"),
    ],
    ids=["gzip", "members", "padded", "zlib", "raw", "identity"],
)
@pytest.mark.parametrize("size", [1, 1000], ids=["bytes", "whole"])
def test_a_compressed_body_is_decoded(coding: str, packed: bytes, size: int) -> None:
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    response = asked(head + b"".join(map(chunk, pieces)) + chunk(b"")).response
    assert (response.body, response.failure) == (b"whole", None)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_empty_body_needs_no_decoding(method: str) -> None:
    length = "content-length: 20\r\n" if method == "HEAD" else "content-length: 0\r\n"
    raw = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n{length}\r\n".encode()
    response = asked(raw, Outgoing(method, "/v1/models")).response
    assert (response.body, response.failure) == (b"", None)


def test_interim_responses_precede_the_response() -> None:
    raw = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + answer(b"ok")
    assert (asked(raw).response.body, asked(raw).response.failure) == (b"ok", None)


@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect"])
@pytest.mark.parametrize("target", ["{}/v1/models", "http://[bad"])
def test_redirects_are_not_followed_so_the_key_is_sent_nowhere_else(status: str, target: str) -> None:
    with Hostile(patient) as other:
        location = target.format(other.url)
        exchange = asked(answer(b"", f"location: {location}", status=status))
    assert exchange.response.status == int(status[:3])
    assert ("location", location) in exchange.response.headers
    assert other.connections == 0


def test_connections_are_reused_and_cookies_are_not() -> None:
    def script(talk: Talk) -> None:
        while talk.hear():
            talk.say(answer(b"{}", "set-cookie: id=1; path=/"))

    with Hostile(script) as server, Sender(server.url, gate=OPEN) as sender:
        for _ in range(3):
            assert sender.send(MODELS).response.status == 200
    assert (server.connections, len(server.requests)) == (1, 3)
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_threads_share_a_sender() -> None:
    budget, found = Budget(40), []
    with Hostile(patient) as server, Sender(server.url, gate=OPEN, budget=budget) as sender:

        def work() -> None:
            found.extend(sender.send(MODELS).response.status for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [200] * 40
    assert budget.spent == 40


@pytest.mark.parametrize("media_type", ["text/event-stream; charset=utf-8", "application/x-ndjson"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_arrivals_record_how_much_of_a_stream_was_received_when(media_type: str, packed: bool) -> None:
    events = [b"data: 1\n\n", b"data: 22\n\n", b"data: [DONE]\n\n"]
    packer = zlib.compressobj(wbits=31)
    wire = (
        [packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH) for event in events] if packed else events
    )
    ends = packer.flush() if packed else b""

    def script(talk: Talk) -> None:
        talk.hear()
        coding = "content-encoding: gzip\r\n" if packed else ""
        head = f"HTTP/1.1 200 OK\r\n{coding}content-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n"
        talk.say(head.encode())
        for event in wire:
            talk.say(chunk(event))
            talk.hang(0.05)
        talk.say((chunk(ends) if ends else b"") + chunk(b""))

    with Hostile(script) as server, Sender(server.url, gate=OPEN) as sender:
        response = sender.send(MODELS).response
    assert response.body == b"".join(events)
    sizes, times = zip(*response.arrivals, strict=True)
    assert sizes[:3] == (9, 19, 33)
    assert times[1] - times[0] > 0.02
    assert list(times) == sorted(times)
    assert response.seconds is not None
    assert times[-1] <= response.seconds


# -- the key


def test_an_echoed_key_is_removed() -> None:
    echo = f'{{"a": "Bearer {KEY}", "b": "{base64.b64encode(KEY.encode()).decode()}"}}'.encode()
    quoted = "k3y%2Fof%2Ba~cohere%3D%3Daccount"
    raw = answer(echo, f"x-echo: {KEY}", f"link: </?k={quoted}>", f"location: /?api_key={quoted}")
    outgoing = Outgoing("POST", f"/v1/x?q={quoted}", (("x-mine", KEY),), f'{{"key": "{KEY}"}}'.encode())
    exchange = asked(raw, outgoing)
    shown = f"{exchange!r} {exchange.as_curl()}"
    assert KEY not in shown
    assert quoted not in shown
    assert exchange.response.body == b'{"a": "Bearer [redacted]", "b": "[redacted]"}'
    assert ("x-echo", "[redacted]") in exchange.response.headers
    assert ("link", "</?k=[redacted]>") in exchange.response.headers
    assert exchange.request.body == b'{"key": "[redacted]"}'


def test_a_stream_with_the_key_in_it_has_no_times() -> None:
    raw = answer(f"data: {KEY}\n\n".encode(), "content-type: text/event-stream")
    response = asked(raw).response
    assert (response.body, response.arrivals) == (b"data: [redacted]\n\n", ())


def test_a_short_key_is_no_secret_to_look_for() -> None:
    assert asked(answer(b'{"model": "m"}'), key="model").response.body == b'{"model": "m"}'


def test_a_secret_has_no_text() -> None:
    secret = Secret(f" {KEY}\n")
    assert secret.reveal() == KEY
    assert not any(KEY in shown for shown in (repr(secret), str(secret), f"{secret}", repr([secret])))
    with pytest.raises(TypeError, match="never pickled"):
        secret.__reduce__()


@pytest.mark.parametrize("value", ["", " \n", "two words", "schl\u00fcssel", "line\nline"])
def test_a_key_must_be_valid_in_a_header(value: str) -> None:
    with pytest.raises(UsageError, match="expected a key of visible ASCII") as caught:
        Secret(value)
    assert not value.strip() or value.strip() not in str(caught.value)


# -- the budget


def test_no_request_beyond_the_budget_is_sent() -> None:
    budget = Budget(2)
    with Hostile(patient) as server, Sender(server.url, gate=OPEN, budget=budget) as sender:
        sender.send(MODELS)
        sender.send(MODELS)
        with pytest.raises(BudgetError, match="at most 2 requests"):
            sender.send(MODELS)
    assert (len(server.requests), budget.spent) == (2, 2)


def test_a_budget_holds_for_all_threads() -> None:
    budget, refused = Budget(500), []

    def spend() -> None:
        for _ in range(200):
            try:
                budget.spend()
            except BudgetError:
                refused.append(1)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (budget.spent, len(refused)) == (500, 300)


@pytest.mark.parametrize(("most", "sent"), [(None, 3), (0, 0)])
def test_a_budget_may_be_none_or_nothing(most: int | None, sent: int) -> None:
    budget = Budget(most)
    for _ in range(sent):
        budget.spend()
    assert budget.spent == sent
    if most == 0:
        with pytest.raises(BudgetError):
            budget.spend()


def test_a_negative_budget_is_an_error() -> None:
    with pytest.raises(UsageError, match="from 0 on, got -1"):
        Budget(-1)


# -- wrong calls


@pytest.mark.parametrize(
    "base",
    [
        "",
        "api.cohere.com",
        "ftp://x",
        "http://",
        "http://u:pass@x",
        "http://x?a=1",
        "http://x/#a",
        "http://a..b",
        "http://x:99999",
        "http://[::1",
    ],
)
def test_an_invalid_base_url_is_reported(base: str) -> None:
    with pytest.raises(UsageError, match="expected a base URL such as") as caught:
        Sender(base, gate=OPEN)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    "outgoing",
    [
        Outgoing("GET", "v1/models"),
        Outgoing("GET", "/v1/mod els"),
        Outgoing("GET", "/v1/\u00fc"),
        Outgoing("GET", "/\r\nhost: x"),
        Outgoing("GE T", "/"),
        Outgoing("GET", "/", (("x y", "1"),)),
        Outgoing("GET", "/", (("x", "1\r\ny: 2"),)),
        Outgoing("GET", "/", (("x", "\ud800"),)),
        Outgoing("GET", "/", (("Content-Length", "3"),)),
        Outgoing("POST", "/", (("transfer-encoding", "chunked"),), b"x"),
        Outgoing("GET", "/", (("host", "a"), ("host", "b"))),
    ],
)
def test_an_invalid_request_is_an_error_of_the_caller(outgoing: Outgoing) -> None:
    with Hostile(patient) as server, Sender(server.url, gate=OPEN, key=Secret(KEY)) as sender:
        with pytest.raises(ConformanceError) as caught:
            sender.send(outgoing)
        assert sender.send(MODELS).response.status == 200
    assert type(caught.value) is UsageError
    assert len(server.requests) == 1


# -- how it gets there


def test_a_path_of_any_length_is_sent_as_it_is() -> None:
    """The server decides how long one may be, not httpx, which does not parse it."""
    path = f"/v1/models/../{'a' * 70_000}?%zz"
    with Hostile(patient) as server, Sender(server.url, gate=OPEN) as sender:
        assert sender.send(Outgoing("GET", path)).response.status == 200
    assert server.requests[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())


def test_a_transport_of_the_caller_is_used_and_closed() -> None:
    class Mock(httpx.MockTransport):
        closed = False

        def close(self) -> None:
            self.closed = True

    packed = gzip.compress(b'{"a": 1}')
    mock = Mock(
        lambda asked: httpx.Response(
            201, headers={"content-encoding": "gzip", "x": asked.url.path}, content=packed
        )
    )
    with Sender("https://mock.test/base", gate=OPEN, transport=mock) as sender:
        response = sender.send(Outgoing("POST", "/v1/x", body=b"1")).response
    assert (response.status, response.body, response.failure) == (201, b'{"a": 1}', None)
    assert ("x", "/base/v1/x") in response.headers
    assert mock.closed


def test_a_proxy_is_for_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Hostile(patient) as proxy, Hostile(patient) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        with Sender("http://api.test", gate=OPEN) as sender:
            assert sender.send(MODELS).response.status == 200
        with Sender(server.url, gate=OPEN) as sender:
            assert sender.send(MODELS).response.status == 200
        monkeypatch.setenv("no_proxy", "api.test")
        with Sender("http://api.test", gate=OPEN, limits=Limits(connect=0.3)) as sender:
            assert sender.send(MODELS).response.status == 0
    assert [request.split(b"\r\n")[0] for request in proxy.requests] == [
        b"GET http://api.test/v1/models HTTP/1.1"
    ]
    assert len(server.requests) == 1


@pytest.mark.parametrize("proxy", ["socks5://user:pass@x:1", "http://", "://"])
def test_an_unusable_proxy_is_reported(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UsageError, match="HTTPS_PROXY or ALL_PROXY") as caught:
        Sender("https://api.test", gate=OPEN)
    assert "pass" not in str(caught.value)


def test_the_time_of_a_response_is_recorded() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.hang(0.1)
        talk.say(answer())

    with Hostile(script) as server, Sender(server.url, gate=OPEN) as sender:
        before = time.monotonic()
        response = sender.send(MODELS).response
        lasted = time.monotonic() - before
    assert response.seconds is not None
    assert 0.09 < response.seconds <= lasted
