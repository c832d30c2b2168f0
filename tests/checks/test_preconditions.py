"""Preconditions of checks: what is not run on an exchange would have found nothing in it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.builders import JSON, SSE, exchange

from cohere_conformance.checks import registry
from cohere_conformance.checks.judge import evidence_of, judge_parsed
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.preconditions import Applicable, FoundFeatures, Precondition
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange, StreamEvent
from cohere_conformance.recordings import parse_recording

CONTRACT = load_contract()
CHAT = "POST /v2/chat"
REPLY: dict[str, Any] = {
    "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]},
    "usage": {
        "billed_units": {"input_tokens": 1, "output_tokens": 2},
        "tokens": {"input_tokens": 3, "output_tokens": 2},
    },
}
ASKED: dict[str, Any] = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Is it?"}]}


def applicable(value: Exchange) -> tuple[set[str], set[str]]:
    """Return the requirements whose checks are run on an exchange, and those of all checks."""
    parsed = ParsedExchange(value)
    label = CONTRACT.route(value.request.method, value.request.url).operation
    assert label is not None
    evidence = evidence_of(CONTRACT.operations[label], parsed, judge_parsed(CONTRACT, parsed))
    known = registry._applicable(label, 200 <= value.response.status < 300)
    run = known.of(evidence)
    skipped = [one for one in known.every if one not in run]
    for one in skipped:
        assert list(one.run(evidence)) == [], one.requirement.id
    return {one.requirement.id for one in run}, {one.requirement.id for one in known.every}


@pytest.mark.parametrize("name", ["conforming", "deviating"])
def test_a_check_that_is_not_run_would_have_found_nothing(name: str) -> None:
    """In none of the shipped examples; and many checks are not run on conforming ones."""
    run, every = 0, 0
    for value in parse_recording(str(folder("cassettes") / "examples" / f"{name}.jsonl")):
        assert isinstance(value, Exchange)
        if CONTRACT.route(value.request.method, value.request.url).operation is not None:
            chosen, known = applicable(value)
            run, every = run + len(chosen), every + len(known)
    assert 0 < run < every * (0.75 if name == "conforming" else 1)


@pytest.mark.parametrize(
    ("asked", "replied", "requirement"),
    [
        ({"stop_sequences": ["."]}, {}, "v2.chat.stop-obeyed"),
        ({"max_tokens": 9}, {}, "v2.chat.max-tokens"),
        ({}, {"logprobs": []}, "v2.chat.logprobs-text"),
        ({"colour": "red"}, {}, "common.v2-unknown-field"),
        ({"messages": [{"role": "tool", "tool_call_id": "x"}]}, {}, "v2.chat.tool-result-of-call"),
        ({"messages": [{"role": "assistant", "tool_calls": []}]}, {}, "v2.chat.tool-calls-distinct"),
        ({"messages": [{"role": "user", "content": "image_url"}]}, {}, "v2.chat.images-limited"),
        ({"messages": [{"role": "user", "content": "\u00e9"}]}, {}, "v2.chat.images-limited"),
        ({}, {"finish_reason": "TOOL_CALL"}, "v2.chat.tool-call-finish"),
        ({}, {"message": REPLY["message"] | {"tool_calls": []}}, "v2.chat.tool-call-finish"),
        ({"max_tokens": 9}, {"finish_reason": "MAX_TOKENS"}, "v2.chat.max-tokens-reached"),
    ],
)
def test_a_check_is_run_where_its_condition_is_satisfied(
    asked: dict[str, Any], replied: dict[str, Any], requirement: str
) -> None:
    """By a property of the request or of the response, or by an invalid request."""
    plain, every = applicable(exchange(CHAT, REPLY, request=ASKED))
    assert requirement in every - plain
    chosen, _ = applicable(exchange(CHAT, REPLY | replied, request=ASKED | asked))
    assert requirement in chosen


def test_all_checks_are_run_on_a_response_that_is_not_as_declared() -> None:
    """What a check reads decides whether its requirement is testable."""
    chosen, every = applicable(exchange(CHAT, REPLY | {"finish_reason": 7}, request=ASKED))
    assert chosen == every


class _One(msgspec.Struct, frozen=True):
    name: str
    precondition: Precondition


def test_each_part_of_a_condition_must_be_satisfied_and_one_name_of_each_is_enough() -> None:
    """An empty part is always satisfied."""
    names = frozenset({"citations", "documents"})
    every = [
        _One("always", Precondition()),
        _One("sends", Precondition(sends=frozenset({"tools"}))),
        _One(
            "both", Precondition(sends=frozenset({"tools"}), returns=frozenset({"message/tool_calls", "id"}))
        ),
        _One("streams", Precondition(streams=True)),
        _One("headers", Precondition(headers=frozenset({"num_tokens", "num-tokens"}))),
    ]
    nothing: frozenset[str] = frozenset()
    others = FoundFeatures((nothing, names, names, names, names), streamed=True, invalid=True)
    assert not Precondition(sends=names).satisfied(others)
    documents = FoundFeatures((frozenset({"documents"}), nothing, nothing, nothing, nothing))
    assert Precondition(sends=names).satisfied(documents)

    def chosen(value: Exchange) -> list[str]:
        evidence = evidence_of(CONTRACT.operations[CHAT], ParsedExchange(value))
        return [one.name for one in Applicable(every).of(evidence)]

    assert chosen(exchange(CHAT, {"other": 1}, request=ASKED)) == ["always"]
    assert chosen(exchange(CHAT, {"message": None}, request=ASKED | {"tools": []})) == ["always", "sends"]
    assert chosen(exchange(CHAT, {"message": {"tool_calls": []}}, request=ASKED | {"tools": []})) == [
        "always",
        "sends",
        "both",
    ]
    assert chosen(exchange(CHAT, {}, request=ASKED, headers=(*JSON, ("num-tokens", "1")))) == [
        "always",
        "headers",
    ]


def test_a_condition_can_name_the_text_of_a_property() -> None:
    """Another text, another type or a text elsewhere does not satisfy it."""
    every = [_One("one", Precondition(returns=frozenset({"state=DONE", "state=FAILED", "message/state"})))]

    def run(body: Any) -> bool:
        evidence = evidence_of(CONTRACT.operations[CHAT], ParsedExchange(exchange(CHAT, body, request=ASKED)))
        return bool(Applicable(every).of(evidence))

    assert run({"state": "DONE"})
    assert run({"state": "FAILED"})
    assert run({"message": {"state": None}})
    assert not any(
        map(run, ({"state": "DONE "}, {"state": ["DONE"]}, {"state": None}, {"state=DONE": 1}, {}))
    )
    assert not run({"message": {"status": "DONE"}, "DONE": "state"})


def test_words_of_a_body_that_was_not_recorded_may_be_anywhere() -> None:
    """A stream that was recorded as events has no body either."""
    every = [_One("anywhere", Precondition(returns_anywhere=frozenset({"thinking"})))]

    def run(value: Exchange) -> bool:
        return bool(Applicable(every).of(evidence_of(CONTRACT.operations[CHAT], ParsedExchange(value))))

    events = (StreamEvent('{"type": "message-end", "delta": {}}', "message-end"),)
    assert run(exchange(CHAT, None, request=ASKED, headers=SSE, events=events))
    assert not run(exchange(CHAT, REPLY, request=ASKED))
    assert run(exchange(CHAT, REPLY | {"id": "thinking"}, request=ASKED))
    assert run(exchange(CHAT, REPLY | {"id": "\u00e9"}, request=ASKED))
