"""Chat, version 1: every oracle on the faultless server, every refusal, and every fault seen once."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import Profile, ServerState, catalogue
from cohere_conformance.reference.server import ServerThread
from reference import call

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from cohere_conformance.model import Finding

Body = dict[str, Any]
TOOLS = [
    {
        "name": "tide_table",
        "description": "Times of high water in a harbour.",
        "parameter_definitions": {
            "harbour": {"type": "str", "description": "Name of the harbour", "required": True},
            "date": {"type": "str", "required": True},
            "days": {"type": "List[int]", "required": True},
            "metric": {"type": "bool"},
        },
    }
]
DOCUMENTS = [
    {"title": "Hives", "snippet": "The garden keeps nine hives 🐝.", "note": "secret", "_excludes": "note"},
    {"id": "honey", "title": "Honey", "snippet": "Honey is taken off twice, in June and in August."},
]
ASK = "When is high water in Harlingen on 4 March 2026, within 2 days?"
RESULT = {
    "call": {"name": "tide_table", "parameters": {"harbour": "Harlingen"}},
    "outputs": [{"high_water": "09:48 and 22:05", "height": 4.6}, {"note": "The moon is full."}],
}
HISTORY = [
    {"role": "System", "message": "Answer briefly."},
    {"role": "User", "message": ASK},
    {"role": "Chatbot", "message": "I will look.", "tool_calls": [RESULT["call"]]},
]
PLAIN = {"message": "Describe the work of a lighthouse keeper.", "model": "command-a-03-2025"}
GROUNDED = PLAIN | {"message": "How many hives are there, and when is honey taken?", "documents": DOCUMENTS}
SEARCHED = PLAIN | {
    "message": "Who built the bridge at Remagen?",
    "connectors": [{"id": "web-search", "options": {"site": "example.org"}}],
}
BROKEN = {"id": "failing-search", "continue_on_failure": True}
HIDDEN = GROUNDED | {"documents": [{"id": "hives", **DOCUMENTS[0]}]}
QUERIES = PLAIN | {"message": "Who built the bridge at Remagen?", "search_queries_only": True}
CALLS = PLAIN | {"message": ASK, "tools": TOOLS}
RESULTS = PLAIN | {"message": "", "tools": TOOLS, "tool_results": [RESULT], "chat_history": HISTORY}
LIMITED = PLAIN | {"max_tokens": 9}
REQUESTS = {
    "plain": PLAIN,
    "no-model": {"message": "Hello."},
    "history": PLAIN | {"preamble": "You help.", "chat_history": HISTORY[:2]},
    "grounded": GROUNDED,
    "fast": GROUNDED | {"citation_quality": "fast"},
    "no-citations": GROUNDED | {"citation_quality": "OFF"},
    "nothing-matches": GROUNDED | {"message": "Xyzzy?"},
    "searched": SEARCHED,
    "search-fails": SEARCHED | {"connectors": [*SEARCHED["connectors"], BROKEN]},
    "queries": QUERIES,
    "no-queries": QUERIES | {"message": "And you?"},
    "calls": CALLS,
    "results": RESULTS,
    "single-step": RESULTS | {"message": ASK, "force_single_step": True, "chat_history": []},
    "limited": LIMITED,
    "stopped": PLAIN | {"stop_sequences": ["lighthouse"]},
    "stopped-at-once": PLAIN | {"stop_sequences": ["G", "O", "T", "L", "\n"]},
    "json": PLAIN | {"response_format": {"type": "json_object"}},
    "raw": PLAIN | {"raw_prompting": True},
    "truncated": PLAIN
    | {
        "chat_history": [{"role": "USER", "message": "Once upon a time. " * 50}] * 4,
        "prompt_truncation": "AUTO",
        "max_input_tokens": 600,
    },
}
FORMS = {"application/stream+json": {}, "text/event-stream": {"Accepts": "text/event-stream"}}


class Server:
    def __init__(self, state: ServerState, url: str) -> None:
        self.state = state
        self.url = url

    def send(
        self, body: Body, fault: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[httpx.Response, list[Finding]]:
        self.state.faults = frozenset({catalogue()[fault]} if fault else ())
        return call(self.url, "POST", "/v1/chat", json=body, headers=headers)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    state = ServerState()
    with ServerThread(state) as running:
        yield Server(state, running.url)


def payloads(response: httpx.Response) -> list[Body]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def wrong(body: Body, response: httpx.Response, findings: list[Finding]) -> set[str]:
    """Return the oracles and requirements that an answer breaks, or the kinds of what its schema forbids."""
    kinds = {str(one.kind) for one in findings if one.requirement is None}
    if kinds:
        return kinds
    events = payloads(response)
    streamed = response.headers["content-type"] != "application/json"
    answer = events[-1]["response"] if streamed else response.json()
    history, citations = answer.get("chat_history"), answer.get("citations") or []
    documents = {document["id"] for document in answer.get("documents") or ()}
    billed = answer["meta"]["billed_units"]
    tokens = billed["input_tokens"] + billed["output_tokens"]
    only = body.get("search_queries_only")
    oracles = {
        "R01": [uuid.UUID(answer[name]).version for name in ("response_id", "generation_id")] == [4, 4],
        "S02": only or len(history) == len(body.get("chat_history", ())) + 2,
        "S03": only or history[-1]["message"] == answer["text"],
        "S04": answer["meta"]["api_version"]["version"] == "1",
        "S05": not answer.get("tool_calls") or answer["finish_reason"] == "COMPLETE",
        "S06": not only or (answer["text"] == "" and "is_search_required" in answer),
        "S07": all(answer["text"][one["start"] : one["end"]] == one["text"] for one in citations),
        "S07-ids": all(documents >= {*one["document_ids"]} for one in citations),
        "S08": streamed or int(response.headers["num_tokens"]) == tokens,
        "off": body.get("citation_quality") != "OFF" or not citations,
        "negative": min(billed.values()) >= 0,
        "limit": answer["meta"]["tokens"]["output_tokens"] <= body.get("max_tokens", 8192),
        "tools": {one["name"] for one in answer.get("tool_calls") or ()} <= {"tide_table"},
    }
    if streamed:
        streamed = [one for event in events for one in event.get("citations", ())]
        oracles |= {
            "T03": [event["is_finished"] for event in events] == [False] * (len(events) - 1) + [True],
            "T05": all(one in citations for one in streamed) and len(streamed) == len(citations),
            "calls": all(
                event["tool_calls"] == answer["tool_calls"] for event in events if "tool_calls" in event
            ),
        }
    broken = {name for name, holds in oracles.items() if not holds}
    return broken | {one.requirement for one in findings if one.requirement is not None}


BESIDE = {"message": ASK, "chat_history": []}


@pytest.mark.parametrize(
    ("further", "fault", "position"),
    [
        ({}, None, "0:3:0"),
        ({"force_single_step": False}, None, "0:3:0"),
        ({"force_single_step": True}, None, "0:0"),
        (BESIDE | {"force_single_step": True}, None, "0:0"),
        (BESIDE, "chat.v1.message-with-results", "0:0"),
        ({"chat_history": []}, None, "0:1:0"),
        ({"chat_history": None}, None, "0:1:0"),
    ],
)
def test_the_id_of_a_tool_result_names_its_turn_unless_it_comes_in_a_single_step(
    server: Server, further: Body, fault: str | None, position: str
) -> None:
    """Recorded: `name:call:turn:output` in several steps, `name:call:output` in one."""
    answer = server.send(RESULTS | further, fault)[0].json()
    assert answer["documents"][0]["id"] == f"tide_table:{position}"
    cited = {one for citation in answer["citations"] for one in citation["document_ids"]}
    assert cited <= {one["id"] for one in answer["documents"]}


@pytest.mark.parametrize("name", REQUESTS)
def test_requirements_hold_with_and_without_streaming(server: Server, name: str) -> None:
    body = REQUESTS[name]
    response, findings = server.send(body)
    assert response.status_code == 200, response.text
    assert wrong(body, response, findings) == set()
    for kind, headers in FORMS.items():
        response, findings = server.send(body | {"stream": True}, headers=headers)
        assert response.headers["content-type"] == kind
        assert wrong(body, response, findings) == set()


def test_the_reply_takes_up_what_was_sent(server: Server) -> None:
    answer = server.send(CALLS)[0].json()
    assert answer["tool_calls"] == [
        {"name": "tide_table", "parameters": {"harbour": "Harlingen", "date": "2026-03-04", "days": [2]}}
    ]
    answer = server.send(RESULTS)[0].json()
    assert "09:48 and 22:05" in answer["text"]
    assert answer["documents"][0] == {
        "high_water": "09:48 and 22:05",
        "height": "4.6",
        "id": "tide_table:0:3:0",
    }
    assert [turn["role"] for turn in answer["chat_history"]] == [
        "SYSTEM",
        "USER",
        "CHATBOT",
        "TOOL",
        "CHATBOT",
    ]
    answer = server.send(GROUNDED)[0].json()
    assert [document["id"] for document in answer["documents"]] == ["doc_0", "honey"]
    assert answer["documents"][0]["note"] == "secret"
    assert "secret" not in answer["text"]
    answer = server.send(SEARCHED)[0].json()
    assert answer["search_results"][0]["document_ids"] == [one["id"] for one in answer["documents"]]
    assert "connectors" in answer["meta"]["warnings"][0]
    response, findings = server.send(PLAIN | {"model": "command-r"})
    assert response.headers["x-api-warning"] == response.json()["meta"]["warnings"][0]
    assert not findings
    assert server.send(REQUESTS["no-queries"])[0].json()["is_search_required"] is False
    assert server.send(LIMITED)[0].json()["finish_reason"] == "MAX_TOKENS"
    assert server.send(REQUESTS["stopped"])[0].json()["finish_reason"] == "STOP_SEQUENCE"


def test_a_conversation_is_remembered_under_its_id(server: Server) -> None:
    name = str(uuid.uuid4())

    def say(message: str, fault: str | None = None) -> Body:
        return dict(server.send({"message": message, "conversation_id": name}, fault)[0].json())

    say("My boat is called Anna.")
    assert "called Anna" not in say("What is my boat called?", "chat.v1.conversation-forgotten")["text"]
    answer = say("What is my boat called?")
    assert "My boat is called Anna." in answer["text"]
    assert len(answer["chat_history"]) == 4
    other = server.send({"message": "What is my boat called?", "conversation_id": f"{name}2"})[0].json()
    assert "Anna" not in other["text"]


def test_debug_events_are_sent_on_request(server: Server) -> None:
    response, findings = server.send(PLAIN | {"stream": True}, headers={"x-debug": "1"})
    assert not findings
    assert "lighthouse" in next(one["prompt"] for one in payloads(response) if one["event_type"] == "debug")


REFUSED: dict[str, tuple[Body, str]] = {
    "nothing said": ({"message": " "}, "at least 1 token"),
    "message and results": (
        RESULTS | {"message": "And now?"},
        "cannot specify both message and tool_results",
    ),
    "results without tools": ({"message": "", "tool_results": [RESULT]}, "tools"),
    "two histories": (PLAIN | {"conversation_id": "a", "chat_history": HISTORY[:2]}, "conversation_id"),
    "no documents": (PLAIN | {"documents": []}, "documents"),
    "document id twice": (PLAIN | {"documents": [DOCUMENTS[1]] * 2}, "index 0 and index 1"),
    "raw and documents": (GROUNDED | {"raw_prompting": True}, "raw_prompting"),
    "raw and tools": (CALLS | {"raw_prompting": True}, "raw_prompting"),
    "tool name": (PLAIN | {"tools": [{"name": "1tide", "description": "x"}]}, "1tide"),
    "tool without anything": (PLAIN | {"tools": [{"name": "tide", "description": ""}]}, "tide"),
    "json and documents": (GROUNDED | {"response_format": {"type": "json_object"}}, "json_object"),
    "safety none": (PLAIN | {"safety_mode": "NONE"}, "safety_mode"),
    "penalties": (PLAIN | {"presence_penalty": -1}, "between 0 and 1"),
    "stops": (PLAIN | {"stop_sequences": list("abcdef")}, "at most 5"),
    "too long a reply": (PLAIN | {"max_tokens": 9000}, "maximum output length for this model"),
    "too long a prompt": (PLAIN | {"max_input_tokens": 20}, "size limit exceeded by"),
    "search fails": (SEARCHED | {"connectors": [{"id": "failing-search"}]}, "failing-search"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_combinations_are_rejected(server: Server, name: str) -> None:
    body, fragment = REFUSED[name]
    response, findings = server.send(body)
    assert (response.status_code, findings) == (400, []), response.text
    assert fragment in response.json()["message"]


def test_the_live_profile_has_retired_searches_and_refuses_newer_models() -> None:
    state = ServerState(profile=Profile.LIVE_2026)
    with ServerThread(state) as running:
        server = Server(state, running.url)
        assert wrong(GROUNDED, *server.send(GROUNDED)) == set()
        for body in (SEARCHED, QUERIES, PLAIN | {"model": "command-a-reasoning-08-2025"}):
            response, findings = server.send(body)
            assert (response.status_code, findings) == (400, [])


SEEN: dict[str, tuple[Body, str]] = {
    "history-short": (PLAIN, "S02"),
    "text-differs": (PLAIN, "S03"),
    "citation-off-by-one": (GROUNDED, "S07"),
    "citation-document-unknown": (GROUNDED, "S07-ids"),
    "documents-missing": (GROUNDED, "S07-ids"),
    "finish-tool-call": (CALLS, "enum-unknown"),
    "finish-reason-lower-case": (PLAIN, "enum-unknown"),
    "version-2": (PLAIN, "S04"),
    "billed-negative": (PLAIN, "negative"),
    "header-differs": (PLAIN, "S08"),
    "no-text": (PLAIN, "property-missing"),
    "search-queries-answered": (QUERIES, "S06"),
    "ids-no-uuid": (PLAIN, "format-invalid"),
    "tool-unknown": (CALLS, "tools"),
    "finish-not-max-tokens": (LIMITED, "v1.chat.cut-finish"),
    "max-tokens-ignored": (LIMITED, "limit"),
    "stream-always": (PLAIN, "v1.chat.stream-asked"),
    "stream-ignored": (PLAIN | {"stream": True}, "v1.chat.stream-asked"),
    "excluded-dropped": (HIDDEN, "v1.chat.documents-whole"),
}
STREAM_SEEN: dict[str, tuple[Body, str]] = {
    "not-finished": (PLAIN, "stream-order"),
    "all-finished": (PLAIN, "stream-order"),
    "text-differs": (PLAIN, "stream-fold-mismatch"),
    "finish-differs": (PLAIN, "stream-fold-mismatch"),
    "generation-id-differs": (PLAIN, "stream-fold-mismatch"),
    "pretty-printed": (PLAIN, "stream-malformed"),
    "no-start": (PLAIN, "stream-order"),
    "no-end": (PLAIN, "stream-unterminated"),
    "two-ends": (PLAIN, "stream-order"),
    "citation-first": (GROUNDED, "stream-order"),
    "empty-text": (PLAIN, "bound-exceeded"),
    "chunk-after-calls": (CALLS, "stream-order"),
    "citation-lost": (GROUNDED, "v1.chat.stream-citations"),
    "tool-calls-differ": (CALLS, "v1.chat.stream-tool-calls"),
    "done": (PLAIN, "stream-malformed"),
}
ACCEPTED = {
    "message-with-results": ("message and results", "v1.chat.message-or-results"),
    "duplicate-documents": ("document id twice", "v1.chat.document-ids"),
    "two-histories": ("two histories", "v1.chat.one-history"),
    "results-without-tools": ("results without tools", "v1.chat.results-of-tools"),
    "raw-with-documents": ("raw and documents", "v1.chat.raw-alone"),
    "json-with-documents": ("json and documents", "v1.chat.json-alone"),
    "safety-none-accepted": ("safety none", "v1.chat.safety-none"),
    "sampling-unchecked": ("penalties", "v1.chat.sampling-range"),
    "tool-names-unchecked": ("tool name", "v1.chat.tool-name"),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_fault_of_answers_is_seen(server: Server, name: str) -> None:
    body, expected = SEEN[name]
    assert expected in wrong(body, *server.send(body, f"chat.v1.{name}"))


@pytest.mark.parametrize("name", STREAM_SEEN)
def test_a_fault_of_streams_is_seen_and_leaves_other_answers_alone(server: Server, name: str) -> None:
    body, expected = STREAM_SEEN[name]
    assert expected in wrong(body, *server.send(body | {"stream": True}, f"chat.v1.stream.{name}"))
    assert wrong(body, *server.send(body, f"chat.v1.stream.{name}")) == set()


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_fault_accepts_an_invalid_request(server: Server, name: str) -> None:
    refused, requirement = ACCEPTED[name]
    response, findings = server.send(REFUSED[refused][0], f"chat.v1.{name}")
    assert response.status_code == 200
    assert {one.requirement for one in findings} == {requirement}


def test_the_header_accepts_can_be_ignored(server: Server) -> None:
    response, _ = server.send(
        PLAIN | {"stream": True}, "chat.v1.accepts-ignored", {"Accepts": "text/event-stream"}
    )
    assert response.headers["content-type"] == "application/stream+json"


def test_the_case_of_a_role_can_matter(server: Server) -> None:
    body = PLAIN | {"chat_history": HISTORY[:2]}
    assert server.send(body)[0].status_code == 200
    assert server.send(body, "chat.v1.roles-case-sensitive")[0].status_code == 400


def test_a_fault_changes_the_reply_of_a_stream(server: Server) -> None:
    def said(fault: str | None) -> object:
        return payloads(server.send(PLAIN | {"stream": True}, fault)[0])[-1]["response"]["text"]

    assert said(None) == server.send(PLAIN, "chat.v1.stream.other-reply")[0].json()["text"]
    assert said("chat.v1.stream.other-reply") != said(None)


OTHERWISE = ("accepts-ignored", "conversation-forgotten", "roles-case-sensitive", "stream.other-reply")


def test_every_fault_is_tested() -> None:
    seen = {f"chat.v1.{name}" for name in (*SEEN, *ACCEPTED, *OTHERWISE)}
    seen |= {f"chat.v1.stream.{name}" for name in STREAM_SEEN}
    assert seen == {name for name in catalogue() if name.startswith("chat.v1.")}
