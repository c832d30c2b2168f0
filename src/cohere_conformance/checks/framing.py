"""Cutting the body of a stream into its events."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.model import StreamEvent

if TYPE_CHECKING:
    from cohere_conformance.contract.compile import Framing


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
    """Split server-sent events by the rules of the HTML standard, 9.2.6.

    The split of a client that reads from a network takes four times as long.
    """
    body = text.removeprefix("\ufeff")
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    # A last frame that was cut off before its blank line counts as well: whether it is complete is for
    # whoever reads its payload to say.
    frames = (_remembered(text) if len(text) <= _SHORT else _frame(text) for text in body.split("\n\n"))
    return tuple([event for event in frames if event is not None])


def _frame(text: str) -> StreamEvent | None:
    """Return the event of the lines between two blank ones."""
    name, data = "", list[str]()
    for line in text.split("\n"):
        if line.startswith("data:"):
            data.append(line[6:] if line[5:6] == " " else line[5:])
        elif line.startswith("event:"):
            name = line[7:] if line[6:7] == " " else line[6:]
        # A field without a colon has an empty value; comments, ids, times and unknown fields say nothing.
        elif line == "data":
            data.append("")
        elif line == "event":
            name = ""
    joined = "\n".join(data)
    return StreamEvent(joined, name if name not in {"", "message"} else None) if joined else None


_remembered = lru_cache(maxsize=1024)(_frame)
_SHORT = 512
"""Characters of a frame that is remembered: streams repeat most of their short ones."""
