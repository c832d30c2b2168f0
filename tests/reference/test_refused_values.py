"""Values that no declaration lists: which status they get, and what the message says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reference import CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hello."}]}
EMBED = {"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query"}
TURN = {"role": "human", "message": "Hello."}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "tool", "function": {"name": "f", "arguments": "{}"}}],
}
TRAINING = {"base_model": {"base_type": "BASE_TYPE_POETRY"}, "dataset_id": "d"}


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


UNLISTED: dict[str, tuple[str, Any, int, str]] = {
    "tool choice": ("POST /v2/chat", CHAT | {"tool_choice": "any"}, 422, "tool_choice"),
    "tool choice as object": ("POST /v2/chat", CHAT | {"tool_choice": {"type": "any"}}, 422, "tool_choice"),
    "safety mode": ("POST /v2/chat", CHAT | {"safety_mode": "LAX"}, 422, "safety_mode"),
    "tag of a union": ("POST /v2/chat", CHAT | {"response_format": {"type": "xml"}}, 422, "xml"),
    "deep in the body": ("POST /v2/chat", CHAT | {"citation_options": {"mode": "never"}}, 422, "mode"),
    "in a list": ("POST /v2/embed", EMBED | {"embedding_types": ["double"]}, 422, "double"),
    "version 1": ("POST /v1/chat", {"message": "m", "prompt_truncation": "SOME"}, 422, "prompt_truncation"),
    "retired group": ("POST /v1/generate", {"prompt": "p", "truncate": "MIDDLE"}, 422, "truncate"),
    "role, as documented": ("POST /v2/chat", CHAT | {"messages": [{"role": "bot"}]}, 400, "messages.role"),
    "role on version 1": ("POST /v1/chat", {"message": "m", "chat_history": [TURN]}, 400, "human"),
    "call that is no function": (
        "POST /v2/chat",
        CHAT | {"messages": [CALLED, *CHAT["messages"]]},
        400,
        "tool",
    ),
    "input type": ("POST /v2/embed", EMBED | {"input_type": "query"}, 400, "input_type"),
    "gateway without 422": (
        "POST /v1/finetuning/finetuned-models",
        {"name": "n", "settings": TRAINING},
        400,
        "BASE_TYPE_POETRY",
    ),
    "query": ("GET /v1/models?endpoint=fly", None, 422, "endpoint"),
    "query of a listing": ("GET /v1/datasets?validationStatus=lost", None, 422, "validationStatus"),
}


@pytest.mark.parametrize("name", UNLISTED)
def test_the_message_for_an_unknown_enum_value_lists_the_enum(server: CheckedServer, name: str) -> None:
    """As live: 422 with the value and the list, but for what is documented as 400 or declares no 422."""
    label, body, status, fragment = UNLISTED[name]
    message = server.ask(label, body, status=status).json()["message"]
    assert fragment in message
    assert "expected one of: " in message


OF_ANOTHER_TYPE: dict[str, tuple[str, Any, int, str]] = {
    "object for texts": ("POST /v1/embed", {"texts": {"a": 1}}, 422, "is of type object, expected array"),
    "text for a number": (
        "POST /v2/chat",
        CHAT | {"temperature": "hot"},
        422,
        "is of type string, expected number",
    ),
    "fraction for a count": (
        "POST /v2/chat",
        CHAT | {"max_tokens": 1.5},
        422,
        "is of type number, expected integer",
    ),
    "number with two possible types": (
        "POST /v2/chat",
        CHAT | {"messages": [{"role": "user", "content": 5}]},
        422,
        "is of type number, expected string or array",
    ),
    "gateway without 422": (
        "POST /v2/batches",
        {"name": 7, "input_dataset_id": "d", "model": "embed-v4.0"},
        400,
        "is of type number, expected string",
    ),
    "query": ("GET /v1/models?page_size=many", None, 400, "page_size"),
}


@pytest.mark.parametrize("name", OF_ANOTHER_TYPE)
def test_the_message_for_a_wrong_type_names_both_types(server: CheckedServer, name: str) -> None:
    """As live, which names the type that was sent and the one that is expected."""
    label, body, status, fragment = OF_ANOTHER_TYPE[name]
    assert fragment in server.ask(label, body, status=status).json()["message"]


def test_a_message_cuts_a_long_value(server: CheckedServer) -> None:
    """A message stays short, whatever was sent."""
    answer = server.ask("POST /v2/chat", CHAT | {"safety_mode": "x" * 100_000}, status=422)
    assert len(answer.content) < 400
