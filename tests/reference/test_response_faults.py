"""Faults of servers that others have written: what each changes, and that all else stays as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import ServerState, chosen
from reference import CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAT, CLASSIFY, EMBED, RERANK = "POST /v2/chat", "POST /v1/classify", "POST /v2/embed", "POST /v2/rerank"
TOKENIZE = "POST /v1/tokenize"
CITED = {
    "model": "command-a-03-2025",
    "messages": [{"role": "user", "content": "Which dish is served on Fridays at the Krabbe?"}],
    "documents": [{"id": "week", "data": {"text": "At the Krabbe 🦀é the dish of every Friday is plaice."}}],
    "citation_options": {"mode": "ACCURATE"},
    "temperature": 0,
}
CALLING = {
    "model": "command-a-03-2025",
    "messages": [{"role": "user", "content": "Look up the tide table of the harbour of Vlissingen."}],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "tide_table",
                "parameters": {
                    "type": "object",
                    "properties": {"harbour": {"type": "string"}},
                    "required": ["harbour"],
                },
            },
        }
    ],
    "tool_choice": "REQUIRED",
}


STATE = ServerState()


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server(STATE) as made:
        yield made


def switch(*faults: str) -> None:
    """Make the server wrong by these faults and no others."""
    STATE.faults = chosen(faults)


def reply(server: CheckedServer, label: str, body: dict[str, Any], *faults: str) -> Any:
    """Return the JSON of a response of a server with these faults."""
    switch(*faults)
    return server.ask(label, body).json()


@pytest.mark.parametrize(
    ("fault", "encoding", "width"),
    [("chat.v2.citation-bytes", "utf-8", 1), ("chat.v2.citation-utf16", "utf-16-le", 2)],
)
def test_citations_count_units(fault: str, encoding: str, width: int, server: CheckedServer) -> None:
    """The offsets of the faulty server fit the text in that encoding, and not as characters."""
    correct = reply(server, CHAT, CITED)["message"]
    text = correct["content"][0]["text"]
    faulty = reply(server, CHAT, CITED, fault)["message"]["citations"]
    assert [one["text"] for one in faulty] == [one["text"] for one in correct["citations"]]
    coded = text.encode(encoding)
    for one in faulty:
        assert coded[one["start"] * width : one["end"] * width].decode(encoding) == one["text"]
    assert any(text[one["start"] : one["end"]] != one["text"] for one in faulty)


def test_arguments_are_encoded_twice(server: CheckedServer) -> None:
    """The text of a text, which is no object."""
    call = reply(server, CHAT, CALLING, "chat.v2.arguments-twice")["message"]["tool_calls"][0]
    inner = json.loads(call["function"]["arguments"])
    assert isinstance(inner, str)
    assert "harbour" in json.loads(inner)


def test_streamed_characters_are_damaged(server: CheckedServer) -> None:
    """U+FFFD is in the text of one fault, invalid UTF-8 in that of the other."""
    streamed = {**CITED, "stream": True}
    switch("chat.v2.stream.text-torn")
    assert "\ufffd\ufffd" in server.ask(CHAT, streamed).content.decode()
    switch("chat.v2.stream.bytes-torn")
    with pytest.raises(UnicodeDecodeError):
        server.ask(CHAT, streamed).content.decode()
    switch()
    assert "🦀" in server.ask(CHAT, streamed).content.decode()


def test_labels_are_in_lower_case(server: CheckedServer) -> None:
    """In the predictions as well as in the confidences."""
    examples = [
        {"text": f"{label} {number}", "label": label} for label in ("Late", "PAID") for number in (1, 2)
    ]
    body = {"inputs": ["Late 0"], "examples": examples}
    [result] = reply(server, CLASSIFY, body, "classify.labels-lower-case")["classifications"]
    assert result["prediction"] == "late"
    assert set(result["labels"]) == {"late", "paid"}


@pytest.mark.parametrize("kind", ["float", "int8", "base64"])
def test_one_type_lacks_a_vector(kind: str, server: CheckedServer) -> None:
    """Only that one, and only where several are asked for."""
    body = {"model": "embed-v4.0", "input_type": "search_query", "texts": ["a", "b"]}
    fault = f"embed.{kind}-vector-missing"
    several = reply(server, EMBED, {**body, "embedding_types": [kind, "uint8"]}, fault)["embeddings"]
    assert {name: len(found) for name, found in several.items()} == {kind: 1, "uint8": 2}
    alone = reply(server, EMBED, {**body, "embedding_types": [kind]}, fault)["embeddings"]
    assert len(alone[kind]) == 2


def test_billed_units_are_missing_for_long_requests(server: CheckedServer) -> None:
    """Short requests say it, long ones do not."""
    body = {"model": "rerank-v3.5", "query": "q", "documents": ["a"]}
    long = {**body, "documents": ["a" * 400]}
    fault = "billing.sometimes-missing"
    assert "billed_units" in reply(server, RERANK, body, fault)["meta"]
    assert "billed_units" not in reply(server, RERANK, long, fault)["meta"]
    assert "billed_units" in reply(server, RERANK, long)["meta"]


def test_ordinary_requests_are_refused(server: CheckedServer) -> None:
    """A charset, a body of 100 kB, a scheme in small letters."""
    body = {"model": "command-a-03-2025", "text": "a"}
    charset = {"content-type": "application/json; charset=utf-8"}
    switch("input.charset-refused", "input.large-refused", "auth.scheme-case")
    assert server.ask(TOKENIZE, body, status=None, headers=charset).status_code == 415
    assert server.ask(TOKENIZE, {**body, "pad": "a" * 100_001}, status=None).status_code == 413
    lower = {"authorization": "bearer reference-key"}
    assert server.ask(TOKENIZE, body, status=None, headers=lower).status_code == 401
    assert server.ask(TOKENIZE, body).status_code == 200
    switch()
    assert server.ask(TOKENIZE, body, headers=charset).status_code == 200
    assert server.ask(TOKENIZE, body, headers=lower).status_code == 200
