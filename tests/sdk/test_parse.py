"""What the official SDK makes of a response that deviates: it raises, loses data, or gives a wrong type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import JSON, SSE, exchange, sse

from cohere_conformance.model import Exchange, Failure, FailureKind, Response, StreamEvent
from cohere_conformance.sdk.mistyped import fits
from cohere_conformance.sdk.parse import parse_with_sdk
from cohere_conformance.sdk.parsers import SdkParsers

if TYPE_CHECKING:
    from cohere_conformance.report import SdkParse

CHAT, RERANK, EMBED = "POST /v2/chat", "POST /v2/rerank", "POST /v1/embed"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
SEARCH = {"model": "m", "query": "q", "documents": ["a"]}
MESSAGE = {"role": "assistant", "content": [{"type": "text", "text": "hi"}]}
REPLY = {"id": "i", "finish_reason": "COMPLETE", "message": MESSAGE}
DELTA = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "a"}}}}


def parsed(made: Exchange, label: str = CHAT) -> SdkParse:
    found = parse_with_sdk(made, label)
    assert found is not None
    return found


def chat(body: Any, **further: Any) -> SdkParse:
    return parsed(exchange(CHAT, body, request=ASKED, **further))


def test_a_response_that_conforms_loses_nothing() -> None:
    found = chat(REPLY)
    assert (found.raised, found.lost, found.mistyped) == ("", (), ())
    assert found.sdk.startswith("cohere ")


@pytest.mark.parametrize(
    ("body", "raised"),
    [
        (b"{", "ApiError (JSONDecodeError)"),
        (REPLY | {"message": "hi"}, "TypeError"),
    ],
)
def test_the_class_of_the_exception_is_named(body: Any, raised: str) -> None:
    assert chat(body).raised == raised


def test_the_public_method_is_called_and_not_only_its_parser() -> None:
    """The parser accepts a response without its type, and the method that joins responses fails on it."""
    floats = {"id": "i", "texts": ["a"], "embeddings": [[0.1]]}
    made = exchange(EMBED, floats, request={"model": "m", "texts": ["a"]})
    assert parsed(made, EMBED).raised == "AttributeError"


def test_a_number_that_is_cut_is_lost_and_one_that_is_text_has_a_wrong_type() -> None:
    results = [{"index": 1.5, "relevance_score": "0.5"}]
    found = parsed(exchange(RERANK, {"results": results}, request=SEARCH), RERANK)
    assert (found.lost, found.mistyped) == (("/results/*/index",), ("/results/*/relevance_score",))


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (REPLY | {"id": None}, "/id"),
        ({name: value for name, value in REPLY.items() if name != "message"}, "/message"),
        (REPLY | {"message": MESSAGE | {"content": "hi"}}, "/message/content"),
        (REPLY | {"message": MESSAGE | {"content": [{"type": "text"}]}}, "/message/content/*/text"),
    ],
)
def test_a_value_that_the_types_exclude_is_found(body: Any, location: str) -> None:
    found = chat(body)
    assert (found.raised, found.lost, found.mistyped) == ("", (), (location,))


@pytest.mark.parametrize(
    "body",
    [
        REPLY | {"finish_reason": "stop"},
        REPLY | {"new": 1},
        REPLY | {"usage": {"tokens": {"input_tokens": "3"}}},
    ],
)
def test_unknown_values_and_properties_are_kept_and_text_becomes_the_number_that_it_spells(body: Any) -> None:
    found = chat(body)
    assert (found.raised, found.lost, found.mistyped) == ("", (), ())


@pytest.mark.parametrize(
    ("status", "raised"), [(404, "NotFoundError"), (418, "ApiError"), (500, "InternalServerError")]
)
def test_a_refusal_raises_the_class_of_its_status(status: int, raised: str) -> None:
    assert chat({"message": "no"}, status=status).raised == raised


def test_an_event_that_the_sdk_skips_is_lost() -> None:
    body = sse([DELTA, {"type": "news", "text": "a"}])
    found = parsed(exchange(CHAT, body, headers=SSE, request=ASKED | {"stream": True}))
    assert found.lost == ("<news>",)


def test_an_event_with_a_value_that_the_sdk_rejects_is_lost() -> None:
    """Events are validated, unlike responses: the SDK logs one that is invalid, and goes on."""
    wrong = DELTA | {"index": "zero"}
    found = parsed(exchange(CHAT, sse([DELTA, wrong]), headers=SSE, request=ASKED | {"stream": True}))
    assert (found.raised, found.lost) == ("", ("<content-delta>",))


def test_a_stream_that_was_recorded_as_events_is_parsed() -> None:
    events = [StreamEvent('{"type": "news"}', "news")]
    made = exchange(CHAT, None, headers=SSE, request=ASKED | {"stream": True}, events=events)
    assert parsed(made).lost == ("<news>",)


@pytest.mark.parametrize(
    "made",
    [
        exchange(CHAT, None, request=ASKED),
        Exchange(
            exchange(CHAT, request=ASKED).request,
            Response(200, JSON, b"{", failure=Failure(FailureKind.RESET, "the connection was reset")),
            exchange(CHAT).source,
        ),
    ],
)
def test_what_is_incomplete_is_not_parsed(made: Exchange) -> None:
    """No body, and a connection that was reset."""
    assert parse_with_sdk(made, CHAT) is None


def test_a_request_that_accepts_json_only_gets_what_the_sdk_gets() -> None:
    """The SDK accepts everything; a stream of another framing is another response."""
    accepts = (("accept", "application/json"),)
    assert chat(b"{", request_headers=accepts).raised == "ApiError (JSONDecodeError)"
    lines = exchange(
        CHAT,
        b"{}\n",
        headers=(("content-type", "application/stream+json"),),
        request=ASKED | {"stream": True},
        request_headers=(("accept", "application/stream+json"),),
    )
    assert parse_with_sdk(lines, CHAT) is None


@pytest.mark.parametrize("name", ["a%0D", "%00", "a%0A%7F", "%ED%A0%80", "..%2F", "%"])
def test_a_request_that_the_sdk_cannot_send_has_a_response_that_it_parses(name: str) -> None:
    """The fuzzer asks for models whose names no URL of the SDK can have: it raises before it sends."""
    made = exchange("GET /v1/models/{model}", {"message": "x"}, status=500)
    request = msgspec.structs.replace(made.request, url=f"https://api.cohere.com/v1/models/{name}")
    found = parsed(msgspec.structs.replace(made, request=request), "GET /v1/models/{model}")
    assert found.raised == "InternalServerError"


def test_an_operation_without_a_method_is_not_parsed() -> None:
    assert parse_with_sdk(exchange("POST /v9/new", REPLY, request=ASKED), "POST /v9/new") is None


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (1, float, True),
        (True, int, False),
        (1, bool, False),
        (None, str, False),
        (None, str | None, True),
        (["a"], list[str], True),
        ([1], list[str], False),
        ({}, dict[str, int], True),
        ("x", Any, True),
    ],
)
def test_values_fit_types(value: object, annotation: Any, expected: bool) -> None:
    assert fits(value, annotation) is expected


# -- why it raises


def explained(body: Any, label: str = CHAT, asked: Any = ASKED) -> SdkParse:
    (found,) = SdkParsers(python=True)(exchange(label, body, request=asked), label)
    return found


def test_what_else_is_wrong_has_its_own_effect() -> None:
    found = explained(REPLY | {"id": None, "message": "hi"})
    assert (found.raised, found.raised_at) == ("TypeError", "/message")
    assert (found.lost, found.mistyped) == ((), ("/id",))


@pytest.mark.parametrize(
    ("results", "at"),
    [(["text"], "/results/*"), (["text", "text"], "/results"), ([{"index": 0}, "text"], "/results/*")],
)
def test_the_smallest_part_that_makes_the_sdk_raise_is_found(results: Any, at: str) -> None:
    """Without one of two wrong items it still raises, without both it does not."""
    found = explained({"results": results}, RERANK, SEARCH)
    assert (found.raised, found.raised_at) == ("TypeError", at)


def test_an_exception_because_of_what_is_missing_has_no_such_part() -> None:
    floats = {"id": "i", "texts": ["a"], "embeddings": [[0.1]]}
    found = explained(floats, EMBED, {"model": "m", "texts": ["a"]})
    assert (found.raised, found.raised_at) == ("AttributeError", "")


@pytest.mark.parametrize("body", [b"{", [1], REPLY])
def test_without_an_object_or_an_exception_there_is_no_such_part(body: Any) -> None:
    assert explained(body).raised_at == ""
