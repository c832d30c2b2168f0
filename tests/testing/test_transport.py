"""The transport for other people's tests: what it judges, what it leaves out, and what it never changes."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cohere_conformance import Kind, Severity, UsageError
from cohere_conformance.testing import ConformanceTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

KEY = "a-key-that-nobody-may-see-1234567890"
API = "https://api.cohere.com"
GOOD: dict[str, Any] = {"results": [{"index": 0, "relevance_score": 0.9}]}
BAD: dict[str, Any] = {"results": [{"index": 0, "relevance_score": "0.9"}]}
BODY = {"model": "rerank-v3.5", "query": "bread", "documents": ["bread"]}
STREAM = b'event: message-start\ndata: {"type": "message-start", "id": 5}\n\n'


def mock(response: httpx.Response) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: response)


def rerank(transport: ConformanceTransport, path: str = "/v2/rerank") -> httpx.Response:
    with httpx.Client(transport=transport, base_url=API) as client:
        return client.post(path, json=BODY, headers={"authorization": f"Bearer {KEY}"})


def test_a_response_that_deviates_is_a_problem() -> None:
    transport = ConformanceTransport(mock(httpx.Response(200, json=BAD)))
    assert rerank(transport).json() == BAD
    assert [one.kind for one in transport.findings] == [Kind.TYPE_CHANGED]
    assert transport.judged == 1
    assert "expected a number" in (transport.problem() or "")


def test_a_response_that_conforms_is_none() -> None:
    transport = ConformanceTransport(mock(httpx.Response(200, json=GOOD)))
    rerank(transport)
    assert (transport.problem(), transport.judged, transport.unjudged) == (None, 1, ())


def test_findings_can_be_collected_without_failing_and_fail_at_any_severity() -> None:
    transport = ConformanceTransport(mock(httpx.Response(200, json=GOOD | {"surprise": 1})))
    rerank(transport)
    assert [one.severity for one in transport.findings] == [Severity.ADDITIVE]
    assert transport.problem() is None
    transport.fail_on = Severity.ADDITIVE
    assert "property-undocumented" in (transport.problem() or "")
    transport.fail_on = None
    assert transport.problem() is None


def test_what_is_judged_around_another_transport_counts_for_the_first() -> None:
    transport = ConformanceTransport()
    rerank(transport.around(mock(httpx.Response(200, json=BAD))))
    assert transport.judged == 1
    assert transport.problem() is not None


def test_asynchronous_calls_are_judged() -> None:
    transport = ConformanceTransport(mock(httpx.Response(200, json=BAD)))

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=API) as client:
            return await client.post("/v2/rerank", json=BODY)

    assert asyncio.run(call()).json() == BAD
    assert [one.kind for one in transport.findings] == [Kind.TYPE_CHANGED]


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield from (STREAM[:20], STREAM[20:])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def stream_of_chat() -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Pieces())


def test_a_stream_passes_piece_by_piece_and_is_judged_at_its_end() -> None:
    transport = ConformanceTransport(mock(stream_of_chat()))
    with (
        httpx.Client(transport=transport, base_url=API) as client,
        client.stream("POST", "/v2/chat", json={"stream": True}) as response,
    ):
        pieces = response.iter_raw()
        assert next(pieces) == STREAM[:20]
        assert transport.judged == 0
        assert b"".join(pieces) == STREAM[20:]
    assert Kind.STREAM_UNTERMINATED in {one.kind for one in transport.findings}


def test_an_asynchronous_stream_as_well() -> None:
    transport = ConformanceTransport(mock(stream_of_chat()))

    async def call() -> bytes:
        async with (
            httpx.AsyncClient(transport=transport, base_url=API) as client,
            client.stream("POST", "/v2/chat", json={"stream": True}) as response,
        ):
            return b"".join([piece async for piece in response.aiter_raw()])

    assert asyncio.run(call()) == STREAM
    assert Kind.STREAM_UNTERMINATED in {one.kind for one in transport.findings}


def test_what_is_not_read_to_its_end_is_counted_and_not_judged() -> None:
    transport = ConformanceTransport(mock(stream_of_chat()))
    with (
        httpx.Client(transport=transport, base_url=API) as client,
        client.stream("POST", "/v2/chat", json={"stream": True}),
    ):
        pass
    assert transport.unjudged == ("POST /v2/chat: not read to its end",)
    assert transport.problem() is None


def test_a_simulated_failure_of_the_network_is_no_finding() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    transport = ConformanceTransport(httpx.MockTransport(refuse))
    with pytest.raises(httpx.ConnectError):
        rerank(transport)
    assert transport.unjudged == ("POST /v2/rerank: ConnectError",)
    assert transport.problem() is None


def test_bodies_are_decoded_to_be_judged_and_pass_as_they_are() -> None:
    packed = gzip.compress(json.dumps(BAD).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    transport = ConformanceTransport(
        mock(httpx.Response(200, headers=headers, stream=httpx.ByteStream(packed)))
    )
    assert rerank(transport).json() == BAD
    assert [one.kind for one in transport.findings] == [Kind.TYPE_CHANGED]


def test_a_key_that_the_server_quotes_is_in_no_finding_and_no_message() -> None:
    quoting = GOOD | {"results": [{"index": 0, "relevance_score": f"Bearer {KEY}"}]}
    transport = ConformanceTransport(mock(httpx.Response(200, json=quoting)))
    rerank(transport)
    assert transport.findings
    assert KEY not in repr(transport.findings) + str(transport.problem())


def test_a_gateway_is_judged_if_its_base_url_is_named() -> None:
    url = "https://gateway.example/cohere/v2/rerank"
    unnamed = ConformanceTransport(mock(httpx.Response(200, json=BAD)))
    rerank(unnamed, url)
    assert unnamed.unjudged == ("POST /cohere/v2/rerank: another host than the API",)
    named = ConformanceTransport(
        mock(httpx.Response(200, json=BAD)), servers=["https://gateway.example/cohere"]
    )
    rerank(named, url)
    assert [one.kind for one in named.findings] == [Kind.TYPE_CHANGED]
    with pytest.raises(UsageError, match="servers"):
        ConformanceTransport(servers=["gateway"])


def test_a_transport_of_the_other_kind_is_an_error_that_says_so() -> None:
    with pytest.raises(UsageError, match=r"httpx.Client needs httpx.BaseTransport"):
        rerank(ConformanceTransport(httpx.AsyncHTTPTransport()))
