"""Faults of chat, version 2, by the stage of the handler that they change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import new_id
from cohere_conformance.reference.injection import without
from cohere_conformance.reference.state import suffix

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.reply import ModelReply
    from cohere_conformance.reference.handling import Call, JsonResponse
    from cohere_conformance.reference.injection import FaultTable

STOP_KEPT = fault("chat.v2.stop-kept", "The reply includes the stop sequence that ended it.")
STREAM_TOKENS = fault("chat.v2.stream.num-tokens", "Streams have the header num_tokens.")

_Json = dict[str, Any]
_Transform = Callable[[_Json, "Call"], _Json]

# -- the reply of the model


def _with_random_word(reply: ModelReply, call: Call) -> ModelReply:
    json_mode = (call.body.get("response_format") or {}).get("type") == "json_object"
    if not reply.text or reply.calls or json_mode:
        return reply
    return replace(reply, text=f"{reply.text} {suffix()}")


REPLY: FaultTable[ModelReply] = {
    fault("chat.v2.seed-ignored", "Each reply ends with a random word, whatever the seed."): (
        _with_random_word
    ),
}

# -- the message


def _each(name: str, change: Callable[[_Json], _Json]) -> _Transform:
    """Return a transform of a message that changes each item of one of its lists."""
    return lambda message, _: (
        {**message, name: [change(item) for item in message[name]]} if message.get(name) else message
    )


def _each_source(change: Callable[[_Json], _Json]) -> _Transform:
    return _each("citations", lambda one: {**one, "sources": [change(source) for source in one["sources"]]})


def _each_function(change: Callable[[_Json], _Json]) -> _Transform:
    return _each("tool_calls", lambda one: {**one, "function": change(one["function"])})


def _renamed(call: _Json) -> _Json:
    name = call["function"]["name"]
    function = {**call["function"], "name": f"{name}_v0"}
    return {**call, "id": call["id"].replace(name, f"{name}_v0", 1), "function": function}


def _unknown_source(source: _Json) -> _Json:
    found = {**source, "id": f"{source['id']}:unknown"}
    return found | {"document": {**source["document"], "id": found["id"]}} if "document" in source else found


def _plan_as_text(message: _Json, call: Call) -> _Json:
    if "tool_calls" not in message or not message.get("tool_plan"):
        return message
    block = {"type": "text", "text": message["tool_plan"]}
    return {**message, "content": [*message.get("content", ()), block]}


def _reversed(name: str) -> _Transform:
    return lambda message, _: {**message, name: message[name][::-1]} if name in message else message


def _content_as_text(message: _Json, call: Call) -> _Json:
    if "content" not in message:
        return message
    return {**message, "content": "".join(block.get("text", "") for block in message["content"])}


def _in_units(length: Callable[[str], int]) -> _Transform:
    """Return a transform that counts the ends of citations in units of another length."""

    def transform(message: _Json, call: Call) -> _Json:
        def counted(citation: _Json) -> _Json:
            text = message["content"][citation.get("content_index") or 0].get("text", "")
            return {**citation, **{name: length(text[: citation[name]]) for name in ("start", "end")}}

        return _each("citations", counted)(message, call)

    return transform


MESSAGE: FaultTable[_Json] = {
    fault("chat.v2.role-chatbot", "The role of the reply is CHATBOT, as in version 1."): (
        lambda message, _: {**message, "role": "CHATBOT"}
    ),
    fault("chat.v2.text-beside-calls", "A message with tool calls repeats the plan as a text block."): (
        _plan_as_text
    ),
    fault("chat.v2.thinking-after-text", "The thinking block follows the text block."): _reversed("content"),
    fault("chat.v2.tool-call-id-repeated", "All tool calls of a response have the same id."): (
        lambda message, call: _each("tool_calls", lambda one: {**one, "id": message["tool_calls"][0]["id"]})(
            message, call
        )
    ),
    fault("chat.v2.tool-call-id-uuid", "The ids of tool calls are UUIDs without the name of the tool."): (
        _each("tool_calls", lambda one: {**one, "id": new_id()})
    ),
    fault("chat.v2.tool-unknown", "Tool calls name tools that the request does not have."): (
        _each("tool_calls", _renamed)
    ),
    fault("chat.v2.arguments-broken", "The last character of the arguments of tool calls is missing."): (
        _each_function(lambda function: {**function, "arguments": function["arguments"][:-1]})
    ),
    fault("chat.v2.arguments-object", "The arguments of tool calls are an object instead of a string."): (
        _each_function(lambda function: {**function, "arguments": json.loads(function["arguments"])})
    ),
    fault("chat.v2.arguments-twice", "The arguments of tool calls are encoded as JSON twice."): (
        _each_function(lambda function: {**function, "arguments": json.dumps(function["arguments"])})
    ),
    fault("chat.v2.citation-bytes", "Citations count bytes of UTF-8 instead of characters."): (
        _in_units(lambda text: len(text.encode("utf-8", "replace")))
    ),
    fault("chat.v2.citation-utf16", "Citations count code units of UTF-16 instead of characters."): (
        _in_units(lambda text: len(text.encode("utf-16-le", "replace")) // 2)
    ),
    fault("chat.v2.citation-end-inclusive", "The end of a citation is the index of its last character."): (
        _each("citations", lambda one: {**one, "end": one["end"] - 1})
    ),
    fault("chat.v2.citation-source-unknown", "Citations name sources that the request does not have."): (
        _each_source(_unknown_source)
    ),
    fault("chat.v2.citation-source-untyped", "The sources of citations have no type."): (
        _each_source(lambda source: without(source, "type"))
    ),
    fault("chat.v2.document-echo-without-id", "The documents in citations have no id."): _each_source(
        lambda source: (
            {**source, "document": without(source["document"], "id")} if "document" in source else source
        )
    ),
    fault("chat.v2.citation-no-content-index", "Citations of later content blocks have no content_index."): (
        _each("citations", lambda one: without(one, "content_index"))
    ),
    fault("chat.v2.citations-unsorted", "The citations are in reverse order."): _reversed("citations"),
    fault("chat.v2.content-null", "The content of a message is null."): (
        lambda message, _: {**message, "content": None} if "content" in message else message
    ),
    fault("chat.v2.content-text", "The content of a message is a string instead of blocks."): (
        _content_as_text
    ),
}

# -- usage and log probabilities


def _billed(name: str, count: Callable[[_Json], int]) -> _Transform:
    """Return a transform of the usage that bills another number."""
    return lambda usage, _: {**usage, "billed_units": {**usage["billed_units"], name: count(usage["tokens"])}}


USAGE: FaultTable[_Json] = {
    fault("chat.v2.usage-billed-input-above-tokens", "More input tokens are billed than the prompt has."): (
        _billed("input_tokens", lambda tokens: tokens["input_tokens"] + 1)
    ),
    fault("chat.v2.usage-negative", "The billed output tokens are negative."): (
        _billed("output_tokens", lambda tokens: -tokens["output_tokens"])
    ),
    fault("chat.v2.usage-billed-above-tokens", "More output tokens are billed than were generated."): (
        _billed("output_tokens", lambda tokens: tokens["output_tokens"] + 1)
    ),
    fault("chat.v2.usage-cached-above-input", "More tokens were cached than the prompt has."): (
        lambda usage, _: {
            **usage,
            "cached_tokens": usage["cached_tokens"] + usage["tokens"]["input_tokens"],
        }
    ),
    fault("chat.v2.usage-string", "The token counts are strings."): (
        lambda usage, _: {
            **usage,
            "tokens": {name: str(count) for name, count in usage["tokens"].items()},
        }
    ),
}

LOGPROBS: FaultTable[list[_Json]] = {
    fault("chat.v2.logprobs-positive", "Log probabilities are above 0."): (
        lambda chunks, _: [
            {**chunk, "logprobs": [0.5 - value for value in chunk["logprobs"]]} for chunk in chunks
        ]
    ),
    fault("chat.v2.logprobs-text-differs", "Each text of the log probabilities has an extra space."): (
        lambda chunks, _: [{**chunk, "text": f"{chunk['text']} "} for chunk in chunks]
    ),
    fault("chat.v2.logprobs-short", "Each chunk of log probabilities has one value less than tokens."): (
        lambda chunks, _: [{**chunk, "logprobs": chunk["logprobs"][1:]} for chunk in chunks]
    ),
}

# -- the response


def _complete(instead_of: str) -> _Transform:
    """Return a transform that sets COMPLETE instead of another finish reason."""
    return lambda body, _: (
        {**body, "finish_reason": "COMPLETE"} if body["finish_reason"] == instead_of else body
    )


BODY: FaultTable[_Json] = {
    fault("chat.v2.finish-not-tool-call", "The finish reason of tool calls is COMPLETE."): (
        _complete("TOOL_CALL")
    ),
    fault("chat.v2.finish-not-max-tokens", "The finish reason of a reply cut at max_tokens is COMPLETE."): (
        _complete("MAX_TOKENS")
    ),
    fault("chat.v2.finish-reason-lower-case", "The finish reason is in lower case."): (
        lambda body, _: {**body, "finish_reason": body["finish_reason"].lower()}
    ),
    fault("chat.v2.logprobs-missing", "The log probabilities are missing although requested."): (
        lambda body, _: without(body, "logprobs")
    ),
    fault("chat.v2.id-no-uuid", "The id of a response is not a UUID."): (
        lambda body, _: {**body, "id": f"answer-{suffix()}"}
    ),
    fault("chat.v2.no-id", "The response has no id."): lambda body, _: without(body, "id"),
    fault("chat.v2.meta", "The response has a meta object, as in version 1."): (
        lambda body, _: {**body, "meta": {"api_version": {"version": "2"}}}
    ),
}
"""The body of a response, which is also what a stream sends piece by piece."""

RESPONSE: FaultTable[JsonResponse] = {
    fault("chat.v2.usage-header-differs", "The header num_tokens counts the input tokens only."): (
        lambda response, _: replace(response, tokens=response.body["usage"]["billed_units"]["input_tokens"])
    ),
}

SSE: FaultTable[bool] = {
    fault(
        "chat.v2.stream.accept-ignored",
        "Streams are lines of JSON, even for clients that accept server-sent events.",
    ): lambda sse, _: False,
}
"""Whether a stream consists of server-sent events."""
