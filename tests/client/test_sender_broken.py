"""What becomes of answers that are not whole."""

from __future__ import annotations

import gzip
import re
import socket
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest
from hostile import Hostile, Talk, answer, chunk, saying

from cohere_conformance.client.budget import Budget
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import OPEN, Limits, Sender
from cohere_conformance.errors import BudgetError
from cohere_conformance.model import FailureKind
from cohere_conformance.privacy.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.model import Response

CHAT = Outgoing("POST", "/v2/chat", (("content-type", "application/json"),), b"{}")
LIMITS = Limits(connect=300, silence=300, total=600, largest=100_000)
"""For what ends by itself, however busy the machine is."""
BRIEF = Limits(connect=300, silence=1.0, total=2.0, largest=100_000)
"""For what ends only because nobody waits any longer."""
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"


def asked(script: Callable[[Talk], None], limits: Limits = LIMITS) -> Response:
    with Hostile(script) as server, Sender(server.url, gate=OPEN, limits=limits) as sender:
        return sender.send(CHAT).response


def coded(coding: str, body: bytes) -> bytes:
    return answer(body, f"content-encoding: {coding}")


def dripping(head: bytes, drip: bytes) -> Callable[[Talk], None]:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(head)
        while not talk.server.over.is_set():
            talk.say(drip)
            talk.hang(0.02)

    return script


def flooding(piece: bytes) -> Callable[[Talk], None]:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(ENDLESS)
        while not talk.server.over.is_set():
            talk.say(piece)

    return script


PACKED = gzip.compress(b"0123456789" * 50)
BROKEN = {
    # Before a status: there is nothing but the reason.
    "silent": (saying(then="hang"), FailureKind.TIMEOUT, 0, None),
    "half a status line": (saying(b"HTTP/1.1 20", then="hang"), FailureKind.TIMEOUT, 0, None),
    "head drips": (dripping(b"HTTP/1.1 200 OK\r\nx: ", b"y"), FailureKind.TIMEOUT, 0, None),
    "endless interim": (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), FailureKind.TIMEOUT, 0, None),
    "closed": (saying(), FailureKind.RESET, 0, None),
    "closed in the status line": (saying(b"HTTP/1.1 20"), FailureKind.RESET, 0, None),
    "closed in the head": (saying(b"HTTP/1.1 200 OK\r\nx: "), FailureKind.RESET, 0, None),
    "reset": (saying(then="reset"), FailureKind.RESET, 0, None),
    "garbage": (saying(b"\x00\xff not HTTP\r\n\r\n", then="hang"), FailureKind.PROTOCOL, 0, None),
    "garbage text": (saying(b"hello there"), FailureKind.PROTOCOL, 0, None),
    "status of no class": (saying(b"HTTP/1.1 20x OK\r\n\r\n"), FailureKind.PROTOCOL, 0, None),
    "two lengths": (saying(answer(b"", "content-length: 9")), FailureKind.PROTOCOL, 0, None),
    "huge head": (saying(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000), FailureKind.PROTOCOL, 0, None),
    # In the body: what was received is kept.
    "hangs": (saying(CHUNKED + chunk(b"part"), then="hang"), FailureKind.TIMEOUT, 200, b"part"),
    "drips": (dripping(ENDLESS, b"y"), FailureKind.TIMEOUT, 200, re.compile(b"y{5,}")),
    "short": (saying(answer(b"whole")[:-2]), FailureKind.LENGTH, 200, b"who"),
    "long": (saying(answer(b"whole") + b"!"), FailureKind.LENGTH, 200, b"whole"),
    "body where none may be": (
        saying(b"HTTP/1.1 204 No\r\n\r\nx", then="hang"),
        FailureKind.LENGTH,
        204,
        b"",
    ),
    "chunks end": (saying(CHUNKED + chunk(b"part")), FailureKind.RESET, 200, b"part"),
    "reset in the body": (saying(CHUNKED + chunk(b"part"), then="reset"), FailureKind.RESET, 200, b"part"),
    "no chunk": (saying(CHUNKED + chunk(b"part") + b"zzz\r\n"), FailureKind.PROTOCOL, 200, b"part"),
    "no gzip": (saying(coded("gzip", b"plain")), FailureKind.ENCODING, 200, b""),
    "no deflate": (saying(coded("deflate", b"\xff\xff\xff")), FailureKind.ENCODING, 200, b""),
    "half a gzip": (
        saying(coded("gzip", PACKED[:-9])),
        FailureKind.ENCODING,
        200,
        re.compile(b"[0-9]{400,}"),
    ),
    "one byte of gzip": (saying(coded("gzip", b"\x1f")), FailureKind.ENCODING, 200, b""),
    "brotli": (saying(coded("br", b"\x0b\x02\x80")), FailureKind.ENCODING, 200, b""),
    "coded twice": (saying(coded("gzip, gzip", gzip.compress(PACKED))), FailureKind.ENCODING, 200, b""),
    "endless": (flooding(b"x" * 65536), FailureKind.TOO_LARGE, 200, b"x" * 100_000),
    "one byte too many": (saying(answer(b"x" * 100_001)), FailureKind.TOO_LARGE, 200, b"x" * 100_000),
    "gzip bomb": (
        saying(coded("gzip", gzip.compress(bytes(10**7)))),
        FailureKind.TOO_LARGE,
        200,
        bytes(100_000),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_why_a_response_is_not_complete(name: str) -> None:
    script, kind, status, body = BROKEN[name]
    before = time.monotonic()
    response = asked(script, BRIEF if kind is FailureKind.TIMEOUT else LIMITS)
    lasted = time.monotonic() - before
    assert response.failure is not None
    assert (response.failure.kind, response.status) == (kind, status), response.failure
    if isinstance(body, re.Pattern):
        assert body.fullmatch(response.body or b"")
    else:
        assert response.body == body
    assert not re.search(r"127|0x|localhost|[0-9]\.[0-9]s", response.failure.detail)
    assert response.seconds is not None
    assert 0 < response.seconds <= lasted


def test_as_much_as_is_allowed_is_read() -> None:
    response = asked(saying(coded("gzip", gzip.compress(b"x" * 100_000))))
    assert (response.failure, response.body) == (None, b"x" * 100_000)


@pytest.mark.parametrize("name", ["drips", "head drips", "endless interim"])
def test_a_drip_ends_when_the_time_is_up(name: str) -> None:
    response = asked(BROKEN[name][0], BRIEF)
    assert response.failure is not None
    assert "no complete response" in response.failure.detail
    assert response.seconds is not None
    assert response.seconds >= BRIEF.total


def test_silence_ends_before_the_time_is_up() -> None:
    response = asked(saying(then="hang"), Limits(silence=0.2, total=600))
    assert response.failure is not None
    assert "silent" in response.failure.detail
    assert response.seconds is not None
    assert response.seconds >= 0.2


@pytest.mark.parametrize("base", ["http://127.0.0.1:{}", "http://name.invalid"])
def test_no_server(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "unknown")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    if "invalid" in base:
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with Sender(base.format(port), gate=OPEN, limits=LIMITS) as sender:
        response = sender.send(CHAT).response
    assert response.failure is not None
    assert (response.status, response.body, response.failure.kind) == (0, None, FailureKind.REFUSED)
    assert response.failure.detail in {"the connection was refused", "the name of the server has no address"}


def test_a_server_without_tls_is_reported() -> None:
    with (
        Hostile(lambda talk: talk.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server,
        Sender(server.url.replace("http:", "https:"), gate=OPEN, limits=LIMITS) as sender,
    ):
        response = sender.send(CHAT).response
    assert response.failure is not None
    assert response.failure.kind is FailureKind.REFUSED
    assert response.failure.detail == "the server and this machine agree on no TLS"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_decompression_bomb_does_not_fill_the_memory(coding: str) -> None:
    packer = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(40)) + packer.flush()
    with (
        Hostile(saying(coded(coding, bomb))) as server,
        Sender(server.url, gate=OPEN, limits=LIMITS) as sender,
    ):
        tracemalloc.start()
        try:
            response = sender.send(CHAT).response
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert response.failure is not None
    assert response.failure.kind is FailureKind.TOO_LARGE
    assert peak < 4_000_000


def test_a_broken_stream_keeps_its_arrivals() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    response = asked(saying(head, chunk(b"data: 1\n\n"), then="hang"), BRIEF)
    assert response.failure is not None
    assert response.failure.kind is FailureKind.TIMEOUT
    assert [size for size, _ in response.arrivals] == [9]


def test_the_key_is_removed_from_a_broken_response_too() -> None:
    key = "a-key-that-is-long"
    with (
        Hostile(saying(coded(key, b"x")[:-1])) as server,
        Sender(server.url, gate=OPEN, key=Secret(key), limits=LIMITS) as sender,
    ):
        response = sender.send(CHAT).response
    assert response.failure is not None
    assert response.failure.detail.startswith("the body is encoded as [redacted];")
    assert key not in repr(response)


# -- one answer does not spoil the next


NOTHING_MORE = answer(b"")


@pytest.mark.parametrize("extra", [b"garbage", b"H", answer(b'"forged"'), NOTHING_MORE])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_surplus_bytes_are_not_read_as_the_next_response(extra: bytes, framing: str) -> None:
    own = answer(b'"own"') if framing == "length" else CHUNKED + chunk(b'"own"') + chunk(b"")

    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(own + (extra if len(talk.server.requests) == 1 else b""))
        if talk.hear():
            talk.say(own)

    with Hostile(script) as server, Sender(server.url, gate=OPEN, limits=LIMITS) as sender:
        first, second = (sender.send(CHAT).response for _ in range(2))
    # A forged answer that ends as chunks do is noticed only when the next request finds it.
    unseen = framing == "chunked" and extra is NOTHING_MORE
    assert (first.failure is None) == unseen
    assert first.failure is None or first.failure.kind is FailureKind.LENGTH
    assert (first.body, second.body, second.failure) == (b'"own"', b'"own"', None)


def test_a_reused_connection_that_was_closed_is_not_a_failure() -> None:
    """The server closes only when the next request comes: nobody can see it before."""

    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(answer())
        talk.hear()

    budget = Budget(3)
    with Hostile(script) as server, Sender(server.url, gate=OPEN, limits=LIMITS, budget=budget) as sender:
        first, second = (sender.send(CHAT).response for _ in range(2))
        assert (first.failure, second.failure, second.status) == (None, None, 200)
        assert (server.connections, len(server.requests), budget.spent) == (2, 3, 3)
        with pytest.raises(BudgetError):
            sender.send(CHAT)


def test_after_every_failure_the_next_response_is_complete() -> None:
    names = ["short", "long", "no gzip", "gzip bomb", "hangs", "reset", "garbage"]

    def script(talk: Talk) -> None:
        turn = talk.server.connections - 1
        if turn % 2:
            saying(answer(b'"fine"'))(talk)
        else:
            BROKEN[names[turn // 2]][0](talk)

    with Hostile(script) as server, Sender(server.url, gate=OPEN, limits=BRIEF) as sender:
        for name in names:
            broken, fine = sender.send(CHAT).response, sender.send(CHAT).response
            assert broken.failure is not None
            assert broken.failure.kind is BROKEN[name][1]
            assert (fine.body, fine.failure) == (b'"fine"', None)


# -- transports of others


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout("x"), FailureKind.REFUSED),
        (httpx.ConnectError("x"), FailureKind.REFUSED),
        (httpx.ProxyError("x"), FailureKind.REFUSED),
        (httpx.WriteTimeout("x"), FailureKind.TIMEOUT),
        (httpx.ReadTimeout("x"), FailureKind.TIMEOUT),
        (httpx.PoolTimeout("x"), FailureKind.TIMEOUT),
        (httpx.ReadError("x"), FailureKind.RESET),
        (httpx.RemoteProtocolError("x"), FailureKind.PROTOCOL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_of_a_transport_has_a_failure(error: httpx.TransportError, kind: FailureKind) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    with Sender("http://mock.test", gate=OPEN, transport=httpx.MockTransport(fail)) as sender:
        response = sender.send(CHAT).response
    assert response.failure is not None
    assert (response.status, response.failure.kind) == (0, kind)


def test_of_an_endless_body_only_the_beginning_is_kept() -> None:
    lines = b"data: x\n" * 8192
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    limits = Limits(silence=5, total=20, largest=2**20)
    with (
        Hostile(saying(head, *[chunk(lines)] * 32)) as server,
        Sender(server.url, gate=OPEN, limits=limits) as sender,
    ):
        response = sender.send(CHAT).response
    assert response.failure is not None
    assert response.failure.kind is FailureKind.TOO_LARGE
    assert str(2**20) in response.failure.detail
    assert response.body == lines * 2
    assert all(size <= len(lines) * 2 for size, _ in response.arrivals)
