"""Chat, version 1: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, NDJSON, UUID, exchange, lines

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from collections.abc import Iterable

Body = dict[str, Any]
CHAT = "POST /v1/chat"
CONTRACT = load_contract()
USER, BOT = {"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Hello 🐝 there"}
PAST = [{"role": "User", "message": "A"}, {"role": "Chatbot", "message": "B"}]
ECHO = [{"role": "USER", "message": "A"}, {"role": "CHATBOT", "message": "B"}]
DOCUMENT = {"id": "a", "title": "A", "note": "n", "_excludes": "note"}
CITED = {"start": 8, "end": 13, "text": "there", "document_ids": ["a"], "type": "TEXT_CONTENT"}
GROUNDS = {"documents": [DOCUMENT], "citations": [CITED]}
CALL = {"name": "look", "parameters": {"a": 1}}
TOOL = {"name": "look", "description": "Looks."}
RESULT = {"call": CALL, "outputs": [{"a": "b"}]}
CALLED = {"tool_calls": [CALL], "chat_history": [USER, {**BOT, "tool_calls": [CALL]}]}


def answer(**changes: Any) -> Body:
    plain = {
        "text": BOT["message"],
        "generation_id": UUID,
        "response_id": UUID,
        "finish_reason": "COMPLETE",
        "chat_history": [USER, BOT],
        "meta": {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 3, "output_tokens": 4}},
    }
    return plain | changes


def talk(sent: Body | None = None, reported: Body | None = None) -> Exchange:
    return exchange(CHAT, answer(**reported or {}), request={"message": "Hi"} | (sent or {}))


def stream(*middle: Body, reported: Body | None = None, **sent: Any) -> Exchange:
    whole = answer(**reported or {})
    events = [
        {"event_type": "stream-start", "generation_id": UUID},
        {"event_type": "text-generation", "text": whole["text"]},
        *middle,
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": whole},
    ]
    framed = lines({"is_finished": event["event_type"] == "stream-end", **event} for event in events)
    request = {"message": "Hi", "stream": True} | sent
    accepts = (("accepts", "text/event-stream"),) if sent.get("model") == "accepts" else ()
    return exchange(CHAT, framed, request=request, headers=NDJSON, request_headers=(*JSON, *accepts))


def broken(made: Exchange) -> set[str]:
    findings = [one for one in judge(CONTRACT, made) if one.kind != "request-invalid"]
    assert all(one.requirement for one in findings), findings
    return {one.requirement for one in findings if one.requirement}


def citing(*citations: Body) -> Body:
    return {"event_type": "citation-generation", "citations": list(citations)}


CALLING = {"event_type": "tool-calls-generation", "tool_calls": [CALL]}
VALID: dict[str, Exchange] = {
    "plain": talk(),
    "request not recorded": exchange(CHAT, answer()),
    "history": talk({"chat_history": PAST}, {"chat_history": [*ECHO, USER, BOT]}),
    "no history with calls": talk({"tools": [TOOL]}, {"tool_calls": [CALL], "chat_history": []}),
    "kept conversation": talk({"conversation_id": "a"}, {"chat_history": [*ECHO, USER, BOT]}),
    "tool results": talk(
        {"message": "", "tools": [TOOL], "tool_results": [RESULT]},
        {"chat_history": [{"role": "TOOL", "tool_results": [RESULT]}, BOT]},
    ),
    "single step": talk({"tools": [TOOL], "tool_results": [RESULT], "force_single_step": True}),
    "grounds": talk({"documents": [DOCUMENT]}, GROUNDS),
    "plan": talk(reported=GROUNDS | {"citations": [CITED | {"type": "PLAN", "start": 0}]}),
    "calls": talk({"tools": [TOOL]}, CALLED),
    "queries": talk(
        {"search_queries_only": True}, {"text": "", "chat_history": [], "is_search_required": False}
    ),
    "limit": talk({"max_tokens": 4}, {"finish_reason": "MAX_TOKENS"}),
    "room": talk({"max_tokens": 5}),
    "safety of an older model": talk({"model": "command-r-08-2024", "safety_mode": "NONE"}),
    "edges": talk({"presence_penalty": 1, "frequency_penalty": 0, "stop_sequences": list("vwxyz")}),
    "stream": stream(),
    "stream with citations": stream(citing(CITED), reported=GROUNDS),
    "stream with calls": stream(CALLING, reported=CALLED, tools=[TOOL]),
}
WRONG: dict[str, list[Exchange]] = {
    "v1.chat.stream-asked": [talk({"stream": True}), stream(stream=False), stream(stream=None)],
    "v1.chat.accepts": [stream(model="accepts")],
    "v1.chat.history-turns": [
        talk(reported={"chat_history": [BOT]}),
        talk(reported={"chat_history": [*ECHO, USER, BOT]}),
        talk({"chat_history": PAST}, {"chat_history": [ECHO[1], ECHO[0], USER, BOT]}),
        talk(reported={"chat_history": [{**USER, "message": "Ho"}, BOT]}),
        talk({"conversation_id": "a"}, {"chat_history": [BOT]}),
    ],
    "v1.chat.history-reply": [
        talk(reported={"chat_history": [USER, {**BOT, "message": "Bye"}]}),
        talk({"tools": [TOOL]}, {"tool_calls": [CALL]}),
    ],
    "v1.chat.api-version": [talk(reported={"meta": {"api_version": {"version": "2"}}})],
    "v1.chat.citation-slice": [
        talk(reported=GROUNDS | {"citations": [CITED | {"end": 12}]}),
        talk(reported=GROUNDS | {"citations": [CITED | {"start": -5, "end": -1}]}),
    ],
    "v1.chat.citation-documents": [
        talk(reported={"citations": [CITED]}),
        talk(reported=GROUNDS | {"citations": [CITED | {"document_ids": ["a", "b"]}]}),
    ],
    "v1.chat.documents-whole": [
        talk({"documents": [DOCUMENT]}, GROUNDS | {"documents": [{"id": "a", "title": "A"}]})
    ],
    "v1.chat.search-queries-only": [
        talk({"search_queries_only": True}, {"is_search_required": False}),
        talk({"search_queries_only": True}, {"text": "", "chat_history": [], "is_search_required": True}),
    ],
    "v1.chat.tool-known": [talk({"tools": [{**TOOL, "name": "see"}]}, CALLED), talk({}, CALLED)],
    "v1.chat.max-tokens": [talk({"max_tokens": 3})],
    "v1.chat.cut-finish": [talk({"max_tokens": 4})],
    "v1.chat.stream-citations": [stream(reported=GROUNDS), stream(citing(CITED, CITED), reported=GROUNDS)],
    "v1.chat.stream-tool-calls": [
        stream({**CALLING, "tool_calls": [{**CALL, "parameters": {}}]}, reported=CALLED, tools=[TOOL])
    ],
    "v1.chat.message-or-results": [talk({"tools": [TOOL], "tool_results": [RESULT]})],
    "v1.chat.one-history": [
        talk({"conversation_id": "a", "chat_history": PAST}, {"chat_history": [*ECHO, USER, BOT]})
    ],
    "v1.chat.sampling-range": [
        talk({"presence_penalty": 1.01}),
        talk({"frequency_penalty": -1}),
        talk({"stop_sequences": list("uvwxyz")}),
    ],
    "v1.chat.document-ids": [talk({"documents": [DOCUMENT, {**DOCUMENT, "title": "B"}]})],
    "v1.chat.tool-name": [talk({"tools": [{**TOOL, "name": name}]}) for name in ("2look", "lo-ok", "")],
    "v1.chat.results-of-tools": [
        talk(
            {"message": "", "tool_results": [RESULT]},
            {"chat_history": [{"role": "TOOL", "tool_results": [RESULT]}, BOT]},
        )
    ],
    "v1.chat.json-alone": [talk({"tools": [TOOL], "response_format": {"type": "json_object"}})],
    "v1.chat.safety-none": [talk({"model": "command-a-03-2025", "safety_mode": "NONE"})],
    "v1.chat.raw-alone": [talk({"raw_prompting": True, "documents": [DOCUMENT]})],
}
RELATIONS = {"v1.chat.stream-same", "v1.chat.conversation", "v1.chat.role-case"}


@pytest.mark.parametrize("name", VALID)
def test_a_valid_exchange_has_no_findings(name: str) -> None:
    assert broken(VALID[name]) == set()


@pytest.mark.parametrize(
    ("requirement", "made"), [(name, one) for name, several in WRONG.items() for one in several]
)
def test_a_violation_is_seen(requirement: str, made: Exchange) -> None:
    assert broken(made) == {requirement}


def test_every_check_has_been_seen() -> None:
    known = {name for name in shipped_requirements().requirements if name.startswith("v1.chat.")}
    assert known - RELATIONS == WRONG.keys()


def test_no_odd_request_makes_a_check_raise() -> None:
    odd: Iterable[Any] = (None, True, 0, "x", [], [1], {}, [{"id": 1, "name": 2, "role": None}])
    names = "stream chat_history documents tools tool_results max_tokens stop_sequences response_format model"
    for value in odd:
        judge(CONTRACT, talk(dict.fromkeys((*names.split(), "presence_penalty", "message"), value)))
        judge(CONTRACT, exchange(CHAT, answer(**GROUNDS), request=value))


@pytest.mark.parametrize(
    ("name", "expected"), [("conforming", set()), ("deviating", {"v1.chat.history-reply"})]
)
def test_no_example_makes_a_check_raise(name: str, expected: set[str]) -> None:
    made = [
        one
        for one in parse_recording(str(folder("cassettes") / "examples" / f"{name}.jsonl"))
        if isinstance(one, Exchange) and "/v1/" in one.request.url
    ]
    reported = {
        one.requirement for exchanged in made for one in judge(CONTRACT, exchanged) if one.requirement
    }
    assert made
    assert {one for one in reported if one.startswith("v1.chat.")} == expected
