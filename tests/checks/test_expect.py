"""Expectations of written cases: values that the response to a request must have or must not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, NDJSON, SSE, UUID, block, chat_v2, events, exchange, lines, reported, sse

from cohere_conformance.checks.expect import expected
from cohere_conformance.contract.location import parse_location
from cohere_conformance.model import Exchange, Expectation, Failure, FailureKind, Response

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

RERANK = {
    "id": UUID,
    "results": [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.25}],
    "meta": {"a/b": 1, "token": "s3cret-value", "nothing": None},
}


def failed(
    contract: Contract, location: str, schema: dict[str, object] | bool, answer: Exchange
) -> list[str]:
    """Return the classes of what a place of an answer is found to be wrong with."""
    findings = expected(contract, answer, Expectation((200,), body={location: schema}))
    assert all(finding.kind == "expectation-failed" for finding in findings)
    assert all(finding.location == location for finding in findings)
    return [finding.value_class for finding in findings]


@pytest.mark.parametrize(
    ("location", "schema", "faults"),
    [
        ("", {"type": "object"}, []),
        ("/results", {"minItems": 2, "maxItems": 2}, []),
        ("/results", {"minItems": 3}, ["minItems"]),
        ("/results/0/index", {"const": 2}, []),
        ("/results/1/index", {"const": 2}, ["const"]),
        ("/results/2/index", {"const": 2}, ["absent"]),
        ("/results/-1/index", True, ["absent"]),
        ("/results/01/index", True, ["absent"]),
        ("/results/*/index", {"type": "integer", "maximum": 2}, []),
        ("/results/*/index", {"maximum": 1}, ["maximum"]),
        ("/results/*/relevance_score", {"enum": [0.9]}, ["enum"]),
        ("/results/*/document", False, []),
        ("/results/*/index", False, ["present"]),
        ("/results/*/document", True, ["absent"]),
        ("/*/index", True, ["absent"]),
        ("/meta/a~1b", {"const": 1.0}, []),
        ("/meta/nothing", {"type": "null"}, []),
        ("/meta/nothing", False, ["present"]),
        ("/id", {"format": "uuid"}, []),
        ("/id", {"format": "date", "pattern": "(?i)XYZ"}, ["format", "pattern"]),
        ("/results/0", {"properties": {"index": {"const": 1}}}, ["const"]),
        ("/results/0", {"properties": {"index": False}}, ["falseSchema"]),
        ("<message-end>/delta", False, []),
    ],
)
def test_a_place_is_held_against_its_schema(
    amended: Contract, location: str, schema: dict[str, object] | bool, faults: list[str]
) -> None:
    assert sorted(failed(amended, location, schema, exchange("POST /v2/rerank", RERANK))) == faults


@pytest.mark.parametrize(
    ("location", "schema", "words", "observed"),
    [
        ("/id", {"const": "a"}, '"a"', f'"{UUID}"'),
        ("/results/*/index", {"enum": [0, 1]}, "one of 0, 1", "2"),
        ("/id", {"type": "string", "pattern": "^x"}, "a string that matches ^x", f'"{UUID}"'),
        ("/id", {"type": "integer"}, "an integer", f'"{UUID}"'),
        ("/id", {"format": "date"}, "a string in the format date", f'"{UUID}"'),
        ("/results", {"maxItems": 0}, "an empty array", None),
        ("/results/*/document", True, "anything", "absent"),
        ("/results/0/index", False, "absent", "2"),
        ("/meta", {"properties": {"a/b": {"const": 0}}}, "an object whose a/b is 0", "1 at /a~1b"),
        ("/meta/token", {"const": "x"}, '"x"', "a string (withheld: it may be a secret)"),
        ("<message-end>", True, "a stream", "a body that is not a stream"),
    ],
)
def test_a_finding_has_expected_and_observed(
    amended: Contract,
    location: str,
    schema: dict[str, object] | bool,
    words: str | None,
    observed: str | None,
) -> None:
    (finding,) = expected(
        amended, exchange("POST /v2/rerank", RERANK), Expectation((200,), body={location: schema})
    )
    assert (finding.operation, finding.status, finding.severity) == ("POST /v2/rerank", 200, "breaking")
    assert words in {finding.expected, None}
    assert observed in {finding.observed, None}


@pytest.mark.parametrize(
    ("body", "statuses", "words", "observed"),
    [
        ({"message": "no  query\nhere"}, (200,), "status 200", "422: no query here"),
        ({"id": UUID}, (400, 404), "status 400 or 404", f'422: {{"id": "{UUID}"}}'),
        (b"<html>", (200,), "status 200", "422: <html>"),
        (None, (200,), "status 200", "422"),
    ],
)
def test_another_status_is_the_only_finding(
    amended: Contract, body: Any, statuses: tuple[int, ...], words: str, observed: str
) -> None:
    expectation = Expectation(statuses, headers={"x-a": True}, body={"/never": True})
    (finding,) = expected(amended, exchange("POST /v2/rerank", body, status=422), expectation)
    assert (finding.kind, finding.location, finding.value_class) == ("status-unexpected", "", "422")
    assert (finding.expected, finding.observed) == (words, observed)


def test_an_answer_that_is_not_whole_is_left_to_the_judge(amended: Contract) -> None:
    sent = exchange("POST /v2/rerank")
    broken = Response(500, failure=Failure(FailureKind.RESET, "closed"))
    assert expected(amended, Exchange(sent.request, broken, sent.source), Expectation((200,))) == []


@pytest.mark.parametrize(("schema", "classes"), [(True, [("", "no-json")]), (False, [])])
def test_a_body_that_is_not_json_is_reported_once_for_all_locations(
    amended: Contract, schema: bool, classes: list[tuple[str, str]]
) -> None:
    body: dict[str, dict[str, object] | bool] = {"/id": schema, "/results": schema, "/meta": False}
    reported = expected(amended, exchange("POST /v2/rerank", b"<html>"), Expectation((200,), body=body))
    assert [(finding.location, finding.value_class) for finding in reported] == classes


def test_a_missing_value_is_reported_without_the_locations_below_it(amended: Contract) -> None:
    body: dict[str, dict[str, object] | bool] = {
        "/meta/tokens": {"type": "object"},
        "/meta": True,
        "/metal": True,
        "/results/*/document": True,
        "/results/*/document/text": True,
        "/meta/tokens/none": False,
    }
    answer = exchange("POST /v2/rerank", b'{"id": "a", "results": [{"index": 0}]}')
    reported = expected(amended, answer, Expectation((200,), body=body))
    assert [finding.location for finding in reported] == ["/meta", "/metal", "/results/*/document"]


@pytest.mark.parametrize(
    ("location", "observed"),
    [
        ("/meta", "absent"),
        ("/meta/billed_units/search_units", "absent, as is /meta"),
        ("/results/*/document/text", "absent, as is /results/*/document"),
        ("/results/0/document/text", "absent, as is /results/0/document"),
        ("/results/1/document", "absent"),
        ("/results/0/index/a", "absent"),
    ],
)
def test_the_object_that_is_absent_with_a_value_is_named(
    location: str, observed: str, amended: Contract
) -> None:
    answer = exchange("POST /v2/rerank", b'{"id": "a", "results": [{"index": 0}]}')
    (finding,) = expected(amended, answer, Expectation((200,), body={location: True}))
    assert (finding.location, finding.observed, finding.value_class) == (location, observed, "absent")


def test_a_missing_stream_is_reported_once_for_all_events(amended: Contract) -> None:
    locations = {
        "<message-start>/id": True,
        "<message-end>/delta": True,
        "<debug>": False,
        "/id": {"const": UUID},
    }
    plain = exchange("POST /v2/chat", {"id": UUID})
    (finding,) = expected(amended, plain, Expectation((200,), body=locations))
    assert (finding.kind, finding.location, finding.value_class) == ("expectation-failed", "", "no-stream")


def test_a_body_that_was_not_kept_is_not_judged(amended: Contract) -> None:
    assert failed(amended, "/id", True, exchange("POST /v2/rerank", None)) == []


@pytest.mark.parametrize(
    ("name", "schema", "classes"),
    [
        ("num_tokens", {"type": "integer", "minimum": 1}, []),
        ("num_tokens", {"type": "integer", "minimum": 50}, ["minimum"]),
        ("num_tokens", {"pattern": "^[0-9]+$"}, []),
        ("x-api-warning", {"pattern": "(?i)FIELD"}, ["pattern"]),
        ("x-api-warning", False, ["present"]),
        ("x-debug-trace-id", False, []),
        ("x-debug-trace-id", True, ["absent"]),
    ],
)
def test_headers_are_texts_or_numbers(
    amended: Contract, name: str, schema: dict[str, object] | bool, classes: list[str]
) -> None:
    headers = (*JSON, ("num_tokens", "19"), ("x-api-warning", "field a"), ("x-api-warning", "removed"))
    findings = expected(
        amended,
        exchange("POST /v2/rerank", RERANK, headers=headers),
        Expectation((200,), headers={name: schema}),
    )
    assert reported(findings) == [("expectation-failed", f"header:{name}", one) for one in classes]


STREAM = chat_v2(*block("Hel", "lo"))
STREAMS = {
    "sse": {"body": sse(STREAM), "headers": SSE},
    "ndjson": {"body": lines(STREAM), "headers": NDJSON},
    "split": {"events": events(STREAM), "headers": ()},
    "untold": {"body": sse(STREAM), "headers": (("content-type", "text/plain"),)},
}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    ("location", "schema", "classes"),
    [
        ("<message-end>/delta/finish_reason", {"const": "COMPLETE"}, []),
        ("<message-end>/delta/finish_reason", {"const": "ERROR"}, ["const"]),
        ("<content-delta>/delta/message/content/text", {"enum": ["Hel", "lo"]}, []),
        ("<content-delta>/delta/message/content/text", {"const": "Hel"}, ["const"]),
        ("<content-delta>/never", True, ["absent"]),
        ("<tool-call-start>", False, []),
        ("<tool-call-start>", True, ["absent"]),
        ("<message-start>", {"required": ["id"]}, []),
    ],
)
def test_events_are_found_by_their_type(
    amended: Contract, stream: str, location: str, schema: dict[str, object] | bool, classes: list[str]
) -> None:
    assert failed(amended, location, schema, exchange("POST /v2/chat", **STREAMS[stream])) == classes


def test_version_1_names_events_by_another_property(amended: Contract) -> None:
    stream = lines([{"event_type": "stream-start", "generation_id": UUID, "is_finished": False}])
    answer = exchange("POST /v1/chat", stream, headers=NDJSON)
    assert failed(amended, "<stream-start>/generation_id", {"const": UUID}, answer) == []


def test_a_path_that_nobody_declares_is_judged_as_well(amended: Contract) -> None:
    answer = exchange("GET /v9/nothing?a=b", {"a": 1})
    (finding,) = expected(amended, answer, Expectation((200,), body={"/a": {"const": 2}}))
    assert finding.operation.endswith("/v9/nothing")


@pytest.mark.parametrize("text", ["results", "/a~", "<>/a", "<a", "<a>b", "a<b>/c"])
def test_a_malformed_location_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_location(text)


def test_places_say_whether_they_are_single() -> None:
    assert [parse_location(text).single for text in ("", "/a/0", "/a/*", "<b>/a")] == [
        True,
        True,
        False,
        False,
    ]
