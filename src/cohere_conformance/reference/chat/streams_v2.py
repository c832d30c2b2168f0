"""The stream of version 2: the events that send a complete response piece by piece (CH2-T03)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import calling, logprobs
from cohere_conformance.reference.chat import streams_v2_faults as faults
from cohere_conformance.reference.handling import Event
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call

Payload = dict[str, Any]


def events(response: Payload, call: Call, *, mode: str, error: str, prompt: str, sse: bool) -> list[Event]:
    """Return the events of a response.

    Args:
        response: the complete response, as it would be without streaming.
        call: the request.
        mode: FAST sends citations between the text deltas, any other mode after them (CH2-T04).
        error: the error message, where the finish reason is ERROR.
        prompt: for the debug event, which the request header `X-Debug` asks for.
        sse: send server-sent events, which have names and a terminator.
    """
    mode = inject(call, faults.MODE, mode)
    debug: list[Payload] = [{"type": "debug", "prompt": prompt}] if "x-debug" in call.headers else []
    payloads = [_message_start(response), *debug, *_body(response, mode), _message_end(response, error)]
    payloads = inject(call, faults.PAYLOADS, payloads)
    named = inject(call, faults.EVENTS, [Event(payload, payload["type"]) for payload in payloads])
    terminated = sse and not call.faulty(faults.NO_DONE) and not call.faulty(faults.CUT_OFF)
    return [*named, Event("[DONE]")] if terminated else named


def _event(kind: str, index: int | None = None, **message: Any) -> Payload:
    found: Payload = {"type": kind}
    if index is not None:
        found["index"] = index
    return found | ({"delta": {"message": message}} if message else {})


def _message_start(response: Payload) -> Payload:
    empty: Payload = {
        "role": response["message"]["role"],
        "content": [],
        "tool_plan": "",
        "tool_calls": [],
        "citations": [],
    }
    start = {"id": response["id"]} if "id" in response else {}
    return {**start, **_event("message-start", **empty)}


def _body(response: Payload, mode: str) -> Iterator[Payload]:
    message = response["message"]
    cited = 0
    content = message.get("content") or ()
    # The content is a text only with an injected fault of responses that are not streamed.
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for index, block in enumerate(blocks):
        kind = "thinking" if block["type"] == "thinking" else "text"
        own = [one for one in message.get("citations") or () if (one.get("content_index") or 0) == index]
        yield _event("content-start", index, content={"type": block["type"], kind: ""})
        likely = response.get("logprobs") if kind == "text" else None
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
    citations: list[Payload],
    number: int,
    *,
    fast: bool,
    likely: list[Payload],
) -> Iterator[Payload]:
    """Yield the deltas of one block, and each citation after the text that it cites."""
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


def _citation(citation: Payload, number: int) -> Iterator[Payload]:
    yield _event("citation-start", number, citations=citation)
    yield _event("citation-end", number)


def _pretty(arguments: str) -> str:
    try:
        return calling.pretty(json.loads(arguments))
    except ValueError:  # with an injected fault they are no JSON
        return arguments


def _message_end(response: Payload, error: str) -> Payload:
    failed = {"error": error} if error else {}
    usage = {} if error else response.get("usage") or {}
    return {
        "type": "message-end",
        "delta": {**failed, "finish_reason": response["finish_reason"], "usage": usage},
    }
