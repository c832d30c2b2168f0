"""One error hides no other: an invalid value makes only the requirements that read it untestable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, NDJSON, SSE, UUID, block, chat_v2, citation, exchange, frame, sse

from cohere_conformance.checks import judge
from cohere_conformance.checks.judge import judgement_of
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.model import Exchange

CONTRACT = load_contract()
CHAT = "POST /v2/chat"
RERANK = "POST /v2/rerank"
ASKED = {"model": "rerank-v3.5", "query": "plums", "documents": ["a b", "c d", "e f"]}
TALK = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hi"}]}
GROUNDED = TALK | {"documents": [{"id": "doc:0", "data": {"snippet": "Hi"}}]}


def ranked(*results: Any, **further: Any) -> dict[str, Any]:
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": UUID, "results": list(results), "meta": meta, **further}


def violated(made: Exchange) -> set[str]:
    return {one.requirement for one in judge(CONTRACT, made) if one.requirement}


def broken(made: Exchange) -> set[tuple[str, str]]:
    return {(one.kind.value, one.location) for one in judge(CONTRACT, made) if one.requirement is None}


def untestable(made: Exchange) -> dict[str, str]:
    return {one.requirement: one.reason for one in judgement_of(CONTRACT, ParsedExchange(made)).untestable}


LOW, HIGH = {"index": 1, "relevance_score": 0.1}, {"index": 0, "relevance_score": 0.9}


def test_a_broken_value_does_not_silence_what_does_not_read_it() -> None:
    """An answer with a null in its meta is also reported as unsorted and as too short."""
    valid = exchange(RERANK, ranked(LOW, HIGH), request=ASKED)
    answer = ranked(LOW, HIGH)
    answer["meta"]["warnings"] = None
    made = exchange(RERANK, answer, request=ASKED)
    assert violated(made) == violated(valid) == {"rerank.sorted", "rerank.count"}
    assert broken(made) == {("null-unexpected", "/meta/warnings")}
    assert untestable(made) == {}


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ("high", "it depends on /results/*/relevance_score: string, not as declared"),
        (None, "it depends on /results/*/relevance_score: null, not as declared"),
        ({"value": [1]}, "it depends on /results/*/relevance_score: object, not as declared"),
        (..., "it depends on /results/*/relevance_score: missing"),
    ],
)
def test_a_requirement_that_reads_what_is_broken_is_not_testable(score: Any, reason: str) -> None:
    """Whether results are sorted cannot be said where a score is no number; how many there are can."""
    wrong = {"index": 0} if score is ... else {"index": 0, "relevance_score": score}
    made = exchange(RERANK, ranked(LOW, wrong), request=ASKED)
    assert violated(made) == {"rerank.count"}
    assert untestable(made) == dict.fromkeys(("rerank.sorted", "rerank.score-range"), reason)


def test_only_the_broken_item_is_unreadable() -> None:
    """A violation in an item before the broken one has been seen, and is reported."""
    answer = ranked({"index": 7, "relevance_score": 0.9}, {"index": None, "relevance_score": 0.1})
    made = exchange(RERANK, answer, request=ASKED)
    assert "rerank.index-in-range" in violated(made)
    assert "rerank.index-in-range" not in untestable(made)


def test_an_item_that_cannot_be_read_does_not_hide_the_others() -> None:
    """A score above 1 is found behind one that is no number, and behind a result that is none."""
    for broken_item in ({"index": 0, "relevance_score": "high"}, None, "result"):
        made = exchange(RERANK, ranked(broken_item, {"index": 1, "relevance_score": 1.5}), request=ASKED)
        assert "rerank.score-range" in violated(made)
        assert "rerank.score-range" not in untestable(made)
    made = exchange(RERANK, ranked({"index": 0, "relevance_score": None}, HIGH), request=ASKED)
    assert "rerank.score-range" in untestable(made)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b"null", b'{"id": "'])
def test_without_a_body_nothing_in_it_is_testable(body: bytes) -> None:
    """What reads the answer is not testable, what reads the request alone still is."""
    made = exchange(RERANK, body, request=ASKED | {"query": "  "})
    assert violated(made) == {"rerank.query-blank"}
    assert {"rerank.sorted", "rerank.count"} <= untestable(made).keys()


@pytest.mark.parametrize(
    ("text", "unreadable"),
    [
        (b'{"results": [%s], "id": "x"} tail', set()),
        (b'\xef\xbb\xbf{"results": [%s]}', set()),
        (b'{"results": [%s], "id": "a", "id": "b"}', set()),
        (b'{"results": [%s, {"index": 2, "relevance_score": NaN}]}', {"rerank.sorted", "rerank.score-range"}),
        (b'{"results": [%s], "results": [%s]}', {"rerank.sorted", "rerank.count"}),
    ],
    ids=["trailing", "byte-order-mark", "doubled-id", "not-a-number", "doubled-results"],
)
def test_irregular_text_is_read_as_far_as_it_can_be(text: bytes, unreadable: set[str]) -> None:
    """A defect of the text silences what it touches: a value that no JSON has, or one that is there twice."""
    results = json.dumps(LOW).encode() + b"," + json.dumps(HIGH).encode()
    made = exchange(RERANK, text.replace(b"%s", results), request=ASKED)
    assert any(kind == "body-malformed" for kind, _ in broken(made))
    assert unreadable <= untestable(made).keys()
    expected = {"rerank.sorted", "rerank.count"} - unreadable
    # A third result is no longer one too few.
    assert violated(made) == expected - ({"rerank.count"} if b"NaN" in text else set())


def test_a_broken_header_silences_the_requirement_about_it_alone() -> None:
    """A header that is no number leaves everything in the body testable."""
    message = {"role": "assistant", "content": [{"type": "text", "text": ""}]}
    answer = {
        "id": UUID,
        "message": message,
        "finish_reason": "COMPLETE",
        "usage": CITED[-1]["delta"]["usage"],
    }
    made = exchange(CHAT, answer, request=TALK, headers=(*JSON, ("num_tokens", "many")))
    assert violated(made) == {"v2.chat.text-not-empty"}
    assert untestable(made) == {"common.num-tokens": "it depends on header:num_tokens: header-invalid"}


def test_an_undeclared_status_does_not_hide_what_its_body_says() -> None:
    """Served with 201: the answer is read as that of the declared 200."""
    made = exchange(RERANK, ranked(LOW, HIGH), request=ASKED, status=201)
    assert broken(made) == {("status-undeclared", "")}
    assert violated(made) == {"rerank.sorted", "rerank.count"}


def test_a_time_that_is_none_leaves_the_order_of_times_untestable() -> None:
    """An id of another format can still be compared, a time cannot."""
    dataset = {"id": UUID, "name": "n", "created_at": "yesterday", "updated_at": "2026-01-01T00:00:00Z"}
    made = exchange(f"GET /v1/datasets/{UUID}", {"dataset": dataset})
    assert ("format-invalid", "/dataset/created_at") in broken(made)
    assert "datasets.updated-after-created" in untestable(made)
    assert "datasets.get-asked" not in untestable(made)


# -- streams

CITED = chat_v2(*block("Hi there", inside=citation(text="Ho")))


def stream(*payloads: Mapping[str, Any] | str, request: Any = GROUNDED) -> Exchange:
    return exchange(CHAT, sse(payloads), headers=SSE, request=request)


def without_names(made: Exchange) -> Exchange:
    body = b"".join(frame(json.dumps(payload)) for payload in CITED) + b"data: [DONE]\n\n"
    return exchange(CHAT, body, headers=SSE, request=GROUNDED)


def test_missing_event_lines_do_not_hide_a_wrong_citation() -> None:
    """How events are named changes nothing of what they say."""
    assert "v2.chat.citation-slice" in violated(stream(*CITED))
    unnamed = without_names(stream(*CITED))
    assert "v2.chat.citation-slice" in violated(unnamed)
    assert {kind for kind, _ in broken(unnamed)} == {"stream-order"}


def test_missing_event_lines_do_not_hide_what_the_folded_answer_lacks() -> None:
    """Text in a block that is thinking by its start is found with and without event lines."""
    wrong = chat_v2(*block("Hm", kind="thinking"))
    wrong[2]["delta"]["message"]["content"] = {"text": "Hm"}
    named = exchange(CHAT, sse(wrong), headers=SSE, request=TALK)
    body = b"".join(frame(json.dumps(payload)) for payload in wrong) + b"data: [DONE]\n\n"
    unnamed = exchange(CHAT, body, headers=SSE, request=TALK)
    folded = {one for one in broken(named) if one[0] == "stream-fold-mismatch"}
    assert folded
    assert folded <= broken(unnamed)


@pytest.mark.parametrize(
    ("change", "hidden"),
    [
        ({"type": "usage-update"}, False),
        ({"type": "content-more", "index": 0, "delta": {"message": {"content": {"text": "x"}}}}, True),
        ({"type": "tool-note", "delta": {"message": {"tool_plan": "x"}}}, False),
        ({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": 7}}}}, True),
        ({"type": "content-delta", "index": "0", "delta": {"message": {"content": {"text": ""}}}}, False),
        ("{broken", True),
        ("[]", True),
    ],
    ids=["new", "new-text", "new-plan", "type", "index", "truncated", "array"],
)
def test_a_broken_event_hides_only_what_it_adds_to(change: Any, hidden: bool) -> None:
    """A citation is compared with its text unless an event that may belong to the text cannot be read."""
    made = stream(*CITED[:3], change, *CITED[3:])
    assert broken(made)
    assert ("v2.chat.citation-slice" in violated(made)) is not hidden
    assert ("v2.chat.citation-slice" in untestable(made)) is hidden


def test_the_end_of_a_stream_is_judged_though_its_text_is_broken() -> None:
    """An id that is no UUID and an error without words are seen beside a broken piece of text."""
    wrong = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": None}}}}
    payloads = chat_v2(*block("Hi", inside=[wrong]), finish="ERROR")
    payloads[0]["id"] = "one"
    made = stream(*payloads, request=TALK)
    assert {"v2.chat.id", "v2.chat.stream-error-told"} <= violated(made)


def test_a_stream_without_its_end_leaves_its_end_untestable() -> None:
    """A v1 stream carries the whole answer in its last event."""
    start = {"event_type": "stream-start", "generation_id": UUID, "is_finished": False}
    made = exchange(
        "POST /v1/chat", json.dumps(start).encode() + b"\n", headers=NDJSON, request={"message": "x"}
    )
    assert (
        untestable(made)["v1.chat.history-turns"] == "it depends on the body: a stream without its last event"
    )


# -- nonsense

DEEP: Any = [{"a": [[None, {"b": -1}]], "": {"~/": ["x"] * 3}}] * 2
NONSENSE = [{}, [], None, "text", 0, -1.5, True, DEEP, {"results": DEEP}, {"message": DEEP}, {"meta": DEEP}]


def _exchanges(value: Any) -> list[Exchange]:
    answers = [value, dict.fromkeys(("results", "message", "meta", "usage", "models"), value)]
    return [
        exchange(label, answer, request=request, status=status)
        for label in CONTRACT.operations
        for answer in answers
        for request in (None, TALK)
        for status in (200, 400)
    ]


@pytest.mark.parametrize("value", NONSENSE, ids=range(len(NONSENSE)))
def test_no_answer_makes_a_check_fail(value: Any) -> None:
    """Whatever an operation answers, the judge returns: a check that cannot go on is not testable."""
    for made in _exchanges(value):
        judgement_of(CONTRACT, ParsedExchange(made))


@pytest.mark.parametrize("value", NONSENSE, ids=range(len(NONSENSE)))
def test_no_event_makes_a_check_fail(value: Any) -> None:
    """The same for the parts of events."""
    for position in range(len(CITED)):
        for name in ("index", "delta", "type", "id"):
            payloads = [dict(one) for one in CITED]
            payloads[position][name] = value
            judgement_of(CONTRACT, ParsedExchange(stream(*payloads)))


def test_a_check_that_fails_on_a_conforming_exchange_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no verdict about the target; beside a schema error it leaves its requirement untestable."""
    from cohere_conformance.checks import registry
    from cohere_conformance.checks.preconditions import Applicable

    def fail(evidence: object) -> Any:
        raise KeyError("results")

    every = registry._applicable(RERANK, True).every
    (bound,) = [one for one in every if one.requirement.id == "rerank.sorted"]
    replaced = Applicable([type(bound)(bound.requirement, fail, ids=False)])
    monkeypatch.setattr(registry, "_applicable", lambda label, served: replaced)
    with pytest.raises(HarnessError, match=r"the check of rerank\.sorted failed .* please report it"):
        judge(CONTRACT, exchange(RERANK, ranked(HIGH), request=ASKED))
    answer = ranked(HIGH)
    answer["meta"]["warnings"] = None
    made = exchange(RERANK, answer, request=ASKED)
    assert untestable(made) == {"rerank.sorted": "it cannot be checked on this exchange (KeyError)"}
