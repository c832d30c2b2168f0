"""Faults of the stream of version 1, by the stage that they change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import Event

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

Payload = dict[str, Any]
_Payloads = list[Payload]


def _end(payloads: _Payloads, **properties: Any) -> _Payloads:
    """Return the payloads with other properties of stream-end."""
    return [*payloads[:-1], {**payloads[-1], **properties}]


def _finish_differs(payloads: _Payloads, call: Call) -> _Payloads:
    other = "MAX_TOKENS" if payloads[-1]["finish_reason"] == "COMPLETE" else "COMPLETE"
    return _end(payloads, finish_reason=other)


def _citation_lost(payloads: _Payloads, call: Call) -> _Payloads:
    response = payloads[-1]["response"]
    citations = response.get("citations")
    return _end(payloads, response={**response, "citations": citations[:-1]}) if citations else payloads


def _without_parameters(payloads: _Payloads, call: Call) -> _Payloads:
    """Return the payloads with a final response whose calls, in its history as well, have no parameters."""
    response = payloads[-1]["response"]
    if not response.get("tool_calls"):
        return payloads
    bare = [{**one, "parameters": {}} for one in response["tool_calls"]]
    turns = response.get("chat_history") or []
    history = [*turns[:-1], {**turns[-1], "tool_calls": bare}] if turns else turns
    return _end(payloads, response={**response, "tool_calls": bare, "chat_history": history})


def _other_generation(payloads: _Payloads, call: Call) -> _Payloads:
    return [{**payloads[0], "generation_id": payloads[-1]["response"]["response_id"]}, *payloads[1:]]


def _texts(payloads: _Payloads) -> list[int]:
    return [index for index, one in enumerate(payloads) if one["event_type"] == "text-generation"]


def _text_differs(payloads: _Payloads, call: Call) -> _Payloads:
    last = _texts(payloads)[-1:]
    return [payload for index, payload in enumerate(payloads) if index not in last]


def _empty_text(payloads: _Payloads, call: Call) -> _Payloads:
    texts = _texts(payloads)
    empty = {"event_type": "text-generation", "text": ""}
    return [*payloads[: texts[0]], empty, *payloads[texts[0] :]] if texts else payloads


def _citations_first(payloads: _Payloads, call: Call) -> _Payloads:
    citations = [one for one in payloads if one["event_type"] == "citation-generation"]
    others = [one for one in payloads if one["event_type"] != "citation-generation"]
    return [*others[:1], *citations, *others[1:]]


def _late_chunk(payloads: _Payloads, call: Call) -> _Payloads:
    if payloads[-2]["event_type"] != "tool-calls-generation":
        return payloads
    return [*payloads[:-1], {"event_type": "tool-calls-chunk", "text": " again"}, payloads[-1]]


PAYLOADS: FaultTable[_Payloads] = {
    fault(
        "chat.v1.stream.finish-differs", "The finish reason of stream-end differs from that of its response."
    ): _finish_differs,
    fault("chat.v1.stream.citation-lost", "The response in stream-end lacks the last citation."): (
        _citation_lost
    ),
    fault("chat.v1.stream.tool-calls-differ", "The tool calls in stream-end have no parameters."): (
        _without_parameters
    ),
    fault(
        "chat.v1.stream.generation-id-differs",
        "The generation_id of stream-start differs from that of stream-end.",
    ): _other_generation,
    fault("chat.v1.stream.text-differs", "The last text-generation event is missing."): _text_differs,
    fault("chat.v1.stream.empty-text", "A text-generation event is empty."): _empty_text,
    fault("chat.v1.stream.citation-first", "The citations are sent before the text."): _citations_first,
    fault("chat.v1.stream.chunk-after-calls", "A tool-calls-chunk event follows tool-calls-generation."): (
        _late_chunk
    ),
    fault("chat.v1.stream.no-start", "The event stream-start is missing."): (
        lambda payloads, _: payloads[1:]
    ),
    fault("chat.v1.stream.no-end", "The event stream-end is missing."): lambda payloads, _: payloads[:-1],
    fault("chat.v1.stream.two-ends", "The event stream-end is sent twice."): (
        lambda payloads, _: [*payloads, *payloads[-1:]]
    ),
}
"""The payloads of the events, without `is_finished`."""


def _finished(events: list[Event], finished: bool) -> list[Event]:
    return [Event({**event.data, "is_finished": finished}, event.name) for event in events]


EVENTS: FaultTable[list[Event]] = {
    fault("chat.v1.stream.not-finished", "is_finished is false in every event of a stream."): (
        lambda events, _: _finished(events, finished=False)
    ),
    fault("chat.v1.stream.all-finished", "is_finished is true in every event of a stream."): (
        lambda events, _: _finished(events, finished=True)
    ),
    fault("chat.v1.stream.pretty-printed", "Each event takes several lines."): (
        lambda events, _: [Event(json.dumps(event.data, indent=2), event.name) for event in events]
    ),
    fault("chat.v1.stream.done", "The stream ends with [DONE], as in version 2."): (
        lambda events, _: [*events, Event("[DONE]")]
    ),
}
"""The events with their names."""
