"""A stream is folded once, however many judgements and requirements look at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks import Explainer
from cohere_conformance.checks import fold as folds
from cohere_conformance.contract import load_declarations
from cohere_conformance.model import Exchange, Request, Response, Source

if TYPE_CHECKING:
    import pytest

EVENTS = (
    {"type": "message-start", "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4"},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hello"}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
)


def test_a_stream_is_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    usual = folds.FOLDS["chat-v2"]

    def counted(events: Any) -> folds.Folded:
        calls.append(events)
        return usual.fold(events)

    monkeypatch.setitem(folds.FOLDS, "chat-v2", folds.Fold(counted, usual.response))
    frames = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in EVENTS)
    sent = b'{"model": "command-r-08-2024", "messages": [{"role": "user", "content": "Hi"}], "stream": true}'
    exchange = Exchange(
        Request("POST", "https://api.cohere.com/v2/chat", body=sent),
        Response(200, (("content-type", "text/event-stream"),), f"{frames}data: [DONE]\n\n".encode()),
        Source("stream"),
    )
    Explainer(load_declarations()).judge(exchange)
    assert len(calls) == 1
