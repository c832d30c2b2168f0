"""The stream of version 2: the events that tell a finished answer piece by piece (CH2-T03)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import calling, logprobs
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call

NO_DONE = fault("chat.v2.stream.no-done", "The stream ends without [DONE].")
TWO_ENDS = fault("chat.v2.stream.two-ends", "The event message-end comes twice.")
NO_END = fault("chat.v2.stream.no-end", "The event message-end is missing.")
WRONG_INDEX = fault("chat.v2.stream.wrong-index", "Content blocks and tool calls are counted from 1.")
TEXT_DIFFERS = fault("chat.v2.stream.text-differs", "The last word of a streamed reply is missing.")
ARGUMENTS_DIFFER = fault(
    "chat.v2.stream.arguments-differ", "The last piece of streamed arguments is missing."
)
NAME_DIFFERS = fault("chat.v2.stream.event-name-differs", "The event line of text deltas says text-delta.")
NO_NAMES = fault("chat.v2.stream.no-event-names", "Streamed events have no event line.")
NO_START = fault("chat.v2.stream.no-message-start", "The event message-start is missing.")
AFTER_END = fault("chat.v2.stream.delta-after-end", "A text delta comes after message-end.")
NO_CONTENT_START = fault("chat.v2.stream.no-content-start", "Content blocks are not opened.")
NO_CONTENT_END = fault("chat.v2.stream.no-content-end", "Content blocks are not closed.")
NO_CITATION_END = fault("chat.v2.stream.no-citation-end", "Citations are not closed.")
UNKNOWN_EVENT = fault(
    "chat.v2.stream.unknown-event", "A heartbeat event that nobody declared comes in between."
)
NO_USAGE = fault("chat.v2.stream.no-usage", "The event message-end tells no usage.")
PLAN_AFTER = fault("chat.v2.stream.plan-after-call", "The tool plan comes after the tool calls.")
MODE_SWAPPED = fault(
    "chat.v2.stream.citation-mode-swapped",
    "Accurate citations come between the text, and fast ones after it.",
)
EMPTY_BLOCK = fault("chat.v2.stream.empty-block", "A block without any text comes after the text.")
ERROR_UNTOLD = fault("chat.v2.stream.error-untold", "A stream that fails does not say why.")
INLINE_ERROR = fault(
    "chat.v2.stream.cut-off", "The stream breaks off in the middle, with neither message-end nor [DONE]."
)

_Answer = dict[str, Any]


def events(answer: _Answer, call: Call, *, mode: str, error: str, prompt: str, sse: bool) -> list[Event]:
    """Return the events of an answer.

    Args:
        answer: the whole answer, as it would be without streaming.
        call: the request.
        mode: FAST puts citations between the text, anything else after it (CH2-T04).
        error: what went wrong, where the finish reason is ERROR.
        prompt: told by a debug event, which the request header `X-Debug` asks for.
        sse: server-sent events, which have names and a terminator.
    """
    if call.faulty(MODE_SWAPPED):
        mode = "" if mode == "FAST" else "FAST"
    told = [{"type": "debug", "prompt": prompt}] if "x-debug" in call.headers else []
    payloads = [*_opening(answer), *told, *_body(answer, mode), _ending(answer, error)]
    named = [Event(payload, payload["type"]) for payload in _spoiled(payloads, call)]
    if call.faulty(NAME_DIFFERS):
        named = [Event(e.data, "text-delta" if e.name == "content-delta" else e.name) for e in named]
    if call.faulty(NO_NAMES):
        named = [Event(event.data) for event in named]
    terminated = sse and not call.faulty(NO_DONE) and not call.faulty(INLINE_ERROR)
    return [*named, Event("[DONE]")] if terminated else named


def _event(kind: str, index: int | None = None, **message: Any) -> _Answer:
    found: _Answer = {"type": kind}
    if index is not None:
        found["index"] = index
    return found | ({"delta": {"message": message}} if message else {})


def _opening(answer: _Answer) -> Iterator[_Answer]:
    empty: _Answer = {
        "role": answer["message"]["role"],
        "content": [],
        "tool_plan": "",
        "tool_calls": [],
        "citations": [],
    }
    start = {"id": answer["id"]} if "id" in answer else {}
    yield {**start, **_event("message-start", **empty)}


def _body(answer: _Answer, mode: str) -> Iterator[_Answer]:
    message = answer["message"]
    cited = 0
    content = message.get("content") or ()
    # A fault of whole answers: there is no such message in a stream.
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for index, block in enumerate(blocks):
        kind = "thinking" if block["type"] == "thinking" else "text"
        own = [one for one in message.get("citations") or () if (one.get("content_index") or 0) == index]
        yield _event("content-start", index, content={"type": block["type"], kind: ""})
        likely = answer.get("logprobs") if kind == "text" else None
        yield from _block(index, kind, block[kind], own, cited, fast=mode == "FAST", likely=likely or [])
        cited += len(own)
        yield _event("content-end", index)
    for piece in logprobs.chunks(message.get("tool_plan") or ""):
        yield _event("tool-plan-delta", tool_plan=piece)
    for index, made in enumerate(message.get("tool_calls") or ()):
        function = made["function"]
        opened = {**made, "function": {"name": function["name"], "arguments": ""}}
        yield _event("tool-call-start", index, tool_calls=opened)
        for piece in logprobs.chunks(_pretty(function["arguments"])):
            yield _event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
        yield _event("tool-call-end", index)


def _block(
    index: int,
    kind: str,
    text: str,
    citations: list[_Answer],
    number: int,
    *,
    fast: bool,
    likely: list[_Answer],
) -> Iterator[_Answer]:
    """Yield the pieces of one block, and its citations once what they cite has been sent."""
    waiting, sent = list(citations), 0
    for position, piece in enumerate(logprobs.chunks(text)):
        event = _event("content-delta", index, content={kind: piece})
        if position < len(likely):
            event["logprobs"] = likely[position]
        yield event
        sent += len(piece)
        while fast and waiting and waiting[0]["end"] <= sent:
            yield from _citation(waiting.pop(0), number)
            number += 1
    for citation in waiting:
        yield from _citation(citation, number)
        number += 1


def _citation(citation: _Answer, number: int) -> Iterator[_Answer]:
    yield _event("citation-start", number, citations=citation)
    yield _event("citation-end", number)


def _pretty(arguments: str) -> str:
    try:
        return calling.pretty(json.loads(arguments))
    except ValueError:  # a fault broke them
        return arguments


def _ending(answer: _Answer, error: str) -> _Answer:
    failed = {"error": error} if error else {}
    usage = {} if error else answer.get("usage") or {}
    return {
        "type": "message-end",
        "delta": {**failed, "finish_reason": answer["finish_reason"], "usage": usage},
    }


def _spoiled(payloads: list[_Answer], call: Call) -> list[_Answer]:
    """Return the events with the faults that are switched on."""
    kinds = [payload["type"] for payload in payloads]
    for chosen, kind in (
        (NO_START, "message-start"),
        (NO_END, "message-end"),
        (NO_CONTENT_START, "content-start"),
        (NO_CONTENT_END, "content-end"),
        (NO_CITATION_END, "citation-end"),
    ):
        if call.faulty(chosen):
            payloads = [payload for payload in payloads if payload["type"] != kind]
    for chosen, kind in ((TEXT_DIFFERS, "content-delta"), (ARGUMENTS_DIFFER, "tool-call-delta")):
        if call.faulty(chosen) and kind in kinds:
            last = max(index for index, payload in enumerate(payloads) if payload["type"] == kind)
            payloads = [*payloads[:last], *payloads[last + 1 :]]
    if call.faulty(PLAN_AFTER):
        plan = [payload for payload in payloads if payload["type"] == "tool-plan-delta"]
        others = [payload for payload in payloads if payload["type"] != "tool-plan-delta"]
        payloads = [*others[:-1], *plan, others[-1]]
    if call.faulty(WRONG_INDEX):
        payloads = [
            {**payload, "index": payload["index"] + 1} if "index" in payload else payload
            for payload in payloads
        ]
    if call.faulty(UNKNOWN_EVENT):
        payloads = [payloads[0], {"type": "heartbeat"}, *payloads[1:]]
    if call.faulty(NO_USAGE):
        payloads = [_without(payload, "usage") for payload in payloads]
    if call.faulty(ERROR_UNTOLD):
        payloads = [_without(payload, "error") for payload in payloads]
    if call.faulty(EMPTY_BLOCK) and "content-delta" in kinds:
        index = kinds.count("content-start")
        empty = [
            _event("content-start", index, content={"type": "text", "text": ""}),
            _event("content-end", index),
        ]
        payloads = [*payloads[:-1], *empty, payloads[-1]]
    if call.faulty(TWO_ENDS):
        payloads = [*payloads, payloads[-1]]
    if call.faulty(AFTER_END):
        payloads = [*payloads, _event("content-delta", 0, content={"text": " more"})]
    return payloads[: len(payloads) // 2] if call.faulty(INLINE_ERROR) else payloads


def _without(payload: _Answer, name: str) -> _Answer:
    if payload["type"] != "message-end":
        return payload
    return {**payload, "delta": {key: value for key, value in payload["delta"].items() if key != name}}
