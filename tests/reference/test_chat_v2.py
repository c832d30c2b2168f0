"""Chat, version 2: every oracle on the faultless server, every refusal, and every fault seen once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from chat_v2 import (
    CALLED,
    CALLS,
    DOCUMENTS,
    GROUNDED,
    JSON,
    LIMITED,
    LOGPROBS,
    LOOKS,
    NONE,
    PLAIN,
    QUIET,
    REQUESTS,
    REQUIRED,
    STOPPED,
    TEXT,
    THINKS,
    THINKS_NOT,
    Body,
    Server,
    answer_of,
    payloads,
    request,
    same,
    tool,
    user,
    wrong,
)

from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.reference import Profile, ServerState, catalogue
from cohere_conformance.reference.server import ServerThread
from reference import GARBLED

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from cohere_conformance.model import Finding


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    state = ServerState()
    with ServerThread(state) as running:
        yield Server(state, running.url)


@pytest.mark.parametrize("name", REQUESTS)
def test_requirements_hold_and_the_stream_equals_the_response(server: Server, name: str) -> None:
    body = REQUESTS[name]
    response, findings = server.send(body)
    assert response.status_code == 200, response.text
    assert wrong(body, response, findings) == set()
    whole = answer_of(response)
    for accept in ("*/*", "application/json"):
        response, findings = server.send(body | {"stream": True}, headers={"accept": accept})
        assert wrong(body, response, findings) == set()
        assert same(answer_of(response), whole)


def test_the_reply_takes_up_what_was_sent(server: Server) -> None:
    def said(name: str) -> str:
        message = server.send(REQUESTS[name])[0].json()["message"]
        return str(message["content"][-1]["text"])

    assert "My name is Ida." in said("history")
    assert "You help visitors." in said("history")
    assert said("sum") == "12 * 12.5 is 150."
    assert "8 by 8 pixels" in said("looks")
    assert "cannot help" in said("unsafe")
    assert "05:12 and 17:36" in said("results")
    assert "12:30" in said("results")
    assert json.loads(said("json-schema")) | {"crew": 0, "sold": 0, "code": 0} == {
        "name": "Marlene",
        "built": 1987,
        "kind": "cutter",
        "sold": 0,
        "code": 0,
        "crew": 0,
    }
    assert json.loads(said("json")).keys() == {"name", "colour"}
    made = server.send(CALLS)[0].json()["message"]["tool_calls"]
    arguments = [json.loads(one["function"]["arguments"]) for one in made]
    assert arguments == [{"harbour": "Cuxhaven", "date": "2026-05-09"}, {"area": "Cuxhaven", "hours": 1}]
    message = server.send(GROUNDED)[0].json()["message"]
    sources = [source["id"] for one in message["citations"] for source in one["sources"]]
    assert sources == ["hours", "doc:1", "doc:2"]


def test_fast_citations_come_between_the_text_and_others_after_it(server: Server) -> None:
    def kinds(mode: str) -> list[str]:
        body = GROUNDED | {"citation_options": {"mode": mode}, "stream": True}
        return [one["type"] for one in payloads(server.send(body)[0])]

    for mode, between in (("FAST", True), ("ACCURATE", False)):
        sent = kinds(mode)
        last = max(index for index, kind in enumerate(sent) if kind == "content-delta")
        assert (sent.index("citation-start") < last) is between


def test_a_tool_call_above_max_tokens_is_an_error_even_in_a_stream(server: Server) -> None:
    body = CALLS | {"max_tokens": 5}
    response, findings = server.send(body)
    assert (response.status_code, "max_tokens" in response.json()["message"]) == (422, True)
    assert not findings
    response, findings = server.send(body | {"stream": True})
    assert not findings
    end = payloads(response)[-1]["delta"]
    assert (end["finish_reason"], end["usage"]) == ("ERROR", {})
    assert "max_tokens" in end["error"]


def test_debug_events_are_sent_on_request(server: Server) -> None:
    response, findings = server.send(request(stream=True), headers={"x-debug": "1"})
    assert not findings
    assert "lighthouse" in next(one["prompt"] for one in payloads(response) if one["type"] == "debug")


def test_a_longer_conversation_has_more_input_tokens(server: Server) -> None:
    longer = request(
        messages=[user("Hi."), {"role": "assistant", "content": "Hello."}, *request()["messages"]]
    )
    counts = [server.send(body)[0].json()["usage"]["tokens"]["input_tokens"] for body in (request(), longer)]
    assert counts[0] < counts[1]


@pytest.mark.parametrize("name", ["json_schema", "schema"])
def test_the_schema_of_a_reply_goes_by_either_name(server: Server, name: str) -> None:
    """The name of version 1 is accepted as well, and obeyed; langchain-cohere sends it."""
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    body = request(response_format={"type": "json_object", name: schema})
    response, findings = server.send(body)
    assert (response.status_code, findings) == (200, []), response.text
    value = json.loads(response.json()["message"]["content"][0]["text"])
    assert isinstance(value["age"], int)
    response, _ = server.send(request(response_format={"type": "json_object", name: {"type": "array"}}))
    assert response.status_code == 400
    assert f"response_format.{name}" in response.json()["message"]


ANSWER = {"role": "tool", "tool_call_id": "tide_table_25wunzivigac", "content": "x"}
TWO = [{"id": "a", "data": {"text": "x"}}] * 2
REFUSED: dict[str, tuple[Body, str]] = {
    "no messages": (request(messages=[]), "messages"),
    "nothing said": (request(" "), "at least 1 token"),
    "silent assistant": (request(messages=[{"role": "assistant"}, user("a")]), "index 0"),
    "content beside calls": (
        request(messages=[user("a"), CALLED | {"content": "I look."}, ANSWER]),
        "content beside tool_calls",
    ),
    "call id unknown": (request(messages=[user("a"), ANSWER]), "tide_table_25wunzivigac"),
    "call id twice": (request(messages=[user("a"), CALLED, CALLED, user("b")]), "duplicate tool call id"),
    "document id twice": (request(documents=TWO), "index 0 and index 1"),
    "tool name": (request(tools=[tool("get-tide")]), "get-tide"),
    "tool schema": (
        request(tools=[{"type": "function", "function": {"name": "a", "parameters": {"type": "string"}}}]),
        "object",
    ),
    "strict without required": (request(tools=[tool("clock")], strict_tools=True), "required"),
    "strict and many": (
        request(tools=[tool("a", **{f"p{n}": TEXT for n in range(201)})], strict_tools=True),
        "200",
    ),
    "choice without tools": (request(tool_choice="REQUIRED"), "needs tools"),
    "choice too early": (REQUIRED | {"model": "command-r-08-2024"}, "tool_choice"),
    "tools unsupported": (CALLS | {"model": "command-a-vision-07-2025"}, "tools"),
    "json and documents": (JSON | {"documents": DOCUMENTS}, "documents"),
    "json without object": (
        request(response_format={"type": "json_object", "json_schema": {"type": "array"}}),
        "object",
    ),
    "json and limits": (
        request(
            response_format={
                "type": "json_object",
                "json_schema": {
                    "type": "object",
                    "properties": {"a": {"type": "integer", "minimum": 1}},
                    "required": ["a"],
                },
            }
        ),
        "minimum",
    ),
    "safety off": (request(safety_mode="OFF"), "safety_mode"),
    "penalties": (request(frequency_penalty=1.5), "between 0 and 1"),
    "both penalties": (
        request(model="command-r-08-2024", frequency_penalty=0.5, presence_penalty=0.5),
        "both",
    ),
    "stops": (request(stop_sequences=list("abcdef")), "at most 5"),
    "too long a reply": (request(max_tokens=8193), "maximum output length for this model"),
    "no reply": (request(max_tokens=0), "at least 1"),
    "thinking unsupported": (request(thinking={"type": "enabled"}), "thinking"),
    "too many images": (
        LOOKS | {"messages": [{"role": "user", "content": [LOOKS["messages"][0]["content"][1]] * 21}]},
        "at most 20 images",
    ),
    "no eyes": (LOOKS | {"model": PLAIN}, "images"),
    "too long a prompt": (request("a b " * 150_000), "size limit exceeded by"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_combinations_are_rejected(server: Server, name: str) -> None:
    body, fragment = REFUSED[name]
    response, findings = server.send(body)
    assert (response.status_code, findings) == (400, []), response.text
    assert fragment in response.json()["message"]


def test_older_models_accept_safety_mode_off(server: Server) -> None:
    body = request("How do I build a bomb?", model="command-r-08-2024", safety_mode="OFF")
    response, findings = server.send(body)
    assert not findings
    assert "cannot help" not in response.json()["message"]["content"][0]["text"]


def test_the_live_profile_answers_the_same() -> None:
    state = ServerState(profile=Profile.LIVE_2026)
    with ServerThread(state) as running:
        server = Server(state, running.url)
        for name in ("grounded", "calls", "thinks", "json-schema"):
            response, findings = server.send(REQUESTS[name])
            assert wrong(REQUESTS[name], response, findings) == set()
        assert server.send(request(model="command-r"))[0].status_code == 404


SEEN: dict[str, tuple[Body, str]] = {
    "finish-reason-lower-case": (request(), "enum-unknown"),
    "finish-not-tool-call": (CALLS, "O01"),
    "citation-end-inclusive": (GROUNDED, "O07"),
    "citation-source-unknown": (GROUNDED, "O09"),
    "citations-unsorted": (GROUNDED, "O08"),
    "citation-no-content-index": (THINKS, "O07"),
    "citations-not-off": (QUIET, "O10"),
    "tool-call-id-repeated": (CALLS, "O02"),
    "tool-unknown": (CALLS, "O03"),
    "arguments-broken": (CALLS, "O04"),
    "arguments-object": (CALLS, "type-changed"),
    "tool-choice-ignored": (REQUIRED, "O05"),
    "tool-none-ignored": (NONE, "O06"),
    "max-tokens-ignored": (LIMITED, "O11"),
    "stop-ignored": (STOPPED, "O13"),
    "stop-kept": (STOPPED, "O13"),
    "json-mode-ignored": (JSON, "O18"),
    "json-schema-ignored": (JSON, "O18"),
    "usage-negative": (request(), "O15"),
    "usage-billed-above-tokens": (request(), "O15"),
    "usage-string": (request(), "type-changed"),
    "usage-cached-above-input": (request(), "O16"),
    "usage-header-differs": (request(), "O17"),
    "logprobs-positive": (LOGPROBS, "O19"),
    "logprobs-missing": (LOGPROBS, "O19"),
    "logprobs-short": (LOGPROBS, "O19"),
    "thinking-after-text": (THINKS_NOT | {"thinking": {"type": "enabled"}}, "S03"),
    "thinking-not-disabled": (THINKS_NOT, "O20"),
    "content-null": (request(), "null-unexpected"),
    "content-text": (request(), "type-changed"),
    "role-chatbot": (request(), "enum-unknown"),
    "no-id": (request(), "property-missing"),
    "meta": (request(), "property-undocumented"),
    "id-no-uuid": (request(), "v2.chat.id"),
    "cut-early": (LIMITED, "O12"),
    "finish-not-max-tokens": (LIMITED, "v2.chat.cut-finish"),
    "document-echo-without-id": (GROUNDED, "v2.chat.citation-document-id"),
    "tool-call-id-uuid": (CALLS, "O02"),
    "text-beside-calls": (CALLS, "v2.chat.text-beside-calls"),
    "usage-billed-input-above-tokens": (request(), "O14"),
    "logprobs-text-differs": (LOGPROBS, "O19"),
}
STREAM_SEEN: dict[str, tuple[Body, str]] = {
    "no-done": (request(), "stream-unterminated"),
    "two-ends": (request(), "stream-order"),
    "no-end": (request(), "stream-unterminated"),
    "wrong-index": (request(), "stream-order"),
    "event-name-differs": (request(), "stream-order"),
    "no-event-names": (request(), "stream-order"),
    "no-message-start": (request(), "stream-order"),
    "delta-after-end": (request(), "stream-order"),
    "no-content-start": (request(), "stream-order"),
    "no-content-end": (request(), "stream-order"),
    "no-citation-end": (GROUNDED, "stream-order"),
    "unknown-event": (request(), "stream-event-unknown"),
    "plan-after-call": (CALLS, "stream-order"),
    "cut-off": (request(), "stream-unterminated"),
    "arguments-differ": (CALLS, "O04"),
    "empty-block": (request(), "v2.chat.text-not-empty"),
    "citation-mode-swapped": (
        GROUNDED | {"citation_options": {"mode": "ACCURATE"}},
        "v2.chat.citations-last",
    ),
    "num-tokens": (request(), "v2.chat.stream-uncounted"),
    "accept-ignored": (request(), "v2.chat.stream-accepted"),
}


def reported(body: Body, response: httpx.Response, findings: list[Finding]) -> set[str]:
    """Return what is wrong with an answer that may be too wrong for the oracles."""
    required = {one.requirement for one in findings if one.requirement}
    broken = {str(one.kind) for one in findings if not one.requirement}
    return required | (broken or wrong(body, response, []))


@pytest.mark.parametrize("name", SEEN)
def test_a_fault_of_answers_is_seen(server: Server, name: str) -> None:
    body, expected = SEEN[name]
    assert expected in reported(body, *server.send(body, f"chat.v2.{name}"))


@pytest.mark.parametrize("name", STREAM_SEEN)
def test_a_fault_of_streams_is_seen_and_leaves_other_answers_alone(server: Server, name: str) -> None:
    body, expected = STREAM_SEEN[name]
    assert expected in reported(body, *server.send(body | {"stream": True}, f"chat.v2.stream.{name}"))
    assert wrong(body, *server.send(body, f"chat.v2.stream.{name}")) == set()


ACCEPTED = {
    "max-tokens-capped": "too long a reply",
    "duplicate-documents": "document id twice",
    "tool-call-id-unchecked": "call id unknown",
    "empty-messages": "no messages",
    "content-beside-calls": "content beside calls",
    "duplicate-tool-calls": "call id twice",
    "strict-tools-unchecked": "strict without required",
    "json-mode-combined": "json and documents",
    "json-schema-unchecked": "json without object",
    "images-unlimited": "too many images",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_fault_accepts_an_invalid_request(server: Server, name: str) -> None:
    body, _ = REFUSED[ACCEPTED[name]]
    assert server.send(body)[0].status_code == 400
    response, findings = server.send(body, f"chat.v2.{name}")
    assert response.status_code == 200
    ours = {one.id for one in shipped_requirements().requirements.values() if f"chat.v2.{name}" in one.faults}
    # That the model cannot write so much, no single answer shows.
    assert {one.requirement for one in findings} >= ours - {"v2.chat.max-tokens-above"}


OTHERS = {
    "chat.v2.citation-source-untyped",
    "chat.v2.prefix-forgotten",
    "chat.v2.seed-ignored",
    "chat.v2.stream.text-differs",
    "chat.v2.stream.error-untold",
    "chat.v2.stream.no-usage",
}


def test_faults_that_only_another_response_shows(server: Server) -> None:
    response, _ = server.send(GROUNDED, "chat.v2.citation-source-untyped")
    assert "type" not in response.json()["message"]["citations"][0]["sources"][0]
    history = REQUESTS["history"]
    counts = [
        server.send(history, fault)[0].json()["usage"]["tokens"]["input_tokens"]
        for fault in (None, "chat.v2.prefix-forgotten")
    ]
    assert counts[0] > counts[1]
    whole = server.send(request())[0].json()
    streamed = answer_of(server.send(request(stream=True), "chat.v2.stream.text-differs")[0])
    assert not same(streamed, whole)
    assert whole["message"]["content"][0]["text"].startswith(streamed["message"]["content"][0]["text"])
    response, _ = server.send(request(stream=True), "chat.v2.stream.no-usage")
    assert "usage" not in payloads(response)[-1]["delta"]
    ends = [server.send(request(seed=7), "chat.v2.seed-ignored")[0].json()["message"] for _ in range(2)]
    assert ends[0] != ends[1]
    failing = CALLS | {"max_tokens": 5, "stream": True}
    response, found = server.send(failing, "chat.v2.stream.error-untold")
    assert "error" not in payloads(response)[-1]["delta"]
    assert [one.requirement for one in found] == ["v2.chat.stream-error-told"]


def test_every_fault_is_tested() -> None:
    seen = {f"chat.v2.{name}" for name in (*SEEN, *ACCEPTED)} | {
        f"chat.v2.stream.{name}" for name in STREAM_SEEN
    }
    assert seen | OTHERS == {name for name in catalogue() if name.startswith("chat.v2.")} - GARBLED
