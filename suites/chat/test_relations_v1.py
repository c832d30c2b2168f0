"""Chat, version 1: what several answers must have in common, and what must not be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CHAT, MODEL = "POST /v1/chat", "command-a-03-2025"
pytestmark = pytest.mark.operations(CHAT)
HELLO: dict[str, Any] = {"model": MODEL, "message": "Say hello.", "max_tokens": 10}
TOOL = {
    "name": "ferry_times",
    "description": "Departures of the ferry to an island.",
    "parameter_definitions": {"island": {"type": "str", "description": "The island.", "required": True}},
}
RESULT = {
    "call": {"name": "ferry_times", "parameters": {"island": "Vlieland"}},
    "outputs": [{"departs": "14:05"}],
}
DOCUMENT = {"id": "ferry", "title": "Ferry", "snippet": "The ferry to Vlieland departs at 14:05."}
REFUSED: dict[str, dict[str, Any]] = {
    "a message beside tool results": {"tools": [TOOL], "tool_results": [RESULT]},
    "a conversation beside a history": {
        "conversation_id": "conformance-refused",
        "chat_history": [{"role": "USER", "message": "My name is Ida."}],
    },
    "a penalty above one": {"frequency_penalty": 1.5},
    "six stop sequences": {"stop_sequences": ["1", "2", "3", "4", "5", "6"]},
    "two documents of one id": {"documents": [DOCUMENT, DOCUMENT]},
    "a tool whose name begins with a digit": {"tools": [{**TOOL, "name": "2_ferries"}]},
    "tool results without tools": {"message": "", "tool_results": [RESULT]},
    "JSON mode beside documents": {"documents": [DOCUMENT], "response_format": {"type": "json_object"}},
    "no safety mode with a newer model": {"safety_mode": "NONE"},
    "a raw prompt beside documents": {"documents": [DOCUMENT], "raw_prompting": True},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_go_together_is_refused(api: Api, what: str) -> None:
    # The judge tells which rule an answer breaks: each of them holds for every answer, recorded ones too.
    api.call(CHAT, body=HELLO | REFUSED[what], status=(200, 400, 422))


def test_roles_may_be_written_in_any_case(api: Api) -> None:
    history = [{"role": "User", "message": "My name is Ida."}, {"role": "Chatbot", "message": "Hello, Ida."}]
    response = api.call(CHAT, body=HELLO | {"chat_history": history}, status=(200, 400, 422))
    api.require(
        "v1.chat.role-case",
        response.status == 200,
        response,
        expected="an answer to the roles User and Chatbot",
        observed=f"status {response.status}",
    )


def test_keys_that_are_hidden_come_back(api: Api) -> None:
    # Every answer with documents is judged by this; no other request hides a key of a document with an id.
    hidden = DOCUMENT | {"remark": "Not for the model.", "_excludes": "remark"}
    asked = {"message": "When does the ferry to Vlieland depart?", "documents": [hidden], "max_tokens": 40}
    api.call(CHAT, body=HELLO | asked)


def test_a_conversation_goes_on(api: Api) -> None:
    name = f"conformance-{api.unique}"

    def said(message: str) -> ApiResponse:
        return api.call(CHAT, body=HELLO | {"message": message, "conversation_id": name})

    first, second = said("My boat is called Anna."), said("What is my boat called?")
    before, after = (response.at("/chat_history", list | None) or [] for response in (first, second))
    api.require(
        "v1.chat.conversation",
        after[: len(before)] == before and len(after) == len(before) + 2,
        second,
        location="/chat_history",
        expected=f"the {len(before)} turns of the answer before, and two more",
        observed=f"{len(after)} turns",
    )


def test_a_stream_tells_the_same_reply(api: Api) -> None:
    asked = HELLO | {"message": "Which month has the fewest days?", "temperature": 0, "seed": 7, "k": 1}
    at_once, streamed = api.call(CHAT, body=asked), api.call(CHAT, body=asked | {"stream": True})
    wanted, told = (
        {name: response.body.get(name) for name in ("text", "finish_reason")}
        for response in (at_once, streamed)
    )
    api.require(
        "v1.chat.stream-same", told == wanted, streamed, location="/text", expected=str(wanted), observed=told
    )
