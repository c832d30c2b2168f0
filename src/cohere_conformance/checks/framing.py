"""Cutting the body of a stream into its events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
from httpx_sse import EventSource

from cohere_conformance.model import StreamEvent

if TYPE_CHECKING:
    from cohere_conformance.contract.compile import Framing

_SSE = {"content-type": "text/event-stream; charset=utf-8"}


def split(text: str, framing: Framing) -> tuple[StreamEvent, ...]:
    """Return the events of a stream: frames of server-sent events, or lines of JSON.

    Comments and frames without data are left out: they keep a connection alive and say nothing.
    """
    if framing == "sse":
        return _frames(text)
    return tuple(StreamEvent(line) for line in text.split("\n") if line.strip())


def sniff(text: str) -> Framing:
    """Return how a body is framed, where nobody says so."""
    head = text.lstrip("\ufeff \t\r\n")
    if re.match(r"(?:event|data|id|retry)?:", head):
        return "sse"
    lines = [line for line in text.split("\n") if line.strip()]
    return "ndjson" if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines) else "json"


def _frames(text: str) -> tuple[StreamEvent, ...]:
    # The blank lines at the end dispatch a last frame that was cut off before its own: whether it is whole
    # is for whoever reads its payload to say.
    body = f"{text.removeprefix(chr(0xFEFF))}\n\n".encode("utf-8", "replace")
    frames = EventSource(httpx.Response(200, headers=_SSE, content=body)).iter_sse()
    return tuple(
        StreamEvent(frame.data, frame.event if frame.event != "message" else None)
        for frame in frames
        if frame.data
    )
