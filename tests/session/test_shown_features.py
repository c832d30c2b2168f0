"""What a response says of a feature: it shows it, it lacks it, or it is too wrong to tell."""

from __future__ import annotations

import pytest

from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.session.shown_features import feature_source

PLAIN = b'{"id": "1", "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}'
CALLS = b'{"message": {"tool_calls": [{"id": "a"}]}}'
STREAM = b'data: {"type": "message-start", "delta": {"message": {"role": "assistant"}}}\n\n'
OPENAI = b'data: {"object": "chat.completion.chunk", "choices": []}\n\ndata: [DONE]\n\n'
LINES = b'{"event_type": "stream-start"}\n{"event_type": "stream-end", "response": {"text": "hi"}}\n'


@pytest.mark.parametrize(
    ("feature", "status", "body", "shown"),
    [
        ("tools", 200, CALLS, True),
        ("tools", 200, PLAIN, False),
        ("tools", 200, STREAM, False),
        ("tools", 200, b'{"choices": []}', None),
        ("tools", 200, b'{"message": null}', None),
        ("tools", 200, OPENAI, None),
        ("tools", 200, LINES, None),
        ("tools", 200, b"<html>", None),
        ("tools", 400, b'{"message": "no tools"}', False),
        ("tools", 501, b"", False),
        ("tools", 500, b"", None),
        ("tools", 404, b"", None),
        ("streaming", 200, STREAM, True),
        ("streaming", 200, LINES, None),
        ("streaming", 200, PLAIN, False),
        ("streaming", 200, OPENAI, None),
        ("streaming", 200, b"<html>", None),
        ("json-mode", 200, PLAIN, True),
        ("logprobs", 200, PLAIN, False),
        ("images", 200, PLAIN, None),
    ],
)
def test_what_a_response_says_of_a_feature(
    feature: str, status: int, body: bytes, shown: bool | None
) -> None:
    request = Request("POST", "http://127.0.0.1:1/v2/chat", (), b"{}")
    exchange = Exchange(request, Response(status, (), body), Source("test"))
    assert feature_source("contract", load_contract()).shows(feature, exchange) is shown
