"""Incomplete responses: the failure is reported once, and a part of a body is not judged as the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import JSON, SSE, UUID, chat_v2, exchange, reported, sse
from msgspec.structs import replace

from cohere_conformance.checks import judge
from cohere_conformance.model import Failure, FailureKind, Response, Severity

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Headers

HTML: Headers = (("content-type", "text/html"),)
ASKED = {"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"]}
WHOLE = {"id": UUID, "results": [{"index": 0, "relevance_score": 0.9}]}


def broken(made: Exchange, kind: FailureKind = FailureKind.RESET) -> Exchange:
    return replace(made, response=replace(made.response, failure=Failure(kind, "it ended")))


def unanswered(call: str, request: object = ASKED) -> Exchange:
    nothing = Response(0, failure=Failure(FailureKind.TIMEOUT, "it took too long"), seconds=10.0)
    return replace(exchange(call, request=request), response=nothing)


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize(
    "made",
    [
        exchange("POST /v2/rerank", b'{"id": 1, "resu', request=ASKED),
        exchange("POST /v2/rerank", b"", request=ASKED),
        exchange("POST /v2/rerank", WHOLE, request=ASKED),
        exchange("POST /v2/rerank", b"{", status=500, request=ASKED),
        exchange("POST /v2/chat", sse(chat_v2())[:70], headers=SSE),
        exchange("POST /v2/chat", b"\xff", headers=SSE),
    ],
    ids=["json", "empty", "whole", "error", "stream", "utf-8"],
)
def test_an_incomplete_response_is_reported_once(
    amended: Contract, made: Exchange, kind: FailureKind
) -> None:
    (finding,) = judge(amended, broken(made, kind))
    assert (finding.kind.value, finding.location, finding.value_class) == ("answer-broken", "", kind.value)
    assert (finding.severity, finding.status) == (Severity.BREAKING, made.response.status)
    assert finding.expected == "a complete response"
    counted = f" ({len(made.response.body or b'')} bytes of the body received)"
    # Less of an endless body is stored than was received.
    assert finding.observed == f"it ended{'' if kind is FailureKind.TOO_LARGE else counted}"


@pytest.mark.parametrize(
    ("call", "operation"),
    [("POST /v2/rerank", "POST /v2/rerank"), ("GET /v3/things/123", "GET /v3/things/*")],
    ids=["routed", "unrouted"],
)
def test_without_a_response_nothing_else_is_reported(amended: Contract, call: str, operation: str) -> None:
    (finding,) = judge(amended, unanswered(call))
    assert (finding.kind.value, finding.operation, finding.status) == ("answer-broken", operation, 0)
    assert (finding.value_class, finding.observed) == ("timeout", "it took too long")


@pytest.mark.parametrize(
    ("made", "besides"),
    [
        (exchange("POST /v2/rerank", b"{", status=402), [("status-undeclared", "", "402")]),
        (exchange("POST /v2/rerank", b"<", headers=HTML), [("media-type-undeclared", "", "text/html")]),
        (
            exchange("POST /v1/embed", b"{", headers=(*JSON, ("num_chars", "many"))),
            [("header-invalid", "header:num_chars", "type-changed")],
        ),
        (exchange("GET /v3/things", b"{", status=404), [("route-unknown", "", "refused")]),
    ],
    ids=["status", "media-type", "header", "route"],
)
def test_received_status_and_headers_are_judged(
    amended: Contract, made: Exchange, besides: list[tuple[str, str, str]]
) -> None:
    assert reported(judge(amended, broken(made))) == sorted([("answer-broken", "", "reset"), *besides])


def test_the_request_is_judged_whatever_the_response_is(amended: Contract) -> None:
    made = unanswered("POST /v2/rerank", ASKED | {"x": 1})
    assert [kind for kind, _, _ in reported(judge(amended, made))] == ["answer-broken", "request-invalid"]


def test_another_failure_is_another_finding(amended: Contract) -> None:
    made = exchange("POST /v2/rerank", b"{", request=ASKED)
    prints = {one.fingerprint for kind in FailureKind for one in judge(amended, broken(made, kind))}
    assert len(prints) == len(FailureKind)


def test_a_server_that_is_not_the_apis_has_no_findings(amended: Contract) -> None:
    assert judge(amended, unanswered("GET https://example.com/v2/chat")) == []
