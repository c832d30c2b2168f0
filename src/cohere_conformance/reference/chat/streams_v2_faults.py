"""Faults of the stream of version 2, by the stage that they change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import Event
from cohere_conformance.reference.injection import without

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

NO_DONE = fault("chat.v2.stream.no-done", "The stream ends without [DONE].")
CUT_OFF = fault(
    "chat.v2.stream.cut-off", "The stream ends in the middle, without message-end and without [DONE]."
)

Payload = dict[str, Any]
_Transform = Callable[[list[Payload], "Call"], list[Payload]]


def _left_out(kind: str) -> _Transform:
    """Return a transform that leaves out the events of a type."""
    return lambda payloads, _: [payload for payload in payloads if payload["type"] != kind]


def _last_left_out(kind: str) -> _Transform:
    """Return a transform that leaves out the last event of a type."""

    def transform(payloads: list[Payload], call: Call) -> list[Payload]:
        last = max((index for index, one in enumerate(payloads) if one["type"] == kind), default=None)
        return [payload for index, payload in enumerate(payloads) if index != last]

    return transform


def _end_without(name: str) -> _Transform:
    """Return a transform that leaves out a property of message-end."""
    return lambda payloads, _: [
        {**payload, "delta": without(payload["delta"], name)} if payload["type"] == "message-end" else payload
        for payload in payloads
    ]


def _plan_after_calls(payloads: list[Payload], call: Call) -> list[Payload]:
    plan = [payload for payload in payloads if payload["type"] == "tool-plan-delta"]
    others = [payload for payload in payloads if payload["type"] != "tool-plan-delta"]
    return [*others[:-1], *plan, *others[-1:]]


def _empty_block(payloads: list[Payload], call: Call) -> list[Payload]:
    kinds = [payload["type"] for payload in payloads]
    if "content-delta" not in kinds:
        return payloads
    index = kinds.count("content-start")
    start = {"type": "content-start", "index": index, "delta": _content({"type": "text", "text": ""})}
    return [*payloads[:-1], start, {"type": "content-end", "index": index}, payloads[-1]]


def _content(content: dict[str, str]) -> dict[str, Any]:
    return {"message": {"content": content}}


PAYLOADS: FaultTable[list[Payload]] = {
    fault("chat.v2.stream.no-message-start", "The event message-start is missing."): (
        _left_out("message-start")
    ),
    fault("chat.v2.stream.no-end", "The event message-end is missing."): _left_out("message-end"),
    fault("chat.v2.stream.no-content-start", "The events content-start are missing."): (
        _left_out("content-start")
    ),
    fault("chat.v2.stream.no-content-end", "The events content-end are missing."): _left_out("content-end"),
    fault("chat.v2.stream.no-citation-end", "The events citation-end are missing."): (
        _left_out("citation-end")
    ),
    fault("chat.v2.stream.text-differs", "The last text delta is missing."): _last_left_out("content-delta"),
    fault("chat.v2.stream.arguments-differ", "The last delta of the tool call arguments is missing."): (
        _last_left_out("tool-call-delta")
    ),
    fault("chat.v2.stream.plan-after-call", "The tool plan is sent after the tool calls."): (
        _plan_after_calls
    ),
    fault("chat.v2.stream.wrong-index", "The indexes of content blocks and tool calls start at 1."): (
        lambda payloads, _: [
            {**payload, "index": payload["index"] + 1} if "index" in payload else payload
            for payload in payloads
        ]
    ),
    fault("chat.v2.stream.unknown-event", "An undeclared heartbeat event is sent."): (
        lambda payloads, _: [*payloads[:1], {"type": "heartbeat"}, *payloads[1:]]
    ),
    fault("chat.v2.stream.no-usage", "The event message-end has no usage."): _end_without("usage"),
    fault("chat.v2.stream.error-untold", "A stream that fails does not report its error."): (
        _end_without("error")
    ),
    fault("chat.v2.stream.empty-block", "A content block without text follows the text."): _empty_block,
    fault("chat.v2.stream.two-ends", "The event message-end is sent twice."): (
        lambda payloads, _: [*payloads, *payloads[-1:]]
    ),
    fault("chat.v2.stream.delta-after-end", "A text delta is sent after message-end."): (
        lambda payloads, _: [
            *payloads,
            {"type": "content-delta", "index": 0, "delta": _content({"text": " more"})},
        ]
    ),
    CUT_OFF: lambda payloads, _: payloads[: len(payloads) // 2],
}
"""The payloads of the events."""

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def _torn(event: Event) -> Event:
    if event.data["type"] != "content-delta":
        return event
    text = json.dumps(event.data, ensure_ascii=False)
    return Event(json.loads(_BEYOND_ASCII.sub("\ufffd\ufffd", text)), event.name)


EVENTS: FaultTable[list[Event]] = {
    fault("chat.v2.stream.text-torn", "Characters beyond ASCII are two U+FFFD in streams."): (
        lambda events, _: [_torn(event) for event in events]
    ),
    fault("chat.v2.stream.event-name-differs", "The event line of text deltas is text-delta."): (
        lambda events, _: [
            Event(event.data, "text-delta" if event.name == "content-delta" else event.name)
            for event in events
        ]
    ),
    fault("chat.v2.stream.no-event-names", "The events have no event line."): (
        lambda events, _: [Event(event.data) for event in events]
    ),
}
"""The events with their names."""

MODE: FaultTable[str] = {
    fault(
        "chat.v2.stream.citation-mode-swapped",
        "Accurate citations are sent between the text deltas, fast citations after them.",
    ): lambda mode, _: "" if mode == "FAST" else "FAST",
}
"""The citation mode."""
