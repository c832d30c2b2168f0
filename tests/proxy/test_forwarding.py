"""What passes through the proxy: every byte, in both directions, as soon as it is there."""

from __future__ import annotations

import gzip
import threading
from typing import TYPE_CHECKING

import pytest
from scripted import PATIENCE, ScriptedUpstream, Setup

from cohere_conformance.model import FailureKind
from cohere_conformance.proxy import forwarding

if TYPE_CHECKING:
    from scripted import Peer

GET = b"GET /v1/models?page_size=1 HTTP/1.1\r\nHost: proxy\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def responds(response: bytes, *, until: bytes = b"\r\n\r\n") -> object:
    """Return a script that reads a request up to a text, and sends a response."""

    def script(peer: Peer) -> None:
        peer.until(until)
        peer.send(response)

    return script


PACKED = gzip.compress(b'{"models": []}', mtime=0)
UNUSUAL = (
    b"HTTP/1.1 200 Everything fine\r\nX-Trial: 2\r\ncontent-ENCODING: gzip\r\nX-Trial: 1\r\n"
    b"Content-Length: %d\r\nx-utf8: \xc3\xa9\r\n\r\n%s" % (len(PACKED), PACKED)
)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b"3;name=value\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 42\r\n\r\n"
)


@pytest.mark.parametrize(
    ("response", "status", "body"),
    [
        (UNUSUAL, 200, PACKED),
        (CHUNKED, 200, b"abcd"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 200, b"{}"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
    ],
)
def test_responses_pass_byte_by_byte(response: bytes, status: int, body: bytes) -> None:
    with ScriptedUpstream(responds(response)) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(GET)
        assert client.until(response) == response
        (seen,) = setup.witness.wait(1)
        assert (seen.status, seen.body, seen.failure) == (status, body, None)


def test_header_fields_of_a_request_keep_order_case_and_repetitions() -> None:
    heads = []

    def script(peer: Peer) -> None:
        heads.append(peer.until(b"\r\n\r\n"))
        peer.send(OK)

    with ScriptedUpstream(script) as upstream, Setup(f"{upstream.url}/base") as setup:
        client = setup.client()
        client.send(
            b"GET /v1/models?q=%C3%A9 HTTP/1.1\r\nX-B: 1\r\nhOsT: proxy:1\r\nAuthorization: Bearer k\r\n"
            b"X-A: 2\r\nX-B: 3\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\n"
            b"Proxy-Authorization: secret\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\r\n"
        )
        client.until(OK)
        host = upstream.url.removeprefix("http://").encode()
        assert heads == [
            b"GET /base/v1/models?q=%%C3%%A9 HTTP/1.1\r\nX-B: 1\r\nhOsT: %s\r\nAuthorization: Bearer k\r\n"
            b"X-A: 2\r\nX-B: 3\r\nConnection: keep-alive\r\n\r\n" % host
        ]


def test_an_upload_in_chunks_passes_with_its_trailers() -> None:
    bodies = []

    def script(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        bodies.append(peer.until(b"0\r\nX-Sum: 1\r\n\r\n"))
        peer.send(OK)

    with ScriptedUpstream(script) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(
            b"POST /v1/datasets HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )
        client.send(b"2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n")
        client.until(OK)
        assert b"".join(bodies) == b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"
        assert setup.witness.wait(1)[0].request_body == b"abcde"


def test_each_event_of_a_stream_passes_before_the_next_one_is_sent() -> None:
    received = threading.Event()

    def script(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in range(3):
            peer.send(b"data: %d\n\n" % number)
            assert received.wait(PATIENCE)
            received.clear()

    with ScriptedUpstream(script) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(GET)
        for number in range(3):
            client.until(b"data: %d\n\n" % number)
            received.set()
        assert client.rest() == b""
        (seen,) = setup.witness.wait(1)
        assert [count for count, _ in seen.arrivals] == [9, 18, 27]


def test_a_client_that_leaves_cancels_the_request() -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        peer.rest()
        closed.set()

    with ScriptedUpstream(script) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(GET)
        client.until(b"1\r\na\r\n")
        client.close()
        assert closed.wait(PATIENCE), "the upstream was not told that nobody listens"
        assert setup.witness.wait(1) == []
        assert setup.witness.reasons == [forwarding.LEFT]


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", FailureKind.LENGTH),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", FailureKind.RESET),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", FailureKind.LENGTH),
        (b"no HTTP at all\r\n\r\n", FailureKind.PROTOCOL),
    ],
)
def test_broken_responses_pass_as_they_are_and_are_known_to_be_broken(
    response: bytes, kind: FailureKind
) -> None:
    with ScriptedUpstream(responds(response)) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(GET)
        assert client.rest() == response
        (seen,) = setup.witness.wait(1)
        assert seen.failure is not None
        assert seen.failure.kind is kind


def test_an_upstream_that_sends_nothing_becomes_502() -> None:
    with ScriptedUpstream(lambda peer: None) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(GET)
        response = client.rest()
        assert response.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert b"correct --upstream" in response
        (seen,) = setup.witness.wait(1)
        assert seen.unreachable.startswith("the connection was")


def test_an_upstream_that_is_not_there_becomes_502() -> None:
    with ScriptedUpstream() as upstream:
        url = upstream.url
    with Setup(url) as setup:
        client = setup.client()
        client.send(b"POST /v2/chat HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}")
        assert b"the connection was refused; start the upstream" in client.rest()
        assert setup.witness.wait(1)[0].unreachable == "the connection was refused"


def test_bodies_beyond_the_limit_pass_and_are_not_kept() -> None:
    large = b"x" * 300_000
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + large

    with (
        ScriptedUpstream(responds(response, until=large)) as upstream,
        Setup(upstream.url, most_body=100_000) as setup,
    ):
        client = setup.client()
        client.send(b"POST /v1/datasets HTTP/1.1\r\nHost: p\r\nContent-Length: 300000\r\n\r\n" + large)
        assert client.until(response) == response
        (seen,) = setup.witness.wait(1)
        assert (seen.request_body, seen.body, seen.status) == (None, None, 200)
        assert [reason.split(" not ")[0] for reason in setup.witness.reasons] == [
            "body of the request",
            "body of the response",
        ]


def test_requests_of_one_connection_share_one_to_the_upstream_even_if_sent_ahead() -> None:
    def script(peer: Peer) -> None:
        for number in range(3):
            peer.until(b"\r\n\r\n")
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    with ScriptedUpstream(script) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(GET)
        client.until(b"\r\n\r\n0")
        client.send(GET + GET)
        client.until(b"\r\n\r\n1")
        client.until(b"\r\n\r\n2")
        assert [seen.body for seen in setup.witness.wait(3)] == [b"0", b"1", b"2"]


def test_a_connection_that_the_upstream_has_closed_is_made_again() -> None:
    with ScriptedUpstream(responds(OK), responds(OK)) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        for number in (1, 2):
            client.send(GET)
            client.until(OK)
            setup.witness.wait(number)
        assert [seen.unreachable for seen in setup.witness.seen] == ["", ""]


def test_a_refusal_in_the_middle_of_an_upload_reaches_the_client() -> None:
    refused = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    with ScriptedUpstream(responds(refused)) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(b"POST /v1/datasets HTTP/1.1\r\nHost: p\r\nContent-Length: 10\r\n\r\nabc")
        assert client.until(refused) == refused
        assert setup.witness.wait(1)[0].status == 413


def test_a_client_that_waits_for_permission_to_send_gets_it() -> None:
    def script(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.until(b"{}")
        peer.send(OK)

    with ScriptedUpstream(script) as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(b"POST /v1/x HTTP/1.1\r\nHost: p\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        client.until(b"100 Continue\r\n\r\n")
        client.send(b"{}")
        client.until(OK)


def test_a_client_that_reads_nothing_does_not_keep_the_proxy_from_ending() -> None:
    full, stopped = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        peer.fill()
        full.set()
        assert stopped.wait(PATIENCE)

    with ScriptedUpstream(script) as upstream:
        with Setup(upstream.url) as setup:
            setup.client().send(GET)
            assert full.wait(PATIENCE)
        stopped.set()
        assert setup.witness.reasons == [forwarding.STOPPED]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /_conformance HTTP/1.1\r\nHost: p\r\n\r\n", b"200 OK"),
        (b"GET /_conformance.html HTTP/1.1\r\nHost: p\r\n\r\n", b"200 OK"),
        (b"DELETE /_conformance HTTP/1.1\r\nHost: p\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET /_conformance HTTP/1.1\r\nHost: [::1]:8766\r\n\r\n", b"200 OK"),
        (b"GET /_conformance HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n", b"200 OK"),
        (b"GET /_conformance HTTP/1.1\r\nHost: web.page.example:8766\r\n\r\n", b"403 Forbidden"),
        (b"this is no request\r\n\r\n", b"400 Bad Request"),
        (b"CONNECT api.cohere.com:443 HTTP/1.1\r\nHost: p\r\n\r\n", b"400 Bad Request"),
    ],
)
def test_the_proxy_itself_responds(request_: bytes, status: bytes) -> None:
    with ScriptedUpstream() as upstream, Setup(upstream.url) as setup:
        client = setup.client()
        client.send(request_)
        assert client.until(b"\r\n") == b"HTTP/1.1 %s\r\n" % status
        assert setup.witness.seen == []
