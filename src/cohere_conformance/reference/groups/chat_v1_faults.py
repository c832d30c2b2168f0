"""Faults of chat, version 1, by the stage of the handler that they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.injection import without

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.reply import ModelReply
    from cohere_conformance.reference.handling import Call, JsonResponse
    from cohere_conformance.reference.injection import FaultTable

_Json = dict[str, Any]
_Transform = Callable[[_Json, "Call"], _Json]


def _reply_to_queries(reply: ModelReply, call: Call) -> ModelReply:
    only = call.body.get("search_queries_only")
    return replace(reply, text="Here is what I would search for.") if only else reply


def _other_reply(reply: ModelReply, call: Call) -> ModelReply:
    streamed = call.body.get("stream") and not call.body.get("search_queries_only")
    return replace(reply, text=f"{reply.text} Indeed.") if streamed else reply


REPLY: FaultTable[ModelReply] = {
    fault("chat.v1.search-queries-answered", "With search_queries_only, the response has a reply."): (
        _reply_to_queries
    ),
    fault("chat.v1.stream.other-reply", "The reply of a stream differs from the reply without streaming."): (
        _other_reply
    ),
}


def _last_turn(change: Callable[[_Json], _Json]) -> _Transform:
    """Return a transform that changes the last turn of the history."""
    return lambda body, _: (
        {**body, "chat_history": [*body["chat_history"][:-1], change(body["chat_history"][-1])]}
        if "chat_history" in body
        else body
    )


def _history_short(body: _Json, call: Call) -> _Json:
    history = body.get("chat_history")
    return {**body, "chat_history": [*history[:-2], history[-1]]} if history else body


def _each(name: str, change: Callable[[_Json], _Json]) -> _Transform:
    """Return a transform that changes each item of a list of the body."""
    return lambda body, _: {**body, name: [change(item) for item in body[name]]} if name in body else body


def _rename_tools(owner: _Json) -> _Json:
    if "tool_calls" not in owner:
        return owner
    calls = [{**call, "name": f"{call['name']}_v0"} for call in owner["tool_calls"]]
    return {**owner, "tool_calls": calls}


def _finish(reason: str, other: str) -> _Transform:
    return lambda body, _: {**body, "finish_reason": other} if body["finish_reason"] == reason else body


def _billed_negative(body: _Json, call: Call) -> _Json:
    units = body["meta"]["billed_units"]
    billed = {**units, "output_tokens": -units["output_tokens"] - 1}
    return {**body, "meta": {**body["meta"], "billed_units": billed}}


BODY: FaultTable[_Json] = {
    fault("chat.v1.history-short", "The history in the response lacks the turn of the user."): (
        _history_short
    ),
    fault("chat.v1.text-differs", "The last turn of the history differs from the text."): (
        _last_turn(lambda turn: {**turn, "message": f"{turn['message']} Indeed."})
    ),
    fault("chat.v1.tool-unknown", "Tool calls name tools that the request does not have."): (
        lambda body, call: _last_turn(_rename_tools)(_rename_tools(body), call)
    ),
    fault("chat.v1.citation-off-by-one", "The end of a citation is the index of its last character."): (
        _each("citations", lambda one: {**one, "end": one["end"] - 1})
    ),
    fault(
        "chat.v1.citation-document-unknown", "Citations name documents that the response does not have."
    ): _each("citations", lambda one: {**one, "document_ids": [f"{name}_0" for name in one["document_ids"]]}),
    fault("chat.v1.documents-missing", "The response does not have the documents that it cites."): (
        lambda body, _: without(body, "documents")
    ),
    fault("chat.v1.excluded-dropped", "The documents lack the fields that _excludes hides from the model."): (
        _each("documents", lambda document: without(document, *document.get("_excludes", "").split()))
    ),
    fault("chat.v1.finish-tool-call", "The finish reason of tool calls is TOOL_CALL, as in version 2."): (
        lambda body, _: {**body, "finish_reason": "TOOL_CALL"} if "tool_calls" in body else body
    ),
    fault("chat.v1.finish-not-max-tokens", "The finish reason of a reply cut at max_tokens is COMPLETE."): (
        _finish("MAX_TOKENS", "COMPLETE")
    ),
    fault("chat.v1.finish-reason-lower-case", "The finish reason is in lower case."): (
        lambda body, _: {**body, "finish_reason": body["finish_reason"].lower()}
    ),
    fault("chat.v1.ids-no-uuid", "The ids of the response are not UUIDs."): (
        lambda body, _: {**body, **{name: body[name][:8] for name in ("response_id", "generation_id")}}
    ),
    fault("chat.v1.no-text", "The response has no text."): lambda body, _: without(body, "text"),
    fault("chat.v1.billed-negative", "The billed output tokens are negative."): _billed_negative,
    fault("chat.v1.version-2", "meta.api_version is version 2."): (
        lambda body, _: {**body, "meta": {**body["meta"], "api_version": {"version": "2"}}}
    ),
}
"""The body of a response, which a stream sends in its last event."""

RESPONSE: FaultTable[JsonResponse] = {
    fault("chat.v1.header-differs", "The header num_tokens counts the input tokens only."): (
        lambda response, _: replace(response, tokens=response.body["meta"]["billed_units"]["input_tokens"])
    ),
}

STREAMED: FaultTable[bool] = {
    fault("chat.v1.stream-ignored", "A requested stream is sent as a single JSON response."): (
        lambda streamed, _: False
    ),
    fault("chat.v1.stream-always", "Every response is a stream."): lambda streamed, _: True,
}
"""Whether to send a stream."""

SSE: FaultTable[bool] = {
    fault("chat.v1.accepts-ignored", "The header Accepts does not select server-sent events."): (
        lambda sse, _: False
    ),
}
"""Whether a stream consists of server-sent events."""
