"""Comparison with the golden response: every difference of meaning is found, and nothing else."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import (
    API,
    JSON,
    NDJSON,
    SSE,
    UUID,
    block,
    chat_v1,
    chat_v2,
    citation,
    exchange,
    lines,
    plan,
    sse,
    tool_call,
)
from builders import events as recorded_events
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cohere_conformance.contract import load_contract
from cohere_conformance.golden.compare import compare
from cohere_conformance.golden.compare.loading import shipped_rules
from cohere_conformance.golden.compare.masks import Like, Mask
from cohere_conformance.model import Failure, FailureKind, Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.model import Exchange, Finding, Headers

CONTRACT = load_contract()
RULES = shipped_rules()
OTHER = "0b0e0dd1-77aa-4b52-8f7f-111111111111"
RERANK = "POST /v2/rerank"
CHAT = "POST /v2/chat"
CHAT_V1 = "POST /v1/chat"
EXPOSED = "access-control-expose-headers"
NO_RULES = "GET /v9/anything"
"""No operation, so that no rule is about it."""


def differences(
    golden: Exchange,
    fresh: Exchange,
    case: str = "",
    then: Mapping[str, str] | None = None,
    now: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    return compare(CONTRACT, RULES, case, golden, fresh, golden_values=then or {}, fresh_values=now or {})


def compared(
    call: str, golden: Any, fresh: Any, case: str = "", headers: Headers = JSON, **further: Any
) -> list[tuple[str, str, str, str]]:
    """Return place, kind, expectation and observation of every difference between two bodies."""
    found = differences(
        exchange(call, golden, headers=headers), exchange(call, fresh, headers=headers), case, **further
    )
    assert all(finding.kind is Kind.GOLDEN_CHANGED and finding.operation == call for finding in found)
    return [(one.location, one.value_class, one.expected, one.observed) for one in found]


def kinds(*arguments: Any, **further: Any) -> list[tuple[str, str]]:
    return [(location, what) for location, what, _, _ in compared(*arguments, **further)]


def reranked(*scores: float, order: Iterable[int] | None = None, **further: Any) -> dict[str, Any]:
    indexes = range(len(scores)) if order is None else order
    results = [
        {"index": index, "relevance_score": score} for index, score in zip(indexes, scores, strict=True)
    ]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": UUID, "results": results, "meta": meta} | further


# -- the kinds of differences


def test_differences_that_rules_allow_are_not_reported() -> None:
    assert compared(RERANK, reranked(0.9, 0.1), reranked(0.9004, 0.1, id=OTHER)) == []


@pytest.mark.parametrize(
    ("golden", "fresh", "expected"),
    [
        pytest.param(
            reranked(0.9),
            {key: value for key, value in reranked(0.9).items() if key != "meta"},
            ("/meta", "missing", '{"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}',
             "no such property"),
            id="missing",
        ),
        pytest.param(
            reranked(0.9), reranked(0.9, warm=True),
            ("/warm", "new", "no such property", "true"), id="new",
        ),
        pytest.param(
            reranked(0.9), reranked(0.9, results=[{"index": "0", "relevance_score": 0.9}]),
            ("/results/*/index", "type", "integer 0", 'string "0" (at /results/0/index)'), id="type",
        ),
        pytest.param(
            reranked(0.9), reranked(0.9, order=[0.5]),
            ("/results/*/index", "type", "integer 0", "number 0.5 (at /results/0/index)"), id="fraction",
        ),
        pytest.param(
            reranked(0.9), reranked(0.9, id=None), ("/id", "type", f'string "{UUID}"', "null"), id="null",
        ),
        pytest.param(
            reranked(0.9, 0.1), reranked(0.9, 0.1, order=[0, 3]),
            ("/results/*/index", "value", "1", "3 (at /results/1/index)"), id="value",
        ),
        pytest.param(
            reranked(0.9, 0.1), reranked(0.9, 0.2),
            ("/results/*/relevance_score", "value", "0.1 ± 0.001", "0.2 (at /results/1/relevance_score)"),
            id="tolerance",
        ),
        pytest.param(
            reranked(0.9, 0.1), reranked(0.9), ("/results", "length", "2 elements", "1 element"), id="length",
        ),
        pytest.param(
            reranked(0.9), reranked(0.9, id=""), ("/id", "value", "text that is not empty", '""'), id="mask",
        ),
        pytest.param(
            reranked(0.9), b'{"id": ', ("", "malformed", "a complete JSON value",
            'the text ends within it, after "{\\"id\\": "'), id="malformed",
        ),
    ],
)  # fmt: skip
def test_one_difference_is_one_finding(golden: Any, fresh: Any, expected: tuple[str, ...]) -> None:
    assert compared(RERANK, golden, fresh) == [expected]


def test_values_of_lists_of_different_length_are_not_compared() -> None:
    assert kinds(NO_RULES, {"a": [1, 2]}, {"a": [3, 4, 5]}) == [("/a", "length")]
    assert kinds(NO_RULES, {"a": [1, 2]}, {"a": ["x"]}) == [("/a", "length"), ("/a/*", "type")]


def test_numbers_are_one_type() -> None:
    assert compared(RERANK, reranked(1.0, order=[0]), reranked(1, order=[0.0])) == []


def test_a_boolean_is_not_a_number() -> None:
    assert kinds(NO_RULES, {"a": [1, 0]}, {"a": [True, False]}) == [("/a/*", "type")]
    assert kinds(NO_RULES, {"a": 1}, {"a": True}) == [("/a", "type")]


def test_one_change_at_many_positions_is_one_finding() -> None:
    [(location, what, expected, observed)] = compared(
        RERANK, reranked(0.9, 0.8, 0.1), reranked(0.5, 0.8, 0.3)
    )
    assert (location, what) == ("/results/*/relevance_score", "value")
    assert expected == "0.9 ± 0.001"
    assert observed == "0.5 (first at /results/0/relevance_score, 2 times)"


def test_another_status_is_the_only_finding() -> None:
    fresh = exchange(RERANK, {"message": "model 'x' was removed"}, status=404)
    [finding] = differences(exchange(RERANK, reranked(0.9)), fresh)
    assert (finding.location, finding.value_class, finding.status) == ("", "status", 404)
    assert (finding.expected, finding.observed) == ("status 200", "404: model 'x' was removed")


def test_an_incomplete_response_is_the_only_finding() -> None:
    whole = exchange(RERANK, reranked(0.9))
    failure = Failure(FailureKind.RESET, "the connection was reset in the middle of the body")
    fresh = msgspec.structs.replace(whole, response=msgspec.structs.replace(whole.response, failure=failure))
    [finding] = differences(whole, fresh)
    assert (finding.value_class, finding.expected, finding.observed) == (
        "broken", "a complete response", failure.detail,
    )  # fmt: skip


def test_a_new_property_is_additive() -> None:
    golden = exchange(RERANK, reranked(0.9))
    news = exchange(RERANK, reranked(0.9, extra=1), headers=(*JSON, ("x-api-warning", "soon")))
    assert {(one.location, one.severity) for one in differences(golden, news)} == {
        ("/extra", Severity.ADDITIVE),
        ("header:x-api-warning", Severity.ADDITIVE),
    }
    assert {one.severity for one in differences(news, golden)} == {Severity.BREAKING}


def test_long_texts_are_shortened_around_the_difference() -> None:
    text = "A sentence that both of them have in common. " * 5
    [(_, _, expected, observed)] = compared(NO_RULES, {"a": text + "this"}, {"a": text + "that"})
    assert expected == '"…m have in common. this"'
    assert observed == '"…m have in common. that"'


def test_secrets_are_not_shown() -> None:
    [(_, _, expected, observed)] = compared(NO_RULES, {"api_key": "then"}, {"api_key": 7})
    assert "then" not in expected + observed


def test_bodies_that_are_not_json_are_compared_as_text() -> None:
    assert kinds(NO_RULES, b"<html>then</html>", b"<html>then</html>") == []
    [(location, what, expected, observed)] = compared(NO_RULES, b"<p>then</p>", b"<p>now</p>")
    assert (location, what, expected, observed) == ("", "value", '"<p>then</p>"', '"<p>now</p>"')
    assert kinds(NO_RULES, b"", b"{}") == [("", "value")]
    assert kinds(NO_RULES, b"\xff\xfe", b"\xff\xfe") == []


def test_parts_that_were_not_recorded_are_not_compared() -> None:
    assert compared(RERANK, None, reranked(0.9)) == []
    assert compared(RERANK, reranked(0.9), None) == []
    assert differences(exchange(RERANK, {}, headers=()), exchange(RERANK, {}, headers=JSON)) == ()


def test_nesting_is_not_limited() -> None:
    deep: list[Any] = []
    for _ in range(600):
        deep = [deep]
    deeper: list[Any] = [json.loads(json.dumps(deep))]
    assert compared(NO_RULES, deep, deep) == []
    assert [what for _, what in kinds(NO_RULES, deep, deeper)] == ["length"]


def test_names_that_are_free_are_folded() -> None:
    def body(**labels: float) -> dict[str, Any]:
        scores = {name: {"confidence": value} for name, value in labels.items()}
        return {"id": UUID, "classifications": [{"id": UUID, "labels": scores}]}

    assert compared("POST /v1/classify", body(praise=0.5), body(praise=0.5005)) == []
    [(location, what)] = kinds("POST /v1/classify", body(praise=0.5, blame=0.5), body(praise=0.6, blame=0.4))
    assert (location, what) == ("/classifications/*/labels/{}/confidence", "value")


# -- headers


@pytest.mark.parametrize(
    ("golden", "fresh", "expected"),
    [
        ({}, {"content-type": "application/json; charset=utf-8"}, []),
        ({}, {"content-type": "text/html"}, ["header:content-type"]),
        ({"x-debug-trace-id": "a"}, {"x-debug-trace-id": "b"}, []),
        ({"x-debug-trace-id": "12"}, {"x-debug-trace-id": "13"}, []),
        ({"x-debug-trace-id": "a"}, {"x-debug-trace-id": ""}, ["header:x-debug-trace-id"]),
        ({"x-debug-trace-id": "a"}, {}, ["header:x-debug-trace-id"]),
        ({"num_tokens": "4"}, {"num_tokens": "4"}, []),
        ({"num_tokens": "4"}, {"num_tokens": "5"}, ["header:num_tokens"]),
        ({"num_tokens": "4"}, {"num_tokens": "many"}, ["header:num_tokens"]),
        ({"x-api-warning": "a"}, {"x-api-warning": "b"}, []),
        ({"x-trial-endpoint-call-limit": "40"}, {}, []),
        ({"server": "envoy"}, {"server": "nginx", "via": "1.1 google"}, []),
    ],
)
def test_headers(golden: dict[str, str], fresh: dict[str, str], expected: list[str]) -> None:
    one, other = (
        exchange("POST /v2/embed", {}, headers=tuple((dict(JSON) | fields).items()))
        for fields in (golden, fresh)
    )
    assert [finding.location for finding in differences(one, other)] == expected


@pytest.mark.parametrize(
    ("fresh", "locations"), [("9", []), ("0", ["header:num_tokens"]), ("many", ["header:num_tokens"])]
)
def test_a_number_in_a_header(fresh: str, locations: list[str]) -> None:
    one, other = (exchange(CHAT, {}, headers=(*JSON, ("num_tokens", text))) for text in ("4", fresh))
    assert [finding.location for finding in differences(one, other)] == locations


def test_a_repeated_header() -> None:
    once = exchange(RERANK, {}, headers=(*JSON, ("x-api-warning", "a")))
    twice = exchange(RERANK, {}, headers=(*JSON, ("x-api-warning", "a"), ("x-api-warning", "b")))
    [finding] = differences(once, twice)
    assert (finding.value_class, finding.expected, finding.observed) == (
        "header", "1 times: a", "2 times: a, b",
    )  # fmt: skip


def test_a_rule_for_a_case_has_precedence() -> None:
    one, other = (
        exchange(RERANK, {}, headers=(*JSON, ("x-trial-endpoint-call-limit", limit)))
        for limit in ("40", "10")
    )
    assert differences(one, other, "rerank.v2.plain") == ()
    [finding] = differences(one, other, "rerank.v2.trial-key")
    assert finding.location == "header:x-trial-endpoint-call-limit"


# -- how alike values are


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.mark.parametrize(
    ("mask", "golden", "alike", "unlike"),
    [
        (Mask(), "a", ["a"], ["b", ""]),
        (Mask(), 1, [1, 1.0], [2]),
        (Mask(), 10**400, [10**400], [10**400 + 1]),
        (Mask(Like.ID), "a", ["b", "long"], ["", "  "]),
        (Mask(Like.ID), "", [""], ["b"]),
        (Mask(Like.TEXT), "a", ["b"], [""]),
        (
            Mask(Like.TIME),
            "2026-11-01T03:00:00Z",
            ["2026-11-02T03:00:00.5+01:00"],
            ["2026-11-01", "soon", ""],
        ),
        (Mask(Like.TIME), "", [""], ["2026-11-01T03:00:00Z"]),
        (Mask(Like.NUMBER), 3, [5, 0.5], [0, -1]),
        (Mask(Like.NUMBER), 0, [0.0], [1]),
        (Mask(Like.JSON), '{"a": 1}', ['{"a":"x"}'], ['{"a": 1, "b": 2}', "{}", '{"a": ', "[1]", ""]),
        (Mask(Like.JSON), "null", ["null"], ["{}", "7"]),
        (
            Mask(Like.URL),
            "https://a/b?x=1&y=2",
            ["https://c/d?y=&x=9"],
            ["http://a/b?x=1&y=2", "https://a/b"],
        ),
        (Mask(Like.ANY), "a", ["", "b"], []),
        (Mask(Like.SHAPE), 3, [0, -1], []),
        (Mask(within=0.1), 1.0, [1.05, 1], [1.2, 0.8]),
        (Mask(within=0.1), 10**400, [10**400], [0.5]),
        (Mask(within=0.1), packed(1, 2), [packed(1.05, 2)], [packed(1, 2.2), packed(1), "no base64", ""]),
        (Mask(among=("A", "B")), "A", ["A", "B"], ["C"]),
        (Mask(among=("A", "B")), "C", ["C"], ["A", "D"]),
    ],
)
def test_masks(mask: Mask, golden: Any, alike: list[Any], unlike: list[Any]) -> None:
    assert [value for value in alike if not mask.alike(golden, value)] == []
    assert [value for value in unlike if mask.alike(golden, value)] == []


def test_some_bits_may_differ() -> None:
    def body(*values: int) -> dict[str, Any]:
        return {"id": UUID, "embeddings": {"ubinary": [list(values)]}}

    call, many = "POST /v2/embed", [255] * 32
    assert compared(call, body(*many), body(*many[1:], 254)) == []
    [(location, what, _, observed)] = compared(call, body(*many), body(*many[4:], 0, 0, 0, 0))
    assert (location, what) == ("/embeddings/ubinary/*", "value")
    assert observed == "12% of the bits are others (at /embeddings/ubinary/0)"
    assert kinds(call, body(*many), body(*many[1:], 25.5)) == [("/embeddings/ubinary/*/*", "type")]  # type: ignore[arg-type]
    assert kinds(call, body(*many), body(*many[1:])) == [("/embeddings/ubinary/*", "length")]


def test_redacted_values_are_not_compared() -> None:
    assert compared(NO_RULES, {"url": "[redacted]"}, {"url": "https://a/b"}) == []
    assert kinds(NO_RULES, {"url": "[redacted]"}, {"url": ""}) == [("/url", "value")]


# -- lists that grow


def models(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"models": [{"name": "a", "endpoints": ["chat"], "features": None} | one for one in listed]}


@pytest.mark.parametrize(
    ("fresh", "expected"),
    [
        (models({}, {"name": "b"}), []),
        (models(), []),
        (models({"endpoints": []}, {"endpoints": ["chat", "rerank"]}), []),
        (models({"sampling_defaults": {}}), []),
        (models({}, {"name": 7}), [("/models/*/name", "type")]),
        (models({}, {"taste": 7}), [("/models/*/taste", "new")]),
        ({"models": [{"name": "a", "endpoints": []}]}, [("/models/*/features", "missing")]),
        ({"models": {}}, [("/models", "type")]),
    ],
)
def test_of_a_growing_list_only_shapes_are_compared(
    fresh: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert kinds("GET /v1/models", models({"sampling_defaults": {}}), fresh) == expected


def test_in_a_list_of_any_length_every_value_must_be_known() -> None:
    def cited(*types: str) -> dict[str, Any]:
        return {
            "id": UUID,
            "message": {"citations": [{"type": name, "start": 1, "end": 2} for name in types]},
        }

    assert compared(CHAT, cited("TEXT_CONTENT"), cited("TEXT_CONTENT", "TEXT_CONTENT")) == []
    [difference] = compared(CHAT, cited("TEXT_CONTENT", "PLAN"), cited("PLAN", "WORD"))
    assert difference == ("/message/citations/*/type", "value", '"TEXT_CONTENT" or "PLAN"', '"WORD"')
    assert kinds(CHAT, cited("PLAN"), cited()) == [("/message/citations", "length")]


# -- placeholders


def test_values_of_placeholders_may_differ() -> None:
    then, now = {"datasets.small.id": "small-1"}, {"datasets.small.id": "small-22"}

    def body(name: str) -> dict[str, Any]:
        return {"text": f"dataset {name} is gone; see {name}-part-0"}

    call = "POST /v1/detokenize"
    assert compared(call, body("small-1"), body("small-22"), then=then, now=now) == []
    assert kinds(call, body("small-1"), body("small-1"), then=then, now=now) == [("/text", "value")]
    assert kinds(call, body("small-1"), body("small-22")) == [("/text", "value")]


def test_a_placeholder_is_not_replaced_within_a_word() -> None:
    values = {"then": {"run": "ab"}, "now": {"run": "xy"}}
    assert compared(NO_RULES, {"a": "cab ab"}, {"a": "cab xy"}, **values) == []


def test_placeholders_in_headers() -> None:
    one, other = (exchange("GET /v1/models", {}, headers=(*JSON, (EXPOSED, text))) for text in ("ab", "xy"))
    assert differences(one, other, "", {"run": "ab"}, {"run": "xy"}) == ()
    assert [finding.value_class for finding in differences(one, other)] == ["header"]


def test_placeholders_in_plain_bodies() -> None:
    golden = exchange(NO_RULES, b"gone: ab", headers=(("content-type", "text/plain"),))
    fresh = exchange(NO_RULES, b"gone: xy", headers=(("content-type", "text/plain"),))
    assert differences(golden, fresh, then={"run": "ab"}, now={"run": "xy"}) == ()


# -- streams


def streamed(golden: Any, fresh: Any, case: str = "") -> list[tuple[str, str, str, str]]:
    one, other = (made if isinstance(made, bytes) else sse(made) for made in (golden, fresh))
    return compared(CHAT, one, other, case, SSE)


WHOLE = chat_v2(*block("Hi", " there"))
CITED = chat_v2(*block("Hi", " there", inside=citation()))


@pytest.mark.parametrize(
    ("golden", "fresh"),
    [
        (WHOLE, chat_v2(*block("Hello", " over", " there"))),
        (CITED, chat_v2(*block("Hi", inside=[*citation(), *block(" there")[1:2], *citation(1, "Ho")]))),
        (WHOLE, b": a comment\n\n" + sse(WHOLE)),
        (WHOLE, chat_v2(*block("Hi"), finish="MAX_TOKENS")),
        (chat_v2(plan(), *tool_call("{}")), chat_v2(plan("I"), plan(" look."), *tool_call("{", "}"))),
    ],
)  # fmt: skip
def test_streams_that_mean_the_same(golden: Any, fresh: Any) -> None:
    assert streamed(golden, fresh) == []


@pytest.mark.parametrize(
    ("fresh", "expected"),
    [
        pytest.param(
            WHOLE[:-1],
            ("<message-end>", "order", "content-end, then message-end", "content-end, then [DONE]"),
            id="without-end",
        ),
        pytest.param(
            sse(WHOLE, end=None),
            ("<[DONE]>", "order", "message-end, then [DONE]", "message-end, then the end of the stream"),
            id="without-terminator",
        ),
        pytest.param(
            WHOLE[1:],
            ("<message-start>", "order", "first message-start", "first content-start"),
            id="without-start",
        ),
        pytest.param(
            CITED,
            ("<content-delta>", "order", "content-start, then content-delta in any number",
             "content-start, then citation-end, citation-start and content-delta in any number"),
            id="citations",
        ),
        pytest.param(
            chat_v2(*block("Hi"), finish="STOP_SEQUENCE"),
            ("<message-end>/delta/finish_reason", "value", 'one of "COMPLETE", "MAX_TOKENS"',
             '"STOP_SEQUENCE"'),
            id="payload",
        ),
        pytest.param(
            chat_v2(*block("Hi", kind="thinking")),
            ("<content-start>/delta/message/content/type", "value", '"text"', '"thinking"'),
            id="kind-of-block",
        ),
        pytest.param(
            chat_v2(*block("", "")),
            ("/message/content/*/text", "value", "text that is not empty", '"" (at /message/content/0/text)'),
            id="sum",
        ),
        pytest.param(
            sse(WHOLE).replace(b"event: content-end\n", b""),
            ("", "value", "event: content-end", "no event line"),
            id="name",
        ),
    ],
)  # fmt: skip
def test_streams_that_differ(fresh: Any, expected: tuple[str, ...]) -> None:
    assert expected in streamed(WHOLE, fresh)


def test_a_case_may_have_a_rule_for_the_end_of_its_stream() -> None:
    fresh = chat_v2(*block("Hi"), finish="MAX_TOKENS")
    [(location, what, expected, observed)] = streamed(WHOLE, fresh, "chat.v2.stream")
    assert (location, what) == ("<message-end>/delta/finish_reason", "value")
    assert (expected, observed) == ('"COMPLETE"', '"MAX_TOKENS"')


def test_streams_that_were_recorded_as_events() -> None:
    split = exchange(CHAT, headers=SSE, events=recorded_events(WHOLE))
    assert differences(split, split) == ()
    [finding] = differences(split, exchange(CHAT, headers=SSE, events=recorded_events(WHOLE[:-1])))
    assert finding.value_class == "order"


def test_a_stream_and_a_body_differ() -> None:
    golden = exchange(CHAT, sse(WHOLE), headers=SSE)
    [media_type, framing] = differences(golden, exchange(CHAT, {"id": UUID}))
    assert (media_type.value_class, media_type.expected) == ("media-type", "text/event-stream")
    assert (framing.value_class, framing.expected, framing.observed) == (
        "type", "a stream", "a body that is no stream",
    )  # fmt: skip


def test_rules_of_the_response_apply_to_the_last_event() -> None:
    def body(*pieces: str, **whole: Any) -> bytes:
        made = chat_v1(*pieces)
        made[-1]["response"] |= whole
        return lines(made)

    assert kinds(CHAT_V1, body("a", "b"), body("a", response_id=OTHER), headers=NDJSON) == []
    assert kinds(CHAT_V1, body("a"), body("a", text=""), headers=NDJSON) == [
        ("<stream-end>/response/text", "value")
    ]
    assert kinds(CHAT_V1, body("a"), body("a", is_search_required=True), headers=NDJSON) == [
        ("<stream-end>/response/is_search_required", "new")
    ]


def test_an_event_without_type_is_named_by_its_text() -> None:
    [difference] = streamed(WHOLE, sse(WHOLE[:-1]) + b"data: oops\n\n")
    assert difference == (
        "<message-end>",
        "order",
        "content-end, then message-end",
        "content-end, then [DONE]",
    )
    assert streamed(b"data: oops\n\n", b"data: oops\n\n") == []


# -- properties

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text("ab", max_size=3)
BODIES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(BODIES, st.sampled_from([*CONTRACT.operations, NO_RULES]))
def test_equivalent_responses_are_equal(body: Any, call: str) -> None:
    method, path = call.split(" ")
    made = exchange(f"{method} {API}{path.replace('{', '').replace('}', '')}", body)
    assert differences(made, made) == ()


@settings(deadline=None)
@given(st.lists(st.sampled_from([*WHOLE, *CITED, "oops", ""]), max_size=8))
def test_equivalent_streams_are_equal(payloads: list[Any]) -> None:
    made = exchange(CHAT, sse(payloads), headers=SSE)
    assert differences(made, made) == ()


def changed(body: Any, draw: st.DrawFn) -> Any:
    """Return the body with a single value in it replaced, added or taken away."""
    if isinstance(body, dict) and body and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(body)))
        if draw(st.integers(0, 3)) == 0:
            return {key: value for key, value in body.items() if key != name}
        return body | {name: changed(body[name], draw)}
    if isinstance(body, list) and body and draw(st.booleans()):
        index = draw(st.integers(0, len(body) - 1))
        if draw(st.integers(0, 3)) == 0:
            return body[:index] + body[index + 1 :]
        return [*body[:index], changed(body[index], draw), *body[index + 1 :]]
    return draw(BODIES)


@st.composite
def mutations(draw: st.DrawFn) -> tuple[Any, Any]:
    body = draw(BODIES)
    return body, changed(body, draw)


def plain(value: Any) -> Any:
    """Return a value so that two of them are equal where they mean the same."""
    match value:
        case bool() | None | str():
            return (type(value).__name__, value)
        case int() | float():
            return ("number", float(value))
        case list():
            return [plain(item) for item in value]
        case _:
            return {key: plain(item) for key, item in value.items()}


@settings(deadline=None)
@given(mutations())
def test_every_mutation_is_found(bodies: tuple[Any, Any]) -> None:
    golden, fresh = bodies
    assume(plain(golden) != plain(fresh))
    assert compared(NO_RULES, {"body": golden}, {"body": fresh}) != []
