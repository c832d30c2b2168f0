"""Answers that are not whole: the ending is told once, and no part of a body is taken for the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import JSON, SSE, UUID, chat_v2, exchange, sse, told
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
def test_an_answer_that_broke_off_is_told_once(amended: Contract, made: Exchange, kind: FailureKind) -> None:
    (finding,) = judge(amended, broken(made, kind))
    assert (finding.kind.value, finding.location, finding.value_class) == ("answer-broken", "", kind.value)
    assert (finding.severity, finding.status) == (Severity.BREAKING, made.response.status)
    assert finding.expected == "a complete response"
    counted = f" ({len(made.response.body or b'')} bytes of the body received)"
    # What is kept of a body without end is less than what came.
    assert finding.observed == f"it ended{'' if kind is FailureKind.TOO_LARGE else counted}"


@pytest.mark.parametrize(
    ("call", "operation"),
    [("POST /v2/rerank", "POST /v2/rerank"), ("GET /v3/things/123", "GET /v3/things/*")],
    ids=["routed", "unrouted"],
)
def test_nothing_else_is_said_where_nothing_came(amended: Contract, call: str, operation: str) -> None:
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
def test_status_and_headers_are_judged_where_they_came(
    amended: Contract, made: Exchange, besides: list[tuple[str, str, str]]
) -> None:
    assert told(judge(amended, broken(made))) == sorted([("answer-broken", "", "reset"), *besides])


def test_the_request_is_judged_whatever_came(amended: Contract) -> None:
    made = unanswered("POST /v2/rerank", ASKED | {"x": 1})
    assert [kind for kind, _, _ in told(judge(amended, made))] == ["answer-broken", "request-invalid"]


def test_another_ending_is_another_finding(amended: Contract) -> None:
    made = exchange("POST /v2/rerank", b"{", request=ASKED)
    prints = {one.fingerprint for kind in FailureKind for one in judge(amended, broken(made, kind))}
    assert len(prints) == len(FailureKind)


def test_a_server_that_is_not_the_apis_has_no_findings(amended: Contract) -> None:
    assert judge(amended, unanswered("GET https://example.com/v2/chat")) == []
