"""Chat, version 1: a message with its history, and searches where they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import rules, streams_v1
from cohere_conformance.reference.chat.generation import generate
from cohere_conformance.reference.chat.reading_v1 import ChatRequest, read
from cohere_conformance.reference.chat.reply import ModelReply
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import (
    ApiError,
    JsonResponse,
    StreamResponse,
    meta,
    new_id,
    operation,
)

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.prompt import Passage
    from cohere_conformance.reference.handling import Call

HISTORY_SHORT = fault("chat.v1.history-short", "The history in the answer lacks the turn of the user.")
TEXT_DIFFERS = fault(
    "chat.v1.text-differs", "The last turn of the history says something else than the text."
)
END_INCLUSIVE = fault(
    "chat.v1.citation-off-by-one", "The end of a citation is its last character, not the one after."
)
DOCUMENT_UNKNOWN = fault(
    "chat.v1.citation-document-unknown", "Citations name documents that the answer does not have."
)
NO_DOCUMENTS = fault("chat.v1.documents-missing", "The documents that are cited do not come with the answer.")
TOOL_CALL = fault(
    "chat.v1.finish-tool-call", "Answers with tool calls finish with TOOL_CALL, as in version 2."
)
NOT_MAX_TOKENS = fault(
    "chat.v1.finish-not-max-tokens", "Replies that were cut at max_tokens finish with COMPLETE."
)
LOWER_CASE = fault("chat.v1.finish-reason-lower-case", "The finish reason is written in small letters.")
VERSION = fault("chat.v1.version-2", "The answer says that it comes from version 2 of the API.")
NEGATIVE = fault("chat.v1.billed-negative", "The billed output is a negative number.")
HEADER_DIFFERS = fault("chat.v1.header-differs", "The header num_tokens counts the input only.")
NO_TEXT = fault("chat.v1.no-text", "The answer has no text.")
QUERIES_ANSWERED = fault(
    "chat.v1.search-queries-answered", "With search_queries_only there is a reply nevertheless."
)
SSE_IGNORED = fault("chat.v1.accepts-ignored", "The header Accepts does not make the stream one of events.")
NOT_UUID = fault("chat.v1.ids-no-uuid", "The ids of the answer are no UUIDs.")
STREAM_IGNORED = fault("chat.v1.stream-ignored", "What is asked for as a stream comes at once.")
STREAM_ALWAYS = fault("chat.v1.stream-always", "Every answer is a stream.")
OTHER_REPLY = fault("chat.v1.stream.other-reply", "A stream tells another reply than comes without one.")
EXCLUDED_DROPPED = fault(
    "chat.v1.excluded-dropped", "Documents come back without the keys that are hidden from the model."
)
TOOL_UNKNOWN = fault("chat.v1.tool-unknown", "Tools are called under a name that the request does not have.")

_Answer = dict[str, Any]


@operation("POST /v1/chat", beside="large")
def chat(call: Call) -> JsonResponse | StreamResponse:
    """Answer a message."""
    reading = read(call)
    if call.body.get("search_queries_only"):
        said = "Here is what I would search for." if call.faulty(QUERIES_ANSWERED) else ""
        reply = ModelReply(said, "COMPLETE", 0)
    else:
        reply = generate(reading.prompt, reading.settings)
        if call.body.get("stream") and call.faulty(OTHER_REPLY):
            reply = replace(reply, text=f"{reply.text} Indeed.")
    if reply.finish == "ERROR":
        raise ApiError(422, reply.error, error_type=reply.error_type)
    answer = _answer(call, reading, reply)
    if reading.conversation is not None and "chat_history" in answer:
        reading.conversation.turns[:] = answer["chat_history"]
    warnings = _warnings(reading)
    asked = call.body.get("stream") and not call.faulty(STREAM_IGNORED)
    if asked or call.faulty(STREAM_ALWAYS):
        named = call.headers.get("accepts", "").strip().lower() == "text/event-stream"
        told = streams_v1.events(
            answer,
            call,
            documents=[one.echo for one in reading.prompt.passages if one.kind == "document"],
            fast=reading.fast,
            prompt=reading.prompt.rendered,
        )
        sse = named and not call.faulty(SSE_IGNORED)
        return StreamResponse(told, "text/event-stream" if sse else "application/stream+json", warnings)
    counted = 0 if call.faulty(HEADER_DIFFERS) else reply.output_tokens
    return JsonResponse(
        answer,
        tokens=reading.prompt.billed_input + counted,
        chars=len(reading.prompt.rendered),
        warnings=warnings,
    )


def _answer(call: Call, reading: ChatRequest, reply: ModelReply) -> _Answer:
    answer: _Answer = {
        "response_id": new_id(),
        "text": reply.text,
        "generation_id": new_id(),
        "finish_reason": "COMPLETE" if reply.finish == "TOOL_CALL" else reply.finish,
        "meta": _meta(call, reading, reply),
    }
    calls = [{"name": _name(call, one.name), "parameters": one.arguments} for one in reply.calls]
    if calls:
        answer["tool_calls"] = calls
    if call.body.get("search_queries_only"):
        answer |= {
            "search_queries": reading.search.queries,
            "is_search_required": bool(reading.search.queries),
        }
    else:
        answer["chat_history"] = _history(call, reading, reply, calls)
        answer |= _grounds(call, reading, reply)
    return _spoiled(call, reply, answer)


def _name(call: Call, name: str) -> str:
    return f"{name}_v0" if call.faulty(TOOL_UNKNOWN) else name


def _history(call: Call, reading: ChatRequest, reply: ModelReply, calls: list[_Answer]) -> list[_Answer]:
    """Return the history with this turn and the reply: two turns more than were sent (CH1-S02)."""
    said = f"{reply.text} Indeed." if call.faulty(TEXT_DIFFERS) else reply.text
    turn = {"role": "CHATBOT", "message": said} | ({"tool_calls": calls} if calls else {})
    return [*reading.history, *([] if call.faulty(HISTORY_SHORT) else [reading.turn]), turn]


def _grounds(call: Call, reading: ChatRequest, reply: ModelReply) -> _Answer:
    """Return what the reply rests on: searches, citations, and the documents found or cited."""
    search = reading.search
    found: _Answer = {}
    if search.queries:
        found["search_queries"] = search.queries
    if search.results:
        found["search_results"] = search.results
    if reply.citations:
        found["citations"] = [
            {
                "start": one.start,
                "end": one.end - (1 if call.faulty(END_INCLUSIVE) else 0),
                "text": one.text,
                "document_ids": [_document_id(call, passage) for passage in one.passages],
                "type": "TEXT_CONTENT",
            }
            for one in reply.citations
        ]
    cited = {passage.id for one in reply.citations for passage in one.passages}
    cited |= {passage.id for passage in search.passages}
    documents = [_echo(call, passage) for passage in reading.prompt.passages if passage.id in cited]
    return found | ({"documents": documents} if documents and not call.faulty(NO_DOCUMENTS) else {})


def _echo(call: Call, passage: Passage) -> _Answer:
    hidden = passage.echo.get("_excludes", "").split() if call.faulty(EXCLUDED_DROPPED) else []
    return {name: value for name, value in passage.echo.items() if name not in hidden}


def _document_id(call: Call, passage: Passage) -> str:
    return f"{passage.id}_0" if call.faulty(DOCUMENT_UNKNOWN) else passage.id


def _meta(call: Call, reading: ChatRequest, reply: ModelReply) -> _Answer:
    prompt, written = reading.prompt, reply.output_tokens
    billed = -written - 1 if call.faulty(NEGATIVE) else written
    searched = {"search_units": len(reading.search.results)} if reading.search.results else {}
    told = meta(call, input_tokens=prompt.billed_input, output_tokens=billed, **searched)
    told["tokens"] = {"input_tokens": prompt.input_tokens, "output_tokens": written}
    told["cached_tokens"] = prompt.cached_tokens
    if call.faulty(VERSION):
        told["api_version"] = {"version": "2"}
    warnings = _warnings(reading)
    return told | ({"warnings": list(warnings)} if warnings else {})


def _warnings(reading: ChatRequest) -> tuple[str, ...]:
    return (*rules.notices(reading.prompt.model), *reading.search.warnings)


def _spoiled(call: Call, reply: ModelReply, answer: _Answer) -> _Answer:
    """Return the answer with the faults that are switched on."""
    if reply.calls and call.faulty(TOOL_CALL):
        answer["finish_reason"] = "TOOL_CALL"
    if reply.finish == "MAX_TOKENS" and call.faulty(NOT_MAX_TOKENS):
        answer["finish_reason"] = "COMPLETE"
    if call.faulty(LOWER_CASE):
        answer["finish_reason"] = answer["finish_reason"].lower()
    if call.faulty(NOT_UUID):
        answer |= {name: answer[name][:8] for name in ("response_id", "generation_id")}
    if call.faulty(NO_TEXT):
        del answer["text"]
    return answer
