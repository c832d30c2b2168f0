"""Chat, version 2: a complete response, or the same response as a stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import calling, logprobs, rules, streams_v2
from cohere_conformance.reference.chat.generation import generate
from cohere_conformance.reference.chat.request_v2 import cites, parse
from cohere_conformance.reference.groups import chat_v2_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, StreamResponse, new_id, operation
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.generation import GenerationOptions
    from cohere_conformance.reference.chat.prompt import Passage, Prompt
    from cohere_conformance.reference.chat.reply import ModelReply, ReplyCitation, ToolCall
    from cohere_conformance.reference.handling import Call

_Json = dict[str, Any]


@operation("POST /v2/chat", in_thread="large")
def chat(call: Call) -> JsonResponse | StreamResponse:
    """Reply to a conversation."""
    prompt, reply, said = call.once(_replied)
    body = inject(call, faults.BODY, {"id": new_id(), **said})
    warnings = rules.notices(prompt.model)
    if not call.body.get("stream"):
        # The sum is below 0 only with an injected fault.
        tokens = max(0, sum(body["usage"]["billed_units"].values()))
        response = JsonResponse(body, tokens=tokens, chars=len(prompt.rendered), warnings=warnings)
        return inject(call, faults.RESPONSE, response)
    sse = inject(call, faults.SSE, _accepts_events(call.headers.get("accept", "")))
    events = streams_v2.events(
        body, call, mode=cites(call.body), error=reply.error, prompt=prompt.rendered, sse=sse
    )
    media_type = "text/event-stream" if sse else "application/stream+json"
    counted = prompt.billed_input + reply.output_tokens if call.faulty(faults.STREAM_TOKENS) else None
    return StreamResponse(events, media_type, warnings, counted)


def _replied(call: Call) -> tuple[Prompt, ModelReply, _Json]:
    """Return the prompt of a call, the reply, and the body of the response without its id.

    Raises:
        ApiError: 400, the request is invalid; 422, no arguments for a tool can be generated.
    """
    prompt, options = parse(call)
    reply = generate(prompt, options)
    if reply.finish == "ERROR" and not call.body.get("stream"):
        raise ApiError(422, reply.error, error_type=reply.error_type)
    if reply.finish == "STOP_SEQUENCE" and call.faulty(faults.STOP_KEPT):
        reply = _with_stop(prompt, options, reply)
    reply = inject(call, faults.REPLY, reply)
    return prompt, reply, _said(call, prompt, reply)


def _with_stop(prompt: Prompt, options: GenerationOptions, reply: ModelReply) -> ModelReply:
    """Return a reply with the stop sequence that ended it."""
    longer = generate(prompt, replace(options, stops=()))
    stops = (stop for stop in options.stops if longer.text.startswith(reply.text + stop))
    return replace(reply, text=reply.text + next(stops, ""))


def _accepts_events(accept: str) -> bool:
    """Return whether to send server-sent events: not to clients that accept nothing but JSON."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in accept.split(",")}
    return not kinds <= {"application/json", "application/stream+json"}


def _said(call: Call, prompt: Prompt, reply: ModelReply) -> _Json:
    message = inject(call, faults.MESSAGE, _message(reply))
    body: _Json = {
        "message": message if call.body.get("stream") else call.part(message),
        "finish_reason": reply.finish,
        "usage": inject(call, faults.USAGE, _usage(prompt, reply)),
    }
    if call.body.get("logprobs"):
        text = "" if reply.calls or reply.finish == "ERROR" else reply.text
        body["logprobs"] = inject(call, faults.LOGPROBS, logprobs.logprobs(text))
    return body


def _message(reply: ModelReply) -> _Json:
    message: _Json = {"role": "assistant"}
    content = [{"type": "thinking", "thinking": reply.thinking}] if reply.thinking else []
    planned = bool(reply.calls) or reply.finish == "ERROR"
    if not planned and reply.text:
        content.append({"type": "text", "text": reply.text})
    if content or not planned:
        message["content"] = content
    if planned and reply.text:
        message["tool_plan"] = reply.text
    if reply.calls:
        message["tool_calls"] = [_tool_call(one) for one in reply.calls]
    if reply.citations:
        message["citations"] = [_citation(one, len(content) - 1) for one in reply.citations]
    return message


def _tool_call(call: ToolCall) -> _Json:
    function = {"name": call.name, "arguments": calling.compact(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _citation(citation: ReplyCitation, block: int) -> _Json:
    """Return a citation of the content block with the index `block` (CH2-S06)."""
    return {
        "start": citation.start,
        "end": citation.end,
        "text": citation.text,
        "sources": [_source(passage) for passage in citation.passages],
        **({"content_index": block} if block else {}),
        "type": "TEXT_CONTENT",
    }


def _source(passage: Passage) -> _Json:
    if passage.kind == "document":
        return {"type": "document", "id": passage.id, "document": {**passage.echo, "id": passage.id}}
    return {"type": "tool", "id": passage.id, "tool_output": passage.echo}


def _usage(prompt: Prompt, reply: ModelReply) -> _Json:
    return {
        "billed_units": {"input_tokens": prompt.billed_input, "output_tokens": reply.output_tokens},
        "tokens": {"input_tokens": prompt.input_tokens, "output_tokens": reply.output_tokens},
        "cached_tokens": prompt.cached_tokens,
    }
