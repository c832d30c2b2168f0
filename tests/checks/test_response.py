"""The response except for its body: status, media type, headers, error envelope, and missing recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, NDJSON, SSE, UUID, contract, exchange, judged, reported

from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Headers

RERANK = {"id": UUID, "results": [{"index": 0, "relevance_score": 0.9}]}
CHAT = {"id": UUID, "finish_reason": "COMPLETE", "message": {"role": "assistant"}}


def typed(value: str) -> Headers:
    return (("content-type", value),)


# -- status


@pytest.mark.parametrize("status", [201, 204, 302, 402, 418, 502])
def test_an_undeclared_status_is_reported_and_its_body_is_not_judged(amended: Contract, status: int) -> None:
    findings = judged(amended, exchange("POST /v2/rerank", b"<broken", status=status))
    assert reported(findings) == [("status-undeclared", "", str(status))]
    assert findings[0].severity is Severity.BREAKING
    assert findings[0].expected.startswith("one of 200, 400, ")
    assert (findings[0].observed, findings[0].status) == (str(status), status)


def test_two_undeclared_statuses_are_distinguished(amended: Contract) -> None:
    one, other = (judged(amended, exchange("POST /v2/rerank", status=status))[0] for status in (402, 418))
    assert one.fingerprint != other.fingerprint


# -- media type


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=utf-8",
        "Application/JSON ; charset=UTF-8",
        " application/json",
        'application/json; profile="a;b"',
    ],
)
def test_parameters_and_case_of_a_media_type_do_not_matter(amended: Contract, value: str) -> None:
    assert judged(amended, exchange("POST /v2/rerank", RERANK, headers=typed(value))) == []


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (typed("text/plain"), RERANK, [("media-type-undeclared", "", "text/plain")]),
        (typed("application/json+x"), RERANK, [("media-type-undeclared", "", "application/json+x")]),
        (
            typed("application/problem+json"),
            RERANK,
            [("media-type-undeclared", "", "application/problem+json")],
        ),
        ((("date", "today"),), RERANK, [("media-type-undeclared", "", "absent")]),
        (typed(""), RERANK, [("media-type-undeclared", "", "absent")]),
        ((), RERANK, []),
        ((), b"", [("body-malformed", "", "empty")]),
        (
            typed("text/plain"),
            {"results": 1},
            [("media-type-undeclared", "", "text/plain"), ("type-changed", "/results", "integer")],
        ),
        (typed("text/plain"), None, [("media-type-undeclared", "", "text/plain")]),
        ((("date", "today"),), None, []),
    ],
    ids=[
        "plain",
        "suffix",
        "problem",
        "absent",
        "blank",
        "none-recorded",
        "empty",
        "judged-all-the-same",
        "no-body",
        "neither",
    ],
)
def test_an_undeclared_media_type_is_reported_and_the_body_judged(
    amended: Contract, headers: Headers, body: Any, expected: list[tuple[str, str, str]]
) -> None:
    assert reported(judged(amended, exchange("POST /v2/rerank", body, headers=headers))) == expected


def test_the_page_of_an_edge_is_no_error_of_the_api(amended: Contract) -> None:
    page = b"<!doctype html><meta charset=utf-8><title>403</title>403 Forbidden"
    made = exchange("POST /v2/chat", page, status=403, headers=typed("text/html; charset=UTF-8"))
    assert reported(judged(amended, made)) == [
        ("body-malformed", "", "syntax"),
        ("media-type-undeclared", "", "text/html"),
    ]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (SSE, []),
        (NDJSON, [("stream-malformed", "", "syntax")]),
        (typed("text/plain"), [("media-type-undeclared", "", "text/plain")]),
        ((), []),
        (JSON, [("media-type-undeclared", "", "stream as application/json")]),
    ],
    ids=["sse", "ndjson", "plain", "none", "json"],
)
def test_a_stream_is_recognised_without_its_media_type(
    amended: Contract, headers: Headers, expected: list[tuple[str, str, str]]
) -> None:
    stream = (
        b'event: message-start\ndata: {"type": "message-start", "id": "x",'
        b' "delta": {"message": {"role": "assistant"}}}\n\n'
        b'event: message-end\ndata: {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}\n\n'
        b"data: [DONE]\n\n"
    )
    findings = reported(judged(amended, exchange("POST /v2/chat", stream, headers=headers)))
    assert [one for one in findings if one[0] != "stream-unterminated"] == expected


# -- headers


def count(**header: Any) -> Contract:
    return contract(
        response={"headers": {"X-Count": {"schema": {"type": "integer", "minimum": 0}, **header}}}
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), []),
        (JSON, []),
        ((*JSON, ("x-count", "0")), []),
        ((*JSON, ("x-count", "-0")), []),
        ((*JSON, ("x-count", "+7")), []),
        ((*JSON, ("x-count", "-1")), [("header-invalid", "header:x-count", "bound-exceeded")]),
        ((*JSON, ("x-count", "1.5")), [("header-invalid", "header:x-count", "type-changed")]),
        ((*JSON, ("x-count", "many")), [("header-invalid", "header:x-count", "type-changed")]),
        ((*JSON, ("x-count", "")), [("header-invalid", "header:x-count", "type-changed")]),
        ((*JSON, ("x-count", "1"), ("x-count", "x")), [("header-invalid", "header:x-count", "type-changed")]),
        ((*JSON, ("x-other", "many")), []),
    ],
    ids=[
        "none",
        "absent",
        "fits",
        "minus-0",
        "plus",
        "bound",
        "fraction",
        "word",
        "blank",
        "second",
        "undeclared",
    ],
)
def test_a_declared_header_is_judged_where_it_is_sent(
    headers: Headers, expected: list[tuple[str, str, str]]
) -> None:
    assert reported(judged(count(), exchange("POST /v1/thing", {}, headers=headers))) == expected


def test_a_repeated_header_is_reported_once() -> None:
    headers = (*JSON, ("x-count", "x"), ("x-count", "y"))
    assert reported(judged(count(), exchange("POST /v1/thing", {}, headers=headers))) == [
        ("header-invalid", "header:x-count", "type-changed")
    ]


def test_a_header_of_thousands_of_digits_is_judged() -> None:
    headers = (*JSON, ("x-count", "1" * 5000))
    findings = judged(count(), exchange("POST /v1/thing", {}, headers=headers))
    assert {finding.kind.value for finding in findings} <= {"header-invalid"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), []),
        (JSON, [("header-missing", "header:x-count", "")]),
        ((*JSON, ("x-count", "1")), []),
        ((*JSON, ("x-count", "x")), [("header-invalid", "header:x-count", "type-changed")]),
    ],
    ids=["none-recorded", "missing", "there", "invalid"],
)
def test_a_required_header_is_missed_where_headers_were_recorded(
    headers: Headers, expected: list[tuple[str, str, str]]
) -> None:
    findings = judged(count(required=True), exchange("POST /v1/thing", {}, headers=headers))
    assert reported(findings) == expected
    assert {finding.severity for finding in findings} <= {Severity.BREAKING}


@pytest.mark.parametrize(
    ("schema", "fits", "breaks"),
    [
        ({"type": "number", "maximum": 2}, ["1", "1.5", "-2e-3"], ["2.5", "x", "1e999"]),
        ({"type": "boolean"}, ["true", "false"], ["TRUE", "1", ""]),
        ({"type": "string", "pattern": "^[0-9]+$"}, ["12"], ["x"]),
        ({"type": "string", "enum": ["1", "2"]}, ["1"], ["3"]),
        ({}, ["anything", ""], []),
    ],
    ids=["number", "boolean", "text-of-digits", "enum", "nothing"],
)
def test_a_header_is_read_as_the_type_that_is_declared(
    schema: dict[str, Any], fits: list[str], breaks: list[str]
) -> None:
    made = contract(response={"headers": {"X-A": {"schema": schema}}})

    def number(value: str) -> int:
        return len(judged(made, exchange("POST /v1/thing", {}, headers=(*JSON, ("x-a", value)))))

    assert [number(value) for value in fits] == [0 for _ in fits]
    assert [number(value) for value in breaks] == [1 for _ in breaks]


def test_expected_and_observed_of_a_header() -> None:
    finding = judged(count(), exchange("POST /v1/thing", {}, headers=(*JSON, ("x-count", "many"))))[0]
    assert (finding.expected, finding.observed) == ("an integer", '"many"')


def test_the_headers_of_the_shipped_contract(amended: Contract, published: Contract) -> None:
    headers = (
        *JSON,
        ("num_tokens", "12.0"),
        ("num_chars", "3"),
        ("x-debug-trace-id", "replaced by the recorder"),
        ("x-api-warning", "going"),
    )
    made = exchange("POST /v2/chat", CHAT, headers=headers)
    assert reported(judged(amended, made)) == [
        ("header-invalid", "header:num_tokens", "type-changed"),
    ]
    assert judged(published, made) == []


# -- errors


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"message": "no"}, []),
        ({"message": "no", "id": UUID}, []),
        ({"message": "no", "id": UUID.upper()}, []),
        ({}, [("error-envelope", "/message", "absent")]),
        ({"message": ""}, [("error-envelope", "/message", "string")]),
        ({"message": " \n"}, [("error-envelope", "/message", "string")]),
        ({"message": "no", "id": "12"}, [("error-envelope", "/id", "no-uuid")]),
        ({"message": "no", "id": ""}, [("error-envelope", "/id", "no-uuid")]),
        ({"message": "no", "id": f"{{{UUID}}}"}, [("error-envelope", "/id", "no-uuid")]),
        ({"message": "no", "id": UUID.replace("-", "")}, [("error-envelope", "/id", "no-uuid")]),
        ({"message": "no", "error_type": "X"}, [("property-undocumented", "/error_type", "")]),
        ({"data": "no"}, [("error-envelope", "/message", "absent"), ("property-undocumented", "/data", "")]),
        (
            b"404 page not found",
            [
                ("body-malformed", "", "trailing"),
                ("error-envelope", "", "integer"),
                ("type-changed", "", "integer"),
            ],
        ),
        (b"nope", [("body-malformed", "", "syntax")]),
        (b"", [("body-malformed", "", "empty")]),
        (None, []),
    ],
    ids=[
        "message",
        "id",
        "capitals",
        "empty",
        "no-words",
        "blank",
        "short-id",
        "no-id",
        "braces",
        "no-dashes",
        "more",
        "other",
        "mux",
        "text",
        "nothing",
        "not-recorded",
    ],
)
def test_an_error_says_what_went_wrong(
    amended: Contract, body: Any, expected: list[tuple[str, str, str]]
) -> None:
    assert reported(judged(amended, exchange("POST /v2/rerank", body, status=404))) == expected


def test_an_id_of_an_error_that_is_no_uuid_is_a_notice(amended: Contract) -> None:
    """No document asks for the format, and no client is known to depend on it; clients show the message."""
    found = judged(amended, exchange("POST /v2/rerank", {"message": "", "id": "err-1"}, status=400))
    assert [(one.location, one.severity) for one in found] == [
        ("/message", Severity.BREAKING),
        ("/id", Severity.NOTICE),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"message": None},
            [("error-envelope", "/message", "null"), ("null-unexpected", "/message", "null")],
        ),
        (
            {"message": 5},
            [("error-envelope", "/message", "integer"), ("type-changed", "/message", "integer")],
        ),
        ({"message": "no", "id": None}, [("null-unexpected", "/id", "null")]),
        (["no"], [("error-envelope", "", "array"), ("type-changed", "", "array")]),
    ],
    ids=["null", "type", "id", "no-object"],
)
def test_an_error_of_other_types_breaks_its_schema_too(
    amended: Contract, body: Any, expected: list[tuple[str, str, str]]
) -> None:
    assert reported(judged(amended, exchange("POST /v2/rerank", body, status=400))) == expected


def test_only_errors_need_an_envelope(amended: Contract) -> None:
    assert reported(judged(amended, exchange("POST /v2/rerank", {"message": "no"}))) == [
        ("property-missing", "/results", ""),
        ("property-undocumented", "/message", ""),
    ]


def test_an_error_of_another_group_has_no_id(amended: Contract) -> None:
    made = exchange("GET /v2/batches", {"message": "no", "id": UUID}, status=404)
    assert reported(judged(amended, made)) == [("property-undocumented", "/id", "")]


# -- what was not recorded, and what nobody declares


def test_a_body_that_was_not_recorded_is_not_judged(amended: Contract) -> None:
    assert judged(amended, exchange("POST /v2/rerank", None)) == []
    assert judged(amended, exchange("POST /v2/chat", None, headers=SSE)) == []
    assert judged(amended, exchange("POST /v2/rerank", None, headers=())) == []


def test_an_answer_that_declares_no_content_may_have_any(amended: Contract) -> None:
    for body in (b"", b"{}", b"anything", None):
        assert judged(amended, exchange("POST /v1/embed-jobs/j/cancel", body, headers=typed("text/x"))) == []
