"""Chat, version 1: history, conversations, streaming, and combinations that must be rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.session.api import Api, ApiResponse

CHAT = "POST /v1/chat"
pytestmark = pytest.mark.operations(CHAT)
HELLO: dict[str, Any] = {"message": "Say hello.", "max_tokens": 10}
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


def hello(api: Api) -> dict[str, Any]:
    """Return the body of a small request."""
    return {"model": api.models["chat"], **HELLO}


def require_refused(api: Api, what: str, message: str) -> None:
    """Require that a combination of options that the documentation rules out is rejected."""
    # Whether it has to be rejected is judged by a requirement for each combination, as in recorded traffic.
    body = hello(api) | {"message": message} | REFUSED[what]
    api.call(CHAT, body=body, status=(200, 400, 422))


def require_role_case(api: Api, messages: tuple[str, str]) -> None:
    """Require that the roles `User` and `Chatbot` of a history are accepted like `USER` and `CHATBOT`."""
    roles = zip(("User", "Chatbot"), messages, strict=True)
    history = [{"role": role, "message": message} for role, message in roles]
    response = api.call(CHAT, body=hello(api) | {"chat_history": history}, status=(200, 400, 422))
    api.require(
        "v1.chat.role-case",
        response.status == 200,
        response,
        expected="status 200 with the roles User and Chatbot",
        observed=f"status {response.status}",
    )


def require_hidden_returned(api: Api, names: Sequence[str]) -> None:
    """Require that properties of a document that `_excludes` hides from the model are in the response."""
    # Judged by a requirement for every response with documents; only this request hides a property.
    hidden = DOCUMENT | dict.fromkeys(names, "Not for the model.") | {"_excludes": " ".join(names)}
    question = {"message": "When does the ferry to Vlieland depart?", "documents": [hidden], "max_tokens": 40}
    api.call(CHAT, body=hello(api) | question)


def require_continued(api: Api, messages: tuple[str, str]) -> None:
    """Require that a second request with the same `conversation_id` continues the history by two turns."""
    conversation = f"conformance-{api.unique}"

    def send(message: str) -> ApiResponse:
        return api.call(CHAT, body=hello(api) | {"message": message, "conversation_id": conversation})

    first, second = map(send, messages)
    before, after = (response.at("/chat_history", list | None) or [] for response in (first, second))
    api.require(
        "v1.chat.conversation",
        after[: len(before)] == before and len(after) == len(before) + 2,
        second,
        location="/chat_history",
        expected=f"the {len(before)} turns of the first response, and two more",
        observed=f"{len(after)} turns",
    )


def require_same_stream(api: Api, message: str) -> None:
    """Require the same text and finish reason with and without streaming."""
    body = hello(api) | {"message": message, "temperature": 0, "seed": 7, "k": 1}
    complete, streamed = api.call(CHAT, body=body), api.call(CHAT, body=body | {"stream": True})
    expected, observed = (
        {name: response.at(f"/{name}", str | None) for name in ("text", "finish_reason")}
        for response in (complete, streamed)
    )
    api.require(
        "v1.chat.stream-same",
        observed == expected,
        streamed,
        location="/text",
        expected=str(expected),
        observed=observed,
    )


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_go_together_is_refused(api: Api, what: str) -> None:
    """A combination of options that the documentation rules out is rejected."""
    require_refused(api, what, str(HELLO["message"]))


def test_roles_may_be_written_in_any_case(api: Api) -> None:
    """The roles `User` and `Chatbot` of a history are accepted like `USER` and `CHATBOT`."""
    require_role_case(api, ("My name is Ida.", "Hello, Ida."))


def test_keys_that_are_hidden_come_back(api: Api) -> None:
    """Properties of a document that `_excludes` hides from the model are still in the response."""
    require_hidden_returned(api, ["remark"])


def test_a_conversation_goes_on(api: Api) -> None:
    """A second request with the same `conversation_id` continues the history by two turns."""
    require_continued(api, ("My boat is called Anna.", "What is my boat called?"))


def test_a_stream_tells_the_same_reply(api: Api) -> None:
    """The text and the finish reason are the same with and without streaming."""
    require_same_stream(api, "Which month has the fewest days?")
