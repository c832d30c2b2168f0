"""The judge: it is pure, finds the operation, and distinguishes errors of client and server."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, SSE, UUID, block, chat_v2, contract, exchange, judged, reported, sse

from cohere_conformance.checks import judge
from cohere_conformance.model import Severity, StreamEvent

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Headers

RERANK = {
    "id": UUID,
    "results": [{"index": 0, "relevance_score": 0.9}, {"index": 1, "relevance_score": 0.1}],
}
ASKED = {"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"]}
MANY_WAYS_WRONG = [
    exchange("POST /v2/rerank", {"results": [{"index": "0", "x": {}}]}, request={"query": 1}),
    exchange("POST /v2/rerank", b'{"a": 1, "a": NaN', request=b"{"),
    exchange("POST /v2/chat", sse([*chat_v2(*block("a", index=3)), *chat_v2()]), headers=SSE),
    exchange("POST /v2/nowhere", RERANK),
    exchange("POST /v2/rerank", {"id": 1}, status=500, headers=(*JSON, ("x-debug-trace-id", "x"))),
]


# -- pure


@pytest.mark.parametrize("made", MANY_WAYS_WRONG, ids=["body", "text", "stream", "route", "error"])
def test_judging_changes_nothing_and_depends_on_nothing(amended: Contract, made: Exchange) -> None:
    before, document = pickle.dumps(made), pickle.dumps(amended.document)
    first, second = judge(amended, made), judge(amended, made)
    assert first == second != []
    assert (pickle.dumps(made), pickle.dumps(amended.document)) == (before, document)


def test_the_order_of_judging_does_not_matter(amended: Contract) -> None:
    forwards = [judge(amended, made) for made in MANY_WAYS_WRONG]
    backwards = [judge(amended, made) for made in reversed(MANY_WAYS_WRONG)]
    assert forwards == backwards[::-1]


def test_what_conforms_has_no_findings(amended: Contract, published: Contract) -> None:
    made = exchange("POST /v2/rerank", RERANK, request=ASKED)
    assert (judge(amended, made), judge(published, made)) == ([], [])


DEEP = "[" * 600 + "]" * 600


@pytest.mark.parametrize(
    ("made", "kinds"),
    [
        (exchange("POST /v2/rerank", f'{{"results": {DEEP}}}'.encode()), {"body-malformed", "type-changed"}),
        (exchange("POST /v2/rerank", request=f'{{"query": {DEEP}}}'.encode()), {"request-invalid"}),
        (
            exchange(
                "POST /v2/chat",
                headers=SSE,
                events=[StreamEvent(f'{{"type": "debug", "prompt": {DEEP}}}', "debug")],
            ),
            {"stream-malformed", "type-changed", "stream-unterminated"},
        ),
        (
            exchange(
                "POST /v2/chat",
                headers=SSE,
                events=[StreamEvent('{"type": "\ud800", "\ud800": 1}', "\ud800")],
            ),
            {"stream-event-unknown", "stream-malformed", "stream-unterminated"},
        ),
        (
            exchange("POST /v2/chat", headers=SSE, events=[StreamEvent('{"type": {"x": 1}}', "x" * 1000)]),
            {"stream-event-unknown", "stream-unterminated"},
        ),
        (
            exchange(
                "POST /v2/chat", status=400, headers=(*JSON, ("content-type", "x"), ("num_tokens", "\ud800"))
            ),
            set(),
        ),
        (
            exchange("POST /v2/rerank", b'{"\\ud800": 1, "results": []}'),
            {"body-malformed", "property-undocumented"},
        ),
        (exchange("POST https://api.cohere.com:99999/v2/chat", {}), set()),
        (exchange("POST http://[::1/v2/chat", {}), set()),
        (exchange("POST /v2/chat/%zz/%ff/\ud800", {}), {"route-unknown"}),
    ],
    ids=["body", "request", "event", "surrogate", "long-name", "header", "key", "port", "brackets", "path"],
)
def test_what_no_server_should_send_is_judged_all_the_same(
    amended: Contract, made: Exchange, kinds: set[str]
) -> None:
    findings = judge(amended, made)
    assert {finding.kind.value for finding in findings} <= kinds
    assert bool(findings) is bool(kinds)
    assert all(len(finding.fingerprint) == 12 for finding in findings)


# -- routes


@pytest.mark.parametrize(
    ("call", "status", "operation", "value_class", "severity"),
    [
        ("POST /v2/scan", 200, "POST /v2/scan", "answered", Severity.ADDITIVE),
        ("POST /v2/scan?x=1", 201, "POST /v2/scan", "answered", Severity.ADDITIVE),
        ("GET /v2/scan", 302, "GET /v2/scan", "answered", Severity.ADDITIVE),
        ("POST /v2/scan", 404, "POST /v2/scan", "refused", Severity.NOTICE),
        ("GET /v2/chat", 405, "GET /v2/chat", "refused", Severity.NOTICE),
        ("GET http://localhost:8000/", 404, "GET /", "refused", Severity.NOTICE),
        ("GET http://localhost:8000", 404, "GET /", "refused", Severity.NOTICE),
    ],
)
def test_an_unknown_route_is_reported(
    amended: Contract, call: str, status: int, operation: str, value_class: str, severity: Severity
) -> None:
    (finding,) = judge(amended, exchange(call, b"anything", status=status))
    assert (finding.kind.value, finding.location, finding.value_class) == ("route-unknown", "", value_class)
    assert (finding.operation, finding.severity, finding.status) == (operation, severity, status)


def test_an_unknown_route_says_which_methods_the_path_has(amended: Contract) -> None:
    (finding,) = judge(amended, exchange("PUT /v1/datasets/d", status=405))
    assert finding.expected == "one of DELETE, GET on this path"
    (finding,) = judge(amended, exchange("PUT /v9/datasets", status=405))
    assert finding.expected == "a declared path"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/v2/scan/12", "/v2/scan/13"),
        (f"/v2/scan/{UUID}/pages", "/v2/scan/1c0de5a9-0000-4000-8000-00000000beef/pages"),
        ("/v2/scan/job-4f3a9c2b71", "/v2/scan/job-9e8d7c6b5a"),
    ],
)
def test_an_unknown_route_does_not_depend_on_an_id(amended: Contract, one: str, other: str) -> None:
    first, second = (judge(amended, exchange(f"GET {path}", status=404))[0] for path in (one, other))
    assert first.fingerprint == second.fingerprint
    assert first.operation.count("*") == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/v2/chat",
        "https://api.example.com/v1/embeddings",
        "file:///v2/chat",
        "https:///v2/chat",
    ],
)
def test_another_server_is_none_of_our_business(amended: Contract, url: str) -> None:
    assert judge(amended, exchange(f"POST {url}", b"<", status=500, request=b"<")) == []


# -- requests


@pytest.mark.parametrize(
    ("call", "request_body", "expected"),
    [
        ("POST /v2/rerank", ASKED, []),
        ("POST /v2/rerank", ASKED | {"top_n": None, "max_tokens_per_doc": None}, []),
        ("POST /v2/rerank", ASKED | {"query": None}, [("/query", "null-unexpected:null")]),
        (
            "POST /v2/rerank",
            ASKED | {"return_documents": True},
            [("/return_documents", "property-undocumented:")],
        ),
        (
            "POST /v2/rerank",
            {"query": "q"},
            [("/documents", "property-missing:"), ("/model", "property-missing:")],
        ),
        ("POST /v2/rerank", ASKED | {"top_n": 0}, [("/top_n", "bound-exceeded:minimum")]),
        (
            "POST /v2/rerank",
            ASKED | {"documents": ["a", {"text": "b"}]},
            [("/documents/*", "type-changed:object")],
        ),
        ("POST /v2/rerank", b"{", [("", "body-malformed:truncated")]),
        (
            "POST /v2/rerank",
            b'{"model": "m", "model": "m", "query": "q", "documents": []}',
            [("", "body-malformed:duplicate-key")],
        ),
        ("POST /v2/rerank", b"", []),
        ("POST /v2/rerank", None, []),
        ("POST /v1/chat", {"message": "m", "chat_history": [{"role": "User", "message": "m"}]}, []),
        (
            "POST /v1/chat",
            {"message": "m", "chat_history": [{"role": "human", "message": "m"}]},
            [("/chat_history/*/role", 'union-unmatched:"human"')],
        ),
        ("POST /v2/batches", b"", [("", "empty")]),
        ("GET /v1/models", b"anything", []),
    ],
    ids=[
        "valid",
        "null-for-optional",
        "null-for-required",
        "undocumented",
        "missing",
        "bound",
        "type",
        "malformed",
        "duplicate-key",
        "empty",
        "not-recorded",
        "role-case",
        "unknown-role",
        "empty-though-required",
        "none-declared",
    ],
)
def test_a_mistake_of_the_client_is_a_notice(
    amended: Contract, call: str, request_body: Any, expected: list[tuple[str, str]]
) -> None:
    findings = judged(amended, exchange(call, None, request=request_body))
    assert reported(findings) == [("request-invalid", location, value) for location, value in expected]
    assert {finding.severity for finding in findings} <= {Severity.NOTICE}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (JSON, []),
        ((("content-type", "application/json; charset=utf-8"),), []),
        ((), []),
        ((("accept", "*/*"),), []),
        ((("content-type", "text/plain"),), [("request-invalid", "", "media-type:text/plain")]),
    ],
    ids=["json", "charset", "none-recorded", "no-content-type", "other"],
)
def test_the_media_type_of_a_request(
    amended: Contract, headers: Headers, expected: list[tuple[str, str, str]]
) -> None:
    made = exchange("POST /v2/rerank", RERANK, request=ASKED, request_headers=headers)
    assert reported(judge(amended, made)) == expected


def test_each_error_of_the_client_is_reported_once(amended: Contract) -> None:
    twice = b'{"model": "m", "model": "m", "query": "q", "query": "q", "documents": []}'
    fingerprints = [one.fingerprint for one in judge(amended, exchange("POST /v2/rerank", request=twice))]
    assert len(fingerprints) == len(set(fingerprints)) > 0


def test_a_form_is_not_judged_as_json(amended: Contract) -> None:
    form = (("content-type", "multipart/form-data; boundary=x"),)
    made = exchange("POST /v2/audio/transcriptions", {"text": "hi"}, request=b"--x--", request_headers=form)
    assert judge(amended, made) == []


def test_request_and_response_are_distinguished_at_the_same_location(amended: Contract) -> None:
    made = exchange("POST /v2/rerank", RERANK | {"x": 1}, request=ASKED | {"x": 1})
    findings = judged(amended, made)
    assert reported(findings) == [
        ("property-undocumented", "/x", ""),
        ("request-invalid", "/x", "property-undocumented:"),
    ]
    assert len({finding.fingerprint for finding in findings}) == 2


def test_a_request_does_not_change_what_is_said_about_its_answer(amended: Contract) -> None:
    answer = {"results": [{"index": "0"}]}
    bad, good = (
        judged(amended, exchange("POST /v2/rerank", answer, request=request)) for request in (b"{", ASKED)
    )
    assert [finding for finding in bad if finding.kind.value != "request-invalid"] == good != []


def test_requests_as_published_have_no_tolerances(published: Contract) -> None:
    made = exchange("POST /v2/rerank", RERANK, request=ASKED | {"top_n": None})
    assert reported(judged(published, made)) == [("request-invalid", "/top_n", "null-unexpected:null")]


def test_a_request_that_must_have_a_body() -> None:
    body = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    made = contract(request=body)
    assert reported(judge(made, exchange("POST /v1/thing", {}, request=b""))) == [
        ("request-invalid", "", "empty")
    ]
    assert judge(made, exchange("POST /v1/thing", {}, request=None)) == []
    assert judge(made, exchange("POST /v1/thing", {}, request={})) == []


@pytest.mark.parametrize(
    ("method", "status", "severity"),
    [
        ("GET", 200, Severity.ADDITIVE),
        ("PUT", 204, Severity.ADDITIVE),
        ("HEAD", 200, Severity.NOTICE),
        ("OPTIONS", 204, Severity.NOTICE),
        ("GET", 404, Severity.NOTICE),
        ("OPTIONS", 405, Severity.NOTICE),
    ],
)
@pytest.mark.parametrize("path", ["/v2/nowhere", "/v2/rerank"])
def test_what_nobody_declared_matters_where_it_is_answered(
    amended: Contract, method: str, status: int, severity: Severity, path: str
) -> None:
    """A route too many is additive; a browser's preflight and a look at the headers are the web's own."""
    [finding] = judge(amended, exchange(f"{method} {path}", {}, status=status))
    assert (finding.kind.value, finding.severity) == ("route-unknown", severity)
