"""The stream of version 1: events that add up to the answer which the last one carries (CH1-T04)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import calling, logprobs
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call

NOT_FINISHED = fault("chat.v1.stream.not-finished", "No event of a stream says that it is the last one.")
ALL_FINISHED = fault("chat.v1.stream.all-finished", "Every event of a stream says that it is the last one.")
TEXT_DIFFERS = fault("chat.v1.stream.text-differs", "The last word of a streamed reply is missing.")
FINISH_DIFFERS = fault(
    "chat.v1.stream.finish-differs", "The last event tells another finish reason than the answer inside it."
)
GENERATION_DIFFERS = fault(
    "chat.v1.stream.generation-id-differs", "The stream begins with another generation_id than it ends with."
)
PRETTY = fault("chat.v1.stream.pretty-printed", "Each event is spread over several lines.")
NO_START = fault("chat.v1.stream.no-start", "The event stream-start is missing.")
NO_END = fault("chat.v1.stream.no-end", "The event stream-end is missing.")
TWO_ENDS = fault("chat.v1.stream.two-ends", "The event stream-end comes twice.")
CITATION_FIRST = fault("chat.v1.stream.citation-first", "Citations come before any text.")
EMPTY_TEXT = fault("chat.v1.stream.empty-text", "A text event is empty.")
CITATION_LOST = fault(
    "chat.v1.stream.citation-lost", "The answer at the end of a stream lacks the last of its citations."
)
CALLS_DIFFER = fault(
    "chat.v1.stream.tool-calls-differ",
    "The answer at the end of a stream calls tools without parameters.",
)
CHUNK_LATE = fault(
    "chat.v1.stream.chunk-after-calls", "Tool calls come in pieces after they have come as a whole."
)
DONE = fault("chat.v1.stream.done", "The stream ends with [DONE], as in version 2.")

_Answer = dict[str, Any]
_FINISHES = frozenset({"COMPLETE", "ERROR_LIMIT", "MAX_TOKENS", "ERROR", "ERROR_TOXIC"})
"""What the last event can say; any other finish reason is told as COMPLETE (CH1-T06)."""


def events(answer: _Answer, call: Call, *, documents: list[_Answer], fast: bool, prompt: str) -> list[Event]:
    """Return the events of an answer.

    Args:
        answer: the whole answer, as it would be without streaming.
        call: the request.
        documents: everything there was to draw on, cited or not.
        fast: citations come between the text.
        prompt: told by a debug event, which the request header `X-Debug` asks for.
    """
    finish = answer["finish_reason"] if answer["finish_reason"] in _FINISHES else "COMPLETE"
    answer = {**answer, "finish_reason": finish}
    payloads = [{"event_type": "stream-start", "generation_id": answer["generation_id"]}]
    if "x-debug" in call.headers:
        payloads.append({"event_type": "debug", "prompt": prompt})
    payloads += _body(answer, documents, fast=fast)
    payloads.append({"event_type": "stream-end", "response": answer, "finish_reason": finish})
    ends = "" if call.faulty(NOT_FINISHED) else "stream-end"
    found = [
        Event(
            {"is_finished": payload["event_type"] == ends or call.faulty(ALL_FINISHED), **payload},
            payload["event_type"],
        )
        for payload in _spoiled(payloads, call)
    ]
    if call.faulty(PRETTY):
        found = [Event(json.dumps(event.data, indent=2), event.name) for event in found]
    return [*found, Event("[DONE]")] if call.faulty(DONE) else found


def _body(answer: _Answer, documents: list[_Answer], *, fast: bool) -> Iterator[_Answer]:
    if answer.get("search_queries"):
        yield {"event_type": "search-queries-generation", "search_queries": answer["search_queries"]}
    if documents or answer.get("search_results"):
        results = {"search_results": answer["search_results"]} if answer.get("search_results") else {}
        yield {"event_type": "search-results", **results, "documents": documents}
    calls = answer.get("tool_calls")
    if calls:
        yield from _calling(answer.get("text") or "", calls)
        return
    waiting, sent = list(answer.get("citations") or ()), 0
    for piece in logprobs.chunks(answer.get("text") or ""):
        yield {"event_type": "text-generation", "text": piece}
        sent += len(piece)
        while fast and waiting and waiting[0]["end"] <= sent:
            yield {"event_type": "citation-generation", "citations": [waiting.pop(0)]}
    for citation in waiting:
        yield {"event_type": "citation-generation", "citations": [citation]}


def _calling(plan: str, calls: list[_Answer]) -> Iterator[_Answer]:
    for piece in logprobs.chunks(plan):
        yield {"event_type": "tool-calls-chunk", "text": piece}
    for index, call in enumerate(calls):
        yield {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": index, "name": call["name"]}}
        for piece in logprobs.chunks(calling.pretty(call["parameters"])):
            delta = {"index": index, "parameters": piece}
            yield {"event_type": "tool-calls-chunk", "tool_call_delta": delta}
    yield {"event_type": "tool-calls-generation", "text": plan, "tool_calls": calls}


def _without_parameters(answer: _Answer) -> _Answer:
    """Return an answer whose calls, in its history as well, name their tools only."""
    bare = [{**one, "parameters": {}} for one in answer["tool_calls"]]
    turns = answer.get("chat_history") or []
    history = [*turns[:-1], {**turns[-1], "tool_calls": bare}] if turns else turns
    return {**answer, "tool_calls": bare, "chat_history": history}


def _spoiled(payloads: list[_Answer], call: Call) -> list[_Answer]:
    """Return the events with the faults that are switched on."""
    end = payloads[-1]
    texts = [index for index, payload in enumerate(payloads) if payload["event_type"] == "text-generation"]
    if call.faulty(FINISH_DIFFERS):
        other = "MAX_TOKENS" if end["finish_reason"] == "COMPLETE" else "COMPLETE"
        payloads = [*payloads[:-1], {**end, "finish_reason": other}]
    if call.faulty(CITATION_LOST) and end["response"].get("citations"):
        whole = {**end["response"], "citations": end["response"]["citations"][:-1]}
        payloads = [*payloads[:-1], {**end, "response": whole}]
    if call.faulty(CALLS_DIFFER) and end["response"].get("tool_calls"):
        payloads = [*payloads[:-1], {**end, "response": _without_parameters(end["response"])}]
    if call.faulty(GENERATION_DIFFERS):
        payloads = [{**payloads[0], "generation_id": end["response"]["response_id"]}, *payloads[1:]]
    if call.faulty(TEXT_DIFFERS) and texts:
        payloads = [*payloads[: texts[-1]], *payloads[texts[-1] + 1 :]]
    if call.faulty(EMPTY_TEXT) and texts:
        empty = {"event_type": "text-generation", "text": ""}
        payloads = [*payloads[: texts[0]], empty, *payloads[texts[0] :]]
    if call.faulty(CITATION_FIRST):
        early = [one for one in payloads if one["event_type"] == "citation-generation"]
        late = [one for one in payloads if one["event_type"] != "citation-generation"]
        payloads = [late[0], *early, *late[1:]]
    if call.faulty(CHUNK_LATE) and payloads[-2]["event_type"] == "tool-calls-generation":
        payloads = [*payloads[:-1], {"event_type": "tool-calls-chunk", "text": " again"}, payloads[-1]]
    if call.faulty(NO_START):
        payloads = payloads[1:]
    if call.faulty(NO_END):
        payloads = payloads[:-1]
    return [*payloads, payloads[-1]] if call.faulty(TWO_ENDS) else payloads
