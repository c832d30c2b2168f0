"""A stream: its events by their schemas, their order by the grammar, and the folded response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import (
    JSON,
    NDJSON,
    SSE,
    UUID,
    block,
    chat_v1,
    chat_v2,
    citation,
    events,
    exchange,
    frame,
    judged,
    lines,
    plan,
    reported,
    sse,
    tool_call,
)

from cohere_conformance.checks.fold import fold_of
from cohere_conformance.checks.framing import sniff, split
from cohere_conformance.errors import ContractError
from cohere_conformance.model import Severity, StreamEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Headers

Event = dict[str, Any]
Reported = list[tuple[str, str, str]]
V2, V1, GENERATE = "POST /v2/chat", "POST /v1/chat", "POST /v1/generate"

TEXT = chat_v2(*block("Hi", " there"))
WHOLE = chat_v2(
    *block("Hm", kind="thinking"),
    *block("Hi", " there", index=1, inside=[*citation(0), *citation(1)]),
    plan("I will"),
    plan(" look."),
    *tool_call('{"q":', ' "x"}'),
    *tool_call(index=1),
    finish="TOOL_CALL",
)
UNTERMINATED = ("stream-unterminated", "", "no-final-event")
NO_TERMINATOR = ("stream-unterminated", "", "no-terminator")


def streamed(contract: Contract, body: bytes, headers: Headers = SSE, call: str = V2) -> Reported:
    return reported(judged(contract, exchange(call, body, headers=headers)))


def changed(stream: Iterable[Event], name: str, **changes: Any) -> list[Event]:
    """Return the stream with other values in every event of that name; `...` takes a value out."""
    out = []
    for event in stream:
        made = event | changes if name in {event.get("type"), event.get("event_type")} else event
        out.append({key: value for key, value in made.items() if value is not ...})
    return out


# -- from bytes to events


def frames(text: str) -> list[tuple[str | None, str]]:
    return [(event.event, event.data) for event in split(text, "sse")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event: a\ndata: 1\n\n", [("a", "1")]),
        ("data: 1\nevent: a\n\n", [("a", "1")]),
        ("event:a\ndata:1\n\n", [("a", "1")]),
        ("event: a\ndata:  1\n\n", [("a", " 1")]),
        ("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", [("a", "1"), (None, "2")]),
        ("event: a\rdata: 1\r\rdata: 2\r\r", [("a", "1"), (None, "2")]),
        ("data: 1\ndata: 2\n\n", [(None, "1\n2")]),
        ("event: message\ndata: 1\n\n", [(None, "1")]),
        (": comment\n\nevent: a\n: more\ndata: 1\n\n", [("a", "1")]),
        (":\n\n\n\ndata: 1\n\n\n\n\n", [(None, "1")]),
        ("event: ping\n\ndata: 1\n\n", [(None, "1")]),
        ("event: ping\ndata:\n\ndata: 1\n\n", [(None, "1")]),
        ("id: 7\nretry: 100\ndata: 1\n\n", [(None, "1")]),
        ("colour: red\ndata: 1\n\n", [(None, "1")]),
        ("event: a\ndata: 1\n\nevent: b\ndata: 2", [("a", "1"), ("b", "2")]),
        ("event: a\ndata: 1\n", [("a", "1")]),
        ("\ufeffevent: a\ndata: 1\n\n", [("a", "1")]),
        (
            "data: x\u2028y\u2029z\u0085\u000b\u000c\u001c!\n\n",
            [(None, "x\u2028y\u2029z\u0085\u000b\u000c\u001c!")],
        ),
        ("data: \U0001f600\u00e9\n\n", [(None, "\U0001f600\u00e9")]),
        ("", []),
        ("\n\n\n", []),
        ("no stream at all", []),
    ],
)
def test_server_sent_events_are_cut_by_their_own_rules(
    text: str, expected: list[tuple[str | None, str]]
) -> None:
    assert frames(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}\n{"a": 2}\n', ['{"a": 1}', '{"a": 2}']),
        ('{"a": 1}\n{"a": 2}', ['{"a": 1}', '{"a": 2}']),
        ('{"a": 1}\r\n{"a": 2}\r\n', ['{"a": 1}\r', '{"a": 2}\r']),
        ('\n\n{"a": "x\u2028y"}\n \n', ['{"a": "x\u2028y"}']),
        ("", []),
    ],
)
def test_lines_of_json_are_cut_at_line_feeds(text: str, expected: list[str]) -> None:
    assert [(event.event, event.data) for event in split(text, "ndjson")] == [
        (None, data) for data in expected
    ]


@pytest.mark.parametrize(
    ("text", "framing"),
    [
        ("event: a\ndata: 1\n\n", "sse"),
        ("\ufeff\n: hello\n", "sse"),
        ("data: [DONE]", "sse"),
        ('{"a": 1}\n{"b": 2}\n', "ndjson"),
        ('{"a": 1}\n', "json"),
        ('{\n  "a": 1\n}\n', "json"),
        ("[1]\n[2]\n", "json"),
        ("", "json"),
        ("<html>\n", "json"),
    ],
)
def test_an_undeclared_framing_is_recognised(text: str, framing: str) -> None:
    assert sniff(text) == framing


# -- what conforms


@pytest.mark.parametrize(
    ("call", "headers", "body"),
    [
        (V2, SSE, sse(chat_v2())),
        (V2, SSE, sse(TEXT)),
        (V2, SSE, sse(WHOLE)),
        (V2, SSE, sse(WHOLE, line="\r\n")),
        (V2, SSE, b"\xef\xbb\xbf" + sse(WHOLE)),
        (V2, SSE, b": hello\n\n" + sse(TEXT).replace(b"event: content-delta", b":\n\nevent: content-delta")),
        (V2, SSE, sse(TEXT).replace(b"data: [DONE]", b"event: ping\ndata:\n\ndata: [DONE]")),
        (V2, SSE, sse(TEXT).rstrip(b"\n")),
        (V2, SSE, sse(TEXT, end=" [DONE] ")),
        (V2, SSE, sse(chat_v2(*block("a\u2028b\u2029\u0085c")))),
        (V2, SSE, sse([{"type": "debug", "prompt": "p"}, *TEXT])),
        (V2, SSE, sse(chat_v2(*tool_call(), finish="TOOL_CALL"))),
        (V2, SSE, sse(chat_v2(finish="ERROR"))),
        (V2, NDJSON, lines(WHOLE)),
        (V2, NDJSON, lines(WHOLE, "\r\n")),
        (V2, (("content-type", "text/event-stream; charset=utf-8"),), sse(TEXT)),
        (V1, NDJSON, lines(chat_v1("Hi", " there"))),
        (V1, NDJSON, lines(chat_v1("Hi")).rstrip(b"\n")),
        (V1, SSE, sse(chat_v1("Hi", " there"), end=None)),
    ],
    ids=[
        "empty",
        "text",
        "whole",
        "crlf",
        "byte-order-mark",
        "comments",
        "keep-alive",
        "no-blank-line",
        "blanks",
        "line-separators",
        "debug",
        "call-without-arguments",
        "error",
        "lines",
        "lines-crlf",
        "charset",
        "v1-lines",
        "v1-no-line-feed",
        "v1-sse",
    ],
)
def test_a_stream_that_conforms(amended: Contract, call: str, headers: Headers, body: bytes) -> None:
    assert streamed(amended, body, headers, call) == []


def test_events_that_the_recorder_has_split(amended: Contract) -> None:
    assert reported(judged(amended, exchange(V2, headers=SSE, events=events(WHOLE)))) == []
    assert reported(judged(amended, exchange(V2, headers=(), events=events(WHOLE)))) == []
    assert reported(judged(amended, exchange(V2, headers=SSE, events=events(WHOLE)[:-1]))) == [NO_TERMINATOR]
    unnamed = [StreamEvent(json.dumps(event)) for event in WHOLE]
    assert reported(judged(amended, exchange(V2, headers=NDJSON, events=unnamed))) == []


def test_split_and_whole_streams_are_judged_alike(amended: Contract) -> None:
    wrong = changed(WHOLE, "content-delta", index=7, more=1)[:-1]
    whole = judged(amended, exchange(V2, sse(wrong), headers=SSE))
    assert whole == judged(amended, exchange(V2, headers=SSE, events=events(wrong))) != []


def test_events_are_judged_whatever_media_type_was_recorded(amended: Contract) -> None:
    wrong = events(changed(TEXT, "message-end", delta={"finish_reason": "DONE"}))
    found = reported(judged(amended, exchange(V2, headers=JSON, events=wrong)))
    assert ("enum-unknown", "<message-end>/delta/finish_reason", '"DONE"') in found


# -- each event by its schema


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (
            changed(TEXT, "content-delta", more=1),
            [("property-undocumented", "<content-delta>/more", "")],
        ),
        (
            changed(TEXT, "message-end", delta={"finish_reason": "done"}),
            [("enum-unknown", "<message-end>/delta/finish_reason", '"done"')],
        ),
        (
            changed(TEXT, "content-delta", delta={"message": {"content": {"text": None}}}),
            [("null-unexpected", "<content-delta>/delta/message/content/text", "null")],
        ),
        (
            changed(TEXT, "content-start", index="0"),
            [
                ("stream-order", "<content-start>/index", "index:content"),
                ("type-changed", "<content-start>/index", "string"),
            ],
        ),
        (
            changed(
                WHOLE, "citation-start", delta={"message": {"citations": {"sources": [{"type": "web"}]}}}
            ),
            [("union-unmatched", "<citation-start>/delta/message/citations/sources/*/type", '"web"')],
        ),
        (
            [TEXT[0], {"type": "made/up~"}, *TEXT[1:]],
            [("stream-event-unknown", "<made~1up~0>", '"made/up~"')],
        ),
        (
            [TEXT[0], {"x": 1}, *TEXT[1:]],
            [
                ("stream-event-unknown", "", "absent"),
            ],
        ),
        ([TEXT[0], {"type": 5}, *TEXT[1:]], [("stream-event-unknown", "", "5")]),
        ([TEXT[0], {"type": None}, *TEXT[1:]], [("stream-event-unknown", "", "null")]),
    ],
    ids=["undocumented", "enum", "null", "type", "union", "unknown", "no-tag", "tag-no-text", "tag-null"],
)
def test_an_event_is_judged_by_the_schema_of_its_type(
    amended: Contract, stream: list[Event], expected: Reported
) -> None:
    assert streamed(amended, sse(stream)) == expected


def test_an_unknown_event_is_breaking_and_says_what_is_known(amended: Contract) -> None:
    stream = [TEXT[0], {"type": "made-up"}, *TEXT[1:]]
    (finding,) = judged(amended, exchange(V2, sse(stream), headers=SSE))
    assert finding.severity is Severity.BREAKING
    assert finding.expected.startswith("type is one of message-start, content-start, ")
    assert finding.observed == '"made-up"'


def test_two_unknown_events_are_distinguished_and_each_is_reported_once(amended: Contract) -> None:
    unknown = [{"type": name} for name in ("one", "two", "one", "two", "one")]
    assert streamed(amended, sse([TEXT[0], *unknown, *TEXT[1:]])) == [
        ("stream-event-unknown", "<one>", '"one"'),
        ("stream-event-unknown", "<two>", '"two"'),
    ]


# -- the text of an event


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('{"type": "content-delta", "index": 0', [("stream-malformed", "<content-delta>", "truncated")]),
        ("{oops}", [("stream-malformed", "<content-delta>", "syntax")]),
        ("[1]", [("stream-malformed", "<content-delta>", "array")]),
        ("null", [("stream-malformed", "<content-delta>", "null")]),
        ('"[DONE]"', [("stream-malformed", "<content-delta>", "string")]),
        (
            '{"type": "content-delta", "index": 0, "index": 0}',
            [("stream-malformed", "<content-delta>", "duplicate-key:index")],
        ),
        (
            '{"type": "content-delta", "index": 0} x',
            [("stream-malformed", "<content-delta>", "trailing")],
        ),
    ],
    ids=["cut", "syntax", "array", "null", "string", "duplicate-key", "trailing"],
)
def test_an_event_that_is_not_a_json_object_is_reported(
    amended: Contract, data: str, expected: Reported
) -> None:
    body = sse(TEXT).replace(
        b"event: content-end", f"event: content-delta\ndata: {data}\n\nevent: content-end".encode()
    )
    found = [one for one in streamed(amended, body) if one[0] != "stream-fold-mismatch"]
    assert found == expected


def test_a_malformed_event_without_a_name_is_reported_for_the_stream(amended: Contract) -> None:
    body = frame("{").join([b"", sse(TEXT)])
    assert streamed(amended, body) == [("stream-malformed", "", "truncated")]
    assert streamed(amended, b"{\n" + lines(TEXT), NDJSON) == [("stream-malformed", "", "truncated")]


def test_events_without_blank_lines_between_them_are_reported_as_such(amended: Contract) -> None:
    found = judged(amended, exchange(V2, sse(WHOLE).replace(b"\n\n", b"\n"), headers=SSE))
    assert reported(found) == [("stream-malformed", "", "unseparated"), UNTERMINATED]
    assert (found[0].observed, found[0].expected) == (
        f"{len(WHOLE) + 1} events without a blank line between them",
        "a blank line after each event",
    )


def test_an_event_may_have_its_data_in_several_lines(amended: Contract) -> None:
    spread = sse(TEXT).replace(b'{"type": "message-end",', b'{"type": "message-end",\ndata: ')
    assert spread != sse(TEXT)
    assert streamed(amended, spread) == []


@pytest.mark.parametrize(
    ("call", "body", "observed", "expected"),
    [
        (
            V2,
            sse(TEXT),
            "server-sent events",
            "text/event-stream (server-sent events) or application/stream+json (lines of JSON)",
        ),
        (
            V1,
            sse(chat_v1("Hi")).replace(b"data: [DONE]\n\n", b""),
            "server-sent events",
            "application/stream+json (lines of JSON) or text/event-stream (server-sent events)",
        ),
        (
            V1,
            lines(chat_v1("Hi")),
            "lines of JSON",
            "application/stream+json (lines of JSON) or text/event-stream (server-sent events)",
        ),
    ],
)
def test_a_stream_with_the_media_type_of_json_is_judged_as_a_stream(
    amended: Contract, call: str, body: bytes, observed: str, expected: str
) -> None:
    (found,) = judged(amended, exchange(call, body, headers=JSON))
    assert (found.kind, found.value_class) == ("media-type-undeclared", "stream as application/json")
    assert (found.observed, found.expected) == (f"{observed} as application/json", f"{expected} for a stream")


def test_what_is_no_stream_is_judged_as_json(amended: Contract) -> None:
    assert streamed(amended, b"data", JSON) == [("body-malformed", "", "syntax")]
    assert ("body-malformed", "", "trailing") in streamed(amended, b'{"id": "x"}\n{"id": "x"}', JSON)


def test_invalid_utf_8_is_reported(amended: Contract) -> None:
    body = sse(TEXT).replace(b"Hi", b"\xff\xfe")
    findings = judged(amended, exchange(V2, body, headers=SSE))
    assert reported(findings) == [("stream-malformed", "", "utf-8")]
    assert findings[0].observed == "byte 0xff"
    real = sse(TEXT).replace(b"Hi", "\ufffd".encode())
    assert streamed(amended, real) == []


def test_a_byte_order_mark_before_lines_is_reported(amended: Contract) -> None:
    assert streamed(amended, b"\xef\xbb\xbf" + lines(TEXT), NDJSON) == [
        ("stream-malformed", "", "byte-order-mark")
    ]


# -- names and terminators


def test_the_name_of_an_event_equals_its_type(amended: Contract) -> None:
    renamed = sse(TEXT).replace(b"event: content-delta", b"event: text-delta")
    assert streamed(amended, renamed) == [("stream-order", "<content-delta>", "event-name")]
    unnamed = b"".join(frame(json.dumps(event)) for event in TEXT) + b"data: [DONE]\n\n"
    assert streamed(amended, unnamed) == sorted(
        ("stream-order", f"<{event['type']}>", "event-name")
        for event in {event["type"]: event for event in TEXT}.values()
    )


def test_v1_events_need_no_name(amended: Contract) -> None:
    unnamed = b"".join(frame(json.dumps(event)) for event in chat_v1("Hi"))
    assert streamed(amended, unnamed, SSE, V1) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (sse(TEXT, end=None), [NO_TERMINATOR]),
        (sse(TEXT, end="[done]"), [NO_TERMINATOR, ("stream-malformed", "", "syntax")]),
        (sse(TEXT[:-1]), [UNTERMINATED]),
        (sse(TEXT[:3], end=None), [UNTERMINATED]),
        (sse([]), [UNTERMINATED]),
        (b"", [UNTERMINATED]),
        (b": nothing\n\n", [UNTERMINATED]),
        (sse(TEXT) + sse([]), [("stream-order", "", "after-end")]),
        (
            sse(TEXT) + frame(TEXT[2]),
            [
                ("stream-order", "<content-delta>", "after-end"),
                ("stream-order", "<content-delta>", "sequence:closed"),
            ],
        ),
        (
            sse(TEXT[:-1]) + frame(TEXT[-1]),
            [("stream-order", "<message-end>", "after-end")],
        ),
        (
            sse([*TEXT, TEXT[2]]),
            [("stream-order", "<content-delta>", "sequence:closed")],
        ),
    ],
    ids=[
        "no-done",
        "other-done",
        "no-end",
        "cut",
        "only-done",
        "nothing",
        "comment",
        "done-twice",
        "after-done",
        "end-after-done",
        "after-end",
    ],
)
def test_a_v2_stream_ends_once_and_then_says_so(amended: Contract, body: bytes, expected: Reported) -> None:
    assert streamed(amended, body) == sorted(expected)


def test_lines_have_no_terminator(amended: Contract) -> None:
    assert streamed(amended, lines(TEXT) + b"[DONE]\n", NDJSON) == [("stream-malformed", "", "terminator")]
    assert streamed(amended, lines(TEXT[:-1]), NDJSON) == [UNTERMINATED]
    assert streamed(amended, lines(chat_v1("Hi")[:-1]), NDJSON, V1) == [UNTERMINATED]


@pytest.mark.parametrize("cut", range(0, len(sse(WHOLE)), 97))
def test_a_stream_that_is_cut_anywhere_is_unterminated_and_nothing_else(amended: Contract, cut: int) -> None:
    kinds = {kind for kind, _, _ in streamed(amended, sse(WHOLE)[:cut])}
    assert UNTERMINATED[0] in kinds
    assert kinds <= {"stream-unterminated", "stream-malformed"}


# -- order


@pytest.mark.parametrize(
    ("call", "stream", "expected"),
    [
        (V2, TEXT[1:], [("stream-order", "<content-start>", "sequence:opening")]),
        (V2, [*TEXT[:-2], TEXT[-1]], [("stream-order", "<message-end>", "sequence:block")]),
        (
            V2,
            chat_v2(*block("a"), *block("b", index=2)),
            [("stream-order", "<content-start>/index", "index:content")],
        ),
        (V2, chat_v2(*tool_call("{}"), plan()), [("stream-order", "<tool-plan-delta>", "sequence:late")]),
        (
            V1,
            chat_v1("Hi", middle=[{"event_type": "citation-generation", "citations": []}]),
            [("stream-order", "<citation-generation>", "sequence:early")],
        ),
        (
            V1,
            changed(chat_v1("Hi"), "text-generation", is_finished=True),
            [("stream-order", "<text-generation>", "finished:is_finished")],
        ),
    ],
    ids=["no-start", "block-left-open", "index", "plan-late", "citation-early", "finished"],
)
def test_an_event_out_of_order_is_reported_with_the_rule(
    amended: Contract, call: str, stream: list[Event], expected: Reported
) -> None:
    headers, body = (SSE, sse(stream)) if call == V2 else (NDJSON, lines(stream))
    assert streamed(amended, body, headers, call) == expected


def test_where_in_the_stream_it_went_wrong_does_not_matter(amended: Contract) -> None:
    early = chat_v2(*block("a", index=5), *block("b", index=6))
    late = chat_v2(*block("a"), *block("b", "c", index=7))
    one, other = (judged(amended, exchange(V2, sse(stream), headers=SSE)) for stream in (early, late))
    assert [finding.fingerprint for finding in one] == [finding.fingerprint for finding in other] != []


# -- the fold


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (
            changed(TEXT, "message-end", delta={"usage": {}}),
            [("stream-fold-mismatch", "/finish_reason", "property-missing:")],
        ),
        (changed(TEXT, "message-start", id=...), [("stream-fold-mismatch", "/id", "property-missing:")]),
        (
            changed(TEXT, "message-start", delta={"message": {}}),
            [("stream-fold-mismatch", "/message/role", "property-missing:")],
        ),
        (
            changed(chat_v2(*block("a")), "content-delta", delta={"message": {"content": {"thinking": "x"}}}),
            [("stream-fold-mismatch", "/message/content/*/text", "delta-of-other-type")],
        ),
        (
            changed(TEXT, "content-start", delta={"message": {"content": {"text": ""}}}),
            [("stream-fold-mismatch", "/message/content/*/type", "property-missing:")],
        ),
        (
            changed(WHOLE, "citation-start", delta={"message": {}}),
            [("stream-fold-mismatch", "/message/citations/*", "null-unexpected:null")],
        ),
        (
            chat_v2(*[event for event in tool_call("{}") if event["type"] != "tool-call-start"]),
            [("stream-order", "<tool-call-delta>", "sequence:body")],
        ),
    ],
    ids=["finish-reason", "id", "role", "other-type", "no-type", "no-citation", "broken-is-not-folded"],
)
def test_a_v2_stream_adds_up_to_an_answer(amended: Contract, stream: list[Event], expected: Reported) -> None:
    assert streamed(amended, sse(stream)) == expected


def test_an_addition_of_the_folded_response_is_reported_and_harmless(amended: Contract) -> None:
    both = {"message": {"content": {"type": "text", "text": "", "thinking": ""}}}
    (finding,) = judged(amended, exchange(V2, sse(changed(TEXT, "content-start", delta=both)), headers=SSE))
    assert (finding.kind.value, finding.location, finding.severity) == (
        "stream-fold-mismatch",
        "/message/content/*/thinking",
        Severity.ADDITIVE,
    )


def test_a_delta_of_both_kinds_is_reported(amended: Contract) -> None:
    both = {"message": {"content": {"text": "a", "thinking": "b"}}}
    assert streamed(amended, sse(changed(TEXT, "content-delta", delta=both))) == [
        ("stream-fold-mismatch", "/message/content/*/text", "delta-of-other-type")
    ]


def test_an_addition_of_an_event_is_reported_for_the_event_only(amended: Contract) -> None:
    usage = {"billed_units": {"input_tokens": 1}, "tokens": {"paper_tokens": 3}}
    stream = changed(TEXT, "message-end", delta={"finish_reason": "COMPLETE", "usage": usage})
    assert streamed(amended, sse(stream)) == [
        ("property-undocumented", "<message-end>/delta/usage/tokens/paper_tokens", "")
    ]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (chat_v1("Hi", " there", text="Hi there"), []),
        (chat_v1("Hi", " there", text="Hi"), [("stream-fold-mismatch", "/text", "text")]),
        (chat_v1("Hi", text=""), [("stream-fold-mismatch", "/text", "text")]),
        (
            changed(chat_v1("Hi"), "stream-end", finish_reason="MAX_TOKENS"),
            [("stream-fold-mismatch", "/finish_reason", "finish-reason")],
        ),
        (
            changed(chat_v1("Hi"), "stream-start", generation_id="1c0de5a9-0000-4000-8000-00000000beef"),
            [("stream-fold-mismatch", "/generation_id", "generation-id")],
        ),
        (
            changed(chat_v1("Hi"), "stream-end", response={"text": "Hi"}),
            [],
        ),
        (
            changed(chat_v1("Hi"), "stream-end", response={}),
            [("property-missing", "<stream-end>/response/text", "")],
        ),
    ],
    ids=["adds-up", "dropped", "empty", "finish-reason", "generation-id", "less", "broken-is-not-folded"],
)
def test_a_v1_stream_adds_up_to_its_last_event(
    amended: Contract, stream: list[Event], expected: Reported
) -> None:
    assert streamed(amended, lines(stream), NDJSON, V1) == expected


def test_each_fold_mismatch_is_reported_once(amended: Contract) -> None:
    wrong = changed(TEXT, "content-delta", delta={"message": {"content": {"thinking": "x"}}})
    assert streamed(amended, sse(wrong)) == [
        ("stream-fold-mismatch", "/message/content/*/text", "delta-of-other-type")
    ]


def test_a_fold_mismatch_shows_both_sides(amended: Contract) -> None:
    (finding,) = judged(amended, exchange(V1, lines(chat_v1("Hi", text="Ho")), headers=NDJSON))
    assert (finding.expected, finding.observed) == ('the joined events: "Hi"', '"Ho"')
    assert finding.severity is Severity.BREAKING


def generated(*texts: str, index: int = 0, whole: str | None = None) -> list[Event]:
    pieces = [
        {"event_type": "text-generation", "is_finished": False, "index": index, "text": text}
        for text in texts
    ]
    text = "".join(texts) if whole is None else whole
    answer = {"id": UUID, "generations": [{"id": UUID, "text": text, "finish_reason": "COMPLETE"}]}
    end = {"event_type": "stream-end", "is_finished": True, "finish_reason": "COMPLETE", "response": answer}
    return [*pieces, end]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (generated("a", "b"), []),
        (generated("a", "b", whole="a"), [("stream-fold-mismatch", "/generations/*/text", "text")]),
        (generated("a", index=1), [("stream-fold-mismatch", "/generations/*/text", "text")]),
        ([{"event_type": "stream-error", "is_finished": True, "finish_reason": "ERROR", "err": "no"}], []),
    ],
    ids=["adds-up", "dropped", "other-index", "error"],
)
def test_a_generate_stream_adds_up_by_index(
    amended: Contract, stream: list[Event], expected: Reported
) -> None:
    assert streamed(amended, lines(stream), NDJSON, GENERATE) == expected


# -- as published


def test_the_published_document_forgets_events(published: Contract) -> None:
    kinds = streamed(published, sse(WHOLE))
    assert ("stream-event-unknown", "<citation-start>", '"citation-start"') in kinds
    assert ("stream-event-unknown", "<citation-end>", '"citation-end"') in kinds
    assert ("media-type-undeclared", "", "application/stream+json") in streamed(
        published, lines(TEXT), NDJSON
    )


def test_an_unknown_fold_is_refused_with_the_known_ones(amended: Contract) -> None:
    grammar = next(
        media.events.grammar
        for media in amended.operations["POST /v2/chat"].responses["200"].media.values()
        if media.events is not None and media.events.grammar is not None
    )
    with pytest.raises(ContractError, match=r"expected a fold such as chat-v1, .* got 'chat-v3'"):
        fold_of(msgspec.structs.replace(grammar, fold="chat-v3"))
