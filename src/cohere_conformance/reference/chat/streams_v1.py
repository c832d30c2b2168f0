"""The stream of version 1: its events add up to the response in the last event (CH1-T04)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import calling, logprobs
from cohere_conformance.reference.chat import streams_v1_faults as faults
from cohere_conformance.reference.handling import Event
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call

Payload = dict[str, Any]
_FINISHES = frozenset({"COMPLETE", "ERROR_LIMIT", "MAX_TOKENS", "ERROR", "ERROR_TOXIC"})
"""The finish reasons of the last event; any other reason is sent as COMPLETE (CH1-T06)."""


def events(
    response: Payload, call: Call, *, documents: list[Payload], fast: bool, prompt: str
) -> list[Event]:
    """Return the events of a response.

    Args:
        response: the complete response, as it would be without streaming.
        call: the request.
        documents: all documents that the model could cite.
        fast: send citations between the texts instead of after them.
        prompt: for the debug event, which the request header `X-Debug` asks for.
    """
    finish = response["finish_reason"] if response["finish_reason"] in _FINISHES else "COMPLETE"
    response = {**response, "finish_reason": finish}
    payloads = [{"event_type": "stream-start", "generation_id": response["generation_id"]}]
    if "x-debug" in call.headers:
        payloads.append({"event_type": "debug", "prompt": prompt})
    payloads += _body(response, documents, fast=fast)
    payloads.append({"event_type": "stream-end", "response": response, "finish_reason": finish})
    found = [
        Event({"is_finished": payload["event_type"] == "stream-end", **payload}, payload["event_type"])
        for payload in inject(call, faults.PAYLOADS, payloads)
    ]
    return inject(call, faults.EVENTS, found)


def _body(response: Payload, documents: list[Payload], *, fast: bool) -> Iterator[Payload]:
    if response.get("search_queries"):
        yield {"event_type": "search-queries-generation", "search_queries": response["search_queries"]}
    if documents or response.get("search_results"):
        results = {"search_results": response["search_results"]} if response.get("search_results") else {}
        yield {"event_type": "search-results", **results, "documents": documents}
    calls = response.get("tool_calls")
    if calls:
        yield from _calling(response.get("text") or "", calls)
        return
    waiting, sent = list(response.get("citations") or ()), 0
    for piece in logprobs.chunks(response.get("text") or ""):
        yield {"event_type": "text-generation", "text": piece}
        sent += len(piece)
        while fast and waiting and waiting[0]["end"] <= sent:
            yield {"event_type": "citation-generation", "citations": [waiting.pop(0)]}
    for citation in waiting:
        yield {"event_type": "citation-generation", "citations": [citation]}


def _calling(plan: str, calls: list[Payload]) -> Iterator[Payload]:
    for piece in logprobs.chunks(plan):
        yield {"event_type": "tool-calls-chunk", "text": piece}
    for index, call in enumerate(calls):
        yield {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": index, "name": call["name"]}}
        for piece in logprobs.chunks(calling.pretty(call["parameters"])):
            delta = {"index": index, "parameters": piece}
            yield {"event_type": "tool-calls-chunk", "tool_call_delta": delta}
    yield {"event_type": "tool-calls-generation", "text": plan, "tool_calls": calls}
