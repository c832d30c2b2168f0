"""Chat, version 1: the reply to a message and its history, with searches where requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import rules, streams_v1
from cohere_conformance.reference.chat.generation import generate
from cohere_conformance.reference.chat.reply import ModelReply
from cohere_conformance.reference.chat.request_v1 import ChatRequest, parse
from cohere_conformance.reference.groups import chat_v1_faults as faults
from cohere_conformance.reference.handling import (
    ApiError,
    JsonResponse,
    StreamResponse,
    meta,
    new_id,
    operation,
)
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

_Json = dict[str, Any]


@operation("POST /v1/chat", in_thread="large")
def chat(call: Call) -> JsonResponse | StreamResponse:
    """Reply to a message."""
    request = parse(call)
    only_queries = call.body.get("search_queries_only")
    reply = ModelReply("", "COMPLETE", 0) if only_queries else generate(request.prompt, request.options)
    reply = inject(call, faults.REPLY, reply)
    if reply.finish == "ERROR":
        raise ApiError(422, reply.error, error_type=reply.error_type)
    body = inject(call, faults.BODY, _body(call, request, reply))
    if request.conversation is not None and "chat_history" in body:
        request.conversation.turns[:] = body["chat_history"]
    warnings = _warnings(request)
    if inject(call, faults.STREAMED, bool(call.body.get("stream"))):
        events = streams_v1.events(
            body,
            call,
            documents=[one.echo for one in request.prompt.passages if one.kind == "document"],
            fast=request.fast,
            prompt=request.prompt.rendered,
        )
        named = call.headers.get("accepts", "").strip().lower() == "text/event-stream"
        sse = inject(call, faults.SSE, named)
        return StreamResponse(events, "text/event-stream" if sse else "application/stream+json", warnings)
    response = JsonResponse(
        body,
        tokens=request.prompt.billed_input + reply.output_tokens,
        chars=len(request.prompt.rendered),
        warnings=warnings,
    )
    return inject(call, faults.RESPONSE, response)


def _body(call: Call, request: ChatRequest, reply: ModelReply) -> _Json:
    body: _Json = {
        "response_id": new_id(),
        "text": reply.text,
        "generation_id": new_id(),
        "finish_reason": "COMPLETE" if reply.finish == "TOOL_CALL" else reply.finish,
        "meta": _meta(call, request, reply),
    }
    calls = [{"name": one.name, "parameters": one.arguments} for one in reply.calls]
    if calls:
        body["tool_calls"] = calls
    queries = request.search.queries
    if call.body.get("search_queries_only"):
        return body | {"search_queries": queries, "is_search_required": bool(queries)}
    # The history grows by this turn and the reply (CH1-S02).
    turn = {"role": "CHATBOT", "message": reply.text} | ({"tool_calls": calls} if calls else {})
    return body | {"chat_history": [*request.history, request.turn, turn]} | _sources(request, reply)


def _sources(request: ChatRequest, reply: ModelReply) -> _Json:
    """Return what the reply is based on: searches, citations, and the documents found or cited."""
    search = request.search
    found: _Json = {}
    if search.queries:
        found["search_queries"] = search.queries
    if search.results:
        found["search_results"] = search.results
    if reply.citations:
        found["citations"] = [
            {
                "start": one.start,
                "end": one.end,
                "text": one.text,
                "document_ids": [passage.id for passage in one.passages],
                "type": "TEXT_CONTENT",
            }
            for one in reply.citations
        ]
    cited = {passage.id for one in reply.citations for passage in one.passages}
    cited |= {passage.id for passage in search.passages}
    documents = [passage.echo for passage in request.prompt.passages if passage.id in cited]
    return found | ({"documents": documents} if documents else {})


def _meta(call: Call, request: ChatRequest, reply: ModelReply) -> _Json:
    prompt, written = request.prompt, reply.output_tokens
    searched = {"search_units": len(request.search.results)} if request.search.results else {}
    found = meta(call, input_tokens=prompt.billed_input, output_tokens=written, **searched)
    found["tokens"] = {"input_tokens": prompt.input_tokens, "output_tokens": written}
    found["cached_tokens"] = prompt.cached_tokens
    warnings = _warnings(request)
    return found | ({"warnings": list(warnings)} if warnings else {})


def _warnings(request: ChatRequest) -> tuple[str, ...]:
    return (*rules.notices(request.prompt.model), *request.search.warnings)
