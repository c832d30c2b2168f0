"""Chat, version 2: each check finds its violation and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import JSON, NDJSON, SSE, UUID, block, chat_v2, exchange, lines, sse

from cohere_conformance.checks import judge
from cohere_conformance.checks.judge import evidence_of
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.registry import _CHECKS, checked
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange, Severity
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Finding

Body = dict[str, Any]
CHAT = "POST /v2/chat"
USER = {"role": "user", "content": "Hi"}
TEXT = {"type": "text", "text": "Hi there. 🗼 Bye"}
THOUGHT = {"type": "thinking", "thinking": "Hm."}
SOURCE = {"type": "document", "id": "doc:0", "document": {"id": "doc:0", "text": "x"}}
CALLED = {"id": "look_25wunzivigac", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {"type": "object", "properties": {"a": {}}, "required": ["a"]},
    },
}
FRUIT = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
CALLS = {"finish": "TOOL_CALL", "message": {"content": None, "tool_calls": [CALLED]}, "tools": [TOOL]}
RESULT = {"role": "tool", "tool_call_id": "look_25wunzivigac", "content": "x"}


def made(call: Body, **further: Any) -> Body:
    """Return a call with other arguments, name or id."""
    function = {**call["function"], **{k: v for k, v in further.items() if k != "id"}}
    return {**call, "function": function, **{k: v for k, v in further.items() if k == "id"}}


def calling(*calls: Body, **further: Any) -> Body:
    return CALLS | {"message": {"content": None, "tool_calls": list(calls)}} | further


def citing(*citations: Body, **further: Any) -> Body:
    reported = [{"sources": [SOURCE], "type": "TEXT_CONTENT"} | citation for citation in citations]
    return {"message": {"citations": reported}, "documents": ["x"]} | further


def counted(
    billed: tuple[float, float] = (4, 3), tokens: tuple[float, float] = (9, 3), **further: Any
) -> Body:
    names = ("input_tokens", "output_tokens")
    usage = {
        "billed_units": dict(zip(names, billed, strict=True)),
        "tokens": dict(zip(names, tokens, strict=True)),
    }
    return {"usage": usage | further}


def likely(**changes: Any) -> Body:
    entry = {"text": TEXT["text"], "token_ids": [1, 2], "logprobs": [-0.5, 0.0]} | changes
    return {"logprobs": True, "answer": {"logprobs": [entry]}}


def form(text: str, schema: Body | None = FRUIT) -> Body:
    wanted = {"type": "json_object"} | ({"json_schema": schema} if schema else {})
    return {"message": {"content": [{"type": "text", "text": text}]}, "response_format": wanted}


def talk(**further: Any) -> Exchange:
    """Return an exchange; what is no part of the answer belongs to the request."""
    reported = {"role": "assistant", "content": [TEXT]} | further.pop("message", {})
    answer = {
        "id": UUID,
        "finish_reason": further.pop("finish", "COMPLETE"),
        "message": {name: value for name, value in reported.items() if value is not None},
        **counted(),
        **{name: further.pop(name) for name in ("usage",) if name in further},
        **further.pop("answer", {}),
    }
    headers = (*JSON, *further.pop("headers", ()))
    request = {"model": "command-a-03-2025", "messages": [USER]} | further
    return exchange(CHAT, answer, request=request, headers=headers)


def stream(*events: Body, end: Body | None = None, headers: Any = (), **further: Any) -> Exchange:
    payloads = chat_v2(*events)
    payloads[-1]["delta"] |= end or {}
    request = {"model": "command-a-03-2025", "messages": [USER], "stream": True} | further
    return exchange(CHAT, sse(payloads), request=request, headers=(*SSE, *headers))


def streamed_lines(accept: str) -> Exchange:
    """Return a stream of JSON lines that a client got who had sent this Accept."""
    request = {"model": "command-a-03-2025", "messages": [USER], "stream": True}
    headers = (*JSON, ("accept", accept))
    body = lines(chat_v2(*block("Hi")))
    return exchange(CHAT, body, request=request, request_headers=headers, headers=NDJSON)


def cited(index: int) -> list[Body]:
    reported = {
        "start": 3 * index,
        "end": 3 * index + 2,
        "text": "Hi",
        "sources": [SOURCE],
        "type": "TEXT_CONTENT",
    }
    return [
        {"type": "citation-start", "index": index, "delta": {"message": {"citations": reported}}},
        {"type": "citation-end", "index": index},
    ]


def delta(text: str) -> Body:
    return {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}}


ACCURATE = {"documents": ["x"], "citation_options": {"mode": "accurate"}}
FAILED = {"finish_reason": "ERROR", "usage": {}}
HI = {"start": 0, "end": 2, "text": "Hi"}
TURN = {"role": "assistant", "tool_calls": [CALLED]}
ROWS: dict[str, tuple[Exchange, Exchange]] = {
    "id": (talk(), talk(answer={"id": "answer-1"})),
    "text-not-empty": (
        talk(finish="STOP_SEQUENCE", message={"content": [{"type": "text", "text": ""}]}),
        talk(message={"content": [TEXT, {"type": "text", "text": ""}]}),
    ),
    "thinking-first": (
        talk(message={"content": [THOUGHT, TEXT]}),
        talk(message={"content": [TEXT, THOUGHT]}),
    ),
    "thinking-disabled": (
        talk(thinking={"type": "disabled"}),
        talk(thinking={"type": "disabled"}, message={"content": [THOUGHT, TEXT]}),
    ),
    "stop-excluded": (
        talk(finish="STOP_SEQUENCE", stop_sequences=["zzz"]),
        talk(finish="STOP_SEQUENCE", stop_sequences=["zzz", "."]),
    ),
    "stop-obeyed": (talk(stop_sequences=["zzz"]), talk(stop_sequences=["there"])),
    "max-tokens": (talk(finish="MAX_TOKENS", max_tokens=3), talk(max_tokens=2)),
    "cut-finish": (talk(max_tokens=4), talk(max_tokens=3)),
    "stream-accepted": (
        streamed_lines("application/json, application/stream+json"),
        streamed_lines("text/event-stream"),
    ),
    "max-tokens-reached": (talk(finish="MAX_TOKENS", max_tokens=3), talk(finish="MAX_TOKENS", max_tokens=4)),
    "json-object": (talk(**form('{"name": "fig"}', None)), talk(**form('["fig"]', None))),
    "json-schema": (talk(**form('{"name": "fig"}')), talk(**form('{"name": 7}'))),
    "tool-call-finish": (talk(**CALLS), talk(**CALLS | {"finish": "COMPLETE"})),
    "tool-call-id-unique": (
        talk(**calling(CALLED, made(CALLED, id="look_000000000000"))),
        talk(**calling(CALLED, CALLED)),
    ),
    "tool-call-id-form": (talk(**CALLS), talk(**calling(made(CALLED, id=UUID)))),
    "tool-known": (talk(**CALLS), talk(**calling(made(CALLED, name="peek", id="peek_25wunzivigac")))),
    "arguments-object": (
        talk(**calling(made(CALLED, arguments="null"))),
        talk(**calling(made(CALLED, arguments='{"a": '))),
    ),
    "text-beside-calls": (
        talk(**calling() | {"message": {"content": [THOUGHT], "tool_calls": [CALLED]}}),
        talk(**calling() | {"message": {"tool_calls": [CALLED]}}),
    ),
    "tool-choice-required": (
        talk(**CALLS, tool_choice="REQUIRED"),
        talk(tools=[TOOL], tool_choice="REQUIRED"),
    ),
    "tool-choice-none": (talk(tools=[TOOL], tool_choice="NONE"), talk(**CALLS, tool_choice="NONE")),
    "citation-slice": (
        talk(**citing({"start": 10, "end": 15, "text": "🗼 Bye"[:5]})),
        talk(**citing({"start": 0, "end": 1, "text": "Hi"})),
    ),
    "citations-ordered": (
        talk(**citing(HI, {"start": 3, "end": 8, "text": "there"})),
        talk(**citing(HI, {"start": 1, "end": 2, "text": "i"})),
    ),
    "citation-source-known": (
        talk(
            **citing(HI | {"sources": [{"type": "tool", "id": "look_1:0", "tool_output": {}}]})
            | {
                "messages": [
                    USER,
                    {"role": "assistant", "tool_calls": [made(CALLED, id="look_1")]},
                    RESULT | {"tool_call_id": "look_1"},
                ]
            }
        ),
        talk(**citing(HI) | {"documents": []}),
    ),
    "citation-document-id": (
        talk(**citing(HI)),
        talk(**citing(HI | {"sources": [SOURCE | {"document": {"text": "x"}}]})),
    ),
    "citations-off": (
        talk(**citing(HI, citation_options={"mode": "ACCURATE"})),
        talk(**citing(HI, citation_options={"mode": "off"})),
    ),
    "citations-last": (
        stream(*block("Hi", " Hi", inside=[*cited(0), *cited(1)]), **ACCURATE),
        stream(*block("Hi", inside=[*cited(0), delta(" Hi")]), **ACCURATE),
    ),
    "usage-told": (
        stream(*block("Hi"), end=FAILED | {"error": "x"}),
        stream(*block("Hi"), end={"usage": {}}),
    ),
    "usage-billed-input": (
        talk(
            usage=counted((12, 3))["usage"]
            | {"tokens": {"input_tokens": 9, "output_tokens": 3, "image_tokens": 3}}
        ),
        talk(**counted((12, 3))),
    ),
    "usage-billed-output": (talk(**counted((4, 3))), talk(**counted((4, 4)))),
    "usage-cached": (talk(**counted(tokens=(20, 3), cached_tokens=16)), talk(**counted(cached_tokens=16))),
    "logprobs-given": (talk(**likely()), talk(logprobs=True)),
    "logprobs-text": (talk(**likely()), talk(**likely(text="Hi"))),
    "logprobs-length": (talk(**likely()), talk(**likely(token_ids=[1]))),
    "logprobs-negative": (talk(**likely()), talk(**likely(logprobs=[-0.5, 0.1]))),
    "stream-error-told": (stream(end=FAILED | {"error": "x"}), stream(end=FAILED)),
    "stream-uncounted": (stream(*block("Hi")), stream(*block("Hi"), headers=[("num_tokens", "3")])),
    "messages-empty": (talk(), talk(messages=[])),
    "tool-result-of-call": (talk(messages=[USER, TURN, RESULT]), talk(messages=[USER, RESULT, TURN])),
    "tool-calls-distinct": (
        talk(messages=[USER, TURN, RESULT]),
        talk(messages=[USER, TURN, RESULT, TURN, RESULT]),
    ),
    "documents-distinct": (
        talk(documents=[{"id": "a", "data": {}}, {"id": "b", "data": {}}]),
        talk(documents=[{"id": "a", "data": {}}, {"id": "a", "data": {}}]),
    ),
    "strict-tools": (
        talk(tools=[TOOL], strict_tools=True),
        talk(
            tools=[{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}],
            strict_tools=True,
        ),
    ),
    "json-mode-alone": (talk(**form('{"name": "fig"}')), talk(**form('{"name": "fig"}'), tools=[TOOL])),
    "json-schema-object": (talk(**form('{"name": "fig"}')), talk(**form("{}", {"type": "array"}))),
    "images-limited": (
        talk(messages=[{"role": "user", "content": [IMAGE] * 20}]),
        talk(messages=[{"role": "user", "content": [IMAGE] * 11}] * 2),
    ),
}
RELATIONS = {"max-tokens-above", "cut-told", "repeatable", "usage-grows", "stream-equals"}


def violated(contract: Contract, reported: Exchange) -> list[Finding]:
    found = judge(contract, reported)
    assert not [one for one in found if one.severity is Severity.BREAKING and not one.requirement], found
    return [one for one in found if one.requirement]


@pytest.mark.parametrize("name", ROWS)
def test_what_conforms_violates_nothing(amended: Contract, name: str) -> None:
    assert violated(amended, ROWS[name][0]) == []


@pytest.mark.parametrize("name", ROWS)
def test_what_deviates_violates_just_this(amended: Contract, name: str) -> None:
    found = violated(amended, ROWS[name][1])
    assert {one.requirement for one in found} == {f"v2.chat.{name}"}
    assert all(one.expected and one.observed for one in found)


def test_each_requirement_is_checked_or_a_relation() -> None:
    ours = {
        name.removeprefix("v2.chat.") for name in shipped_requirements().requirements if "v2.chat." in name
    }
    assert ours == set(ROWS) | RELATIONS
    assert {f"v2.chat.{name}" for name in ROWS} <= checked()


@pytest.mark.parametrize("name", ["json-schema", "json-schema-object"])
def test_a_schema_by_its_other_name_is_judged_as_well(amended: Contract, name: str) -> None:
    """The v2 API accepts `schema` for `json_schema`: what obeys and what does not is the same."""
    good, bad = ROWS[name]
    for reported, expected in ((good, set()), (bad, {f"v2.chat.{name}"})):
        body = (reported.request.body or b"").replace(b'"json_schema"', b'"schema"')
        request = msgspec.structs.replace(reported.request, body=body)
        renamed = msgspec.structs.replace(reported, request=request)
        assert b'"schema"' in body
        assert {one.requirement for one in violated(amended, renamed)} == expected


NULLS = (
    "messages",
    "tools",
    "documents",
    "response_format",
    "thinking",
    "stop_sequences",
    "citation_options",
)
ODD: dict[str, Exchange] = {
    "nothing but what must be": exchange(
        CHAT, {"id": UUID, "finish_reason": "COMPLETE", "message": {"role": "assistant"}}
    ),
    "nulls": talk(**dict.fromkeys((*NULLS, "max_tokens", "logprobs"))),
    "numbers": talk(**dict.fromkeys((*NULLS, "tool_choice", "strict_tools"), 7)),
    "lists of anything": talk(**{name: [None, 7, "x", [], {}, {"content": 7, "id": []}] for name in NULLS}),
    "no object": exchange(CHAT, {}, request=[1]),
    "a broken schema": talk(
        **form('{"name": "fig"}', {"type": "object", "properties": 7, "$ref": "http://a/b"})
    ),
    "a deep reply": talk(**form("[" * 100_000)),
    "a citation out of nowhere": talk(
        message={"citations": [{"start": -3, "end": 99, "content_index": 8, "text": ""}]}
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_no_check_raises(amended: Contract, name: str) -> None:
    every(amended, ODD[name])


@pytest.mark.parametrize("name", ["conforming", "deviating"])
def test_no_check_raises_on_the_examples(amended: Contract, name: str) -> None:
    path = folder("cassettes") / "examples" / f"{name}.jsonl"
    seen = [one for one in parse_recording(str(path)) if isinstance(one, Exchange)]
    valid = [
        one for one in seen if not any(found.severity is Severity.BREAKING for found in judge(amended, one))
    ]
    assert sum(every(amended, one) for one in valid if one.response.status == 200)


def every(contract: Contract, reported: Exchange) -> int:
    """Run every check that there is for the operation; return how many did."""
    checked()
    label = contract.route(reported.request.method, reported.request.url).operation
    bound = _CHECKS["2xx"].get(label or "", []) if label == CHAT else []
    evidence = evidence_of(contract.operations[label], ParsedExchange(reported)) if label else None
    assert evidence is not None
    for one in bound:
        assert json.dumps([str(breach) for breach in one.run(evidence)])
    return len(bound)
