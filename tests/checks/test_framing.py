"""Server-sent events are split as a client splits them."""

from __future__ import annotations

import random

import httpx
from httpx_sse import EventSource

from cohere_conformance.checks.framing import split

HEADERS = {"content-type": "text/event-stream; charset=utf-8"}
PARTS = ["data:", "data", "event:", "event", "id:", "retry:5", ":", " ", "\n", "\n\n", "\r", "\r\n"]
PARTS += ["x", "{}", "message", "\ufeff", "\u2028", "\x85", "\x0b", "é", "id: 7\n", "a\0"]


def of_a_client(text: str) -> list[tuple[str | None, str]]:
    body = (text.removeprefix("\ufeff") + "\n\n").encode()
    frames = EventSource(httpx.Response(200, headers=HEADERS, content=body)).iter_sse()
    return [(None if one.event == "message" else one.event, one.data) for one in frames if one.data]


def test_random_streams_are_split_as_httpx_sse_splits_them() -> None:
    draw = random.Random(1)
    for _ in range(3000):
        text = "".join(draw.choices(PARTS, k=draw.randrange(14)))
        assert [(one.event, one.data) for one in split(text, "sse")] == of_a_client(text), text
