"""The judge for other people's tests: responses of httpx, of requests, and exchanges."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
import requests

from cohere_conformance import Exchange, Request, Response, Severity, Source, UsageError
from cohere_conformance.testing import ConformanceJudge

URL = "https://api.cohere.com/v2/rerank"
SENT = httpx.Request("POST", URL, json={"model": "rerank-v3.5", "query": "q", "documents": ["d"]})
JSON = (("content-type", "application/json"),)
BAD = b'{"results": [{"index": 0, "relevance_score": "high"}]}'
GOOD = b'{"results": [{"index": 0, "relevance_score": 0.5}]}'


def of_requests(content: bytes, body: Any = SENT.content) -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response.headers["Content-Type"] = "application/json"
    response.raw = io.BytesIO(content)
    response.request = requests.Request("POST", URL, data=body).prepare()
    return response


def of_httpx(content: bytes) -> httpx.Response:
    return httpx.Response(200, headers=JSON, content=content, request=SENT)


def exchange(content: bytes) -> Exchange:
    return Exchange(Request("POST", URL), Response(200, JSON, content), Source("a test"))


@pytest.mark.parametrize("made", [of_httpx, of_requests, exchange])
def test_every_kind_of_response(made: Any) -> None:
    judge = ConformanceJudge()
    judge(made(GOOD))
    with pytest.raises(AssertionError, match="type-changed in POST /v2/rerank, status 200"):
        judge(made(BAD))
    assert [one.location for one in judge.findings(made(BAD))] == ["/results/*/relevance_score"]


def test_a_body_that_was_streamed_is_not_judged_as_empty() -> None:
    assert ConformanceJudge().findings(of_requests(GOOD, iter([b"{", b"}"]))) == []
    invalid = ConformanceJudge(fail_on=Severity.NOTICE).findings(of_requests(GOOD, b"{}"))
    assert {one.kind.value for one in invalid} == {"request-invalid"}


def test_the_request_can_be_passed() -> None:
    judge = ConformanceJudge()
    response = httpx.Response(200, headers=JSON, content=BAD)
    assert judge.findings(response, SENT)
    with pytest.raises(UsageError, match="pass the request as the second argument"):
        judge(response)
    bare = requests.Response()
    with pytest.raises(UsageError, match="pass the prepared request"):
        judge(bare)


def test_a_response_that_was_not_read_is_an_error() -> None:
    unread = httpx.Response(200, stream=httpx.ByteStream(b"{}"), request=SENT)
    with pytest.raises(UsageError, match="call read"):
        ConformanceJudge()(unread)


def test_another_value_or_host_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"got builtins\.dict; make an Exchange of it"):
        ConformanceJudge()({"results": []})
    elsewhere = httpx.Response(200, request=httpx.Request("GET", "https://elsewhere.example/v1/models"))
    with pytest.raises(UsageError, match="another host"):
        ConformanceJudge()(elsewhere)


def test_a_message_lists_a_limited_number_of_findings() -> None:
    further = b", ".join(b'"x%d": 1' % number for number in range(30))
    judge = ConformanceJudge(fail_on=Severity.ADDITIVE)
    with pytest.raises(AssertionError) as failure:
        judge(of_httpx(GOOD[:-1] + b", " + further + b"}"))
    assert str(failure.value).startswith("the response deviates from the Cohere API: 30 findings")
    assert str(failure.value).endswith("... and 10 more findings")
