"""Chat, version 2: one answer, which is streamed from its finished form where a stream is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import garbled
from cohere_conformance.reference.chat import calling, logprobs, rules, streams_v2
from cohere_conformance.reference.chat.generation import generate
from cohere_conformance.reference.chat.reading_v2 import cites, read
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, StreamResponse, new_id, operation
from cohere_conformance.reference.state import suffix

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.prompt import Passage, Prompt
    from cohere_conformance.reference.chat.reply import Citation, ModelReply
    from cohere_conformance.reference.handling import Call

LOWER_CASE = fault("chat.v2.finish-reason-lower-case", "The finish reason is written in small letters.")
NOT_TOOL_CALL = fault("chat.v2.finish-not-tool-call", "Answers with tool calls finish with COMPLETE.")
NOT_MAX_TOKENS = fault(
    "chat.v2.finish-not-max-tokens", "Replies that were cut at max_tokens finish with COMPLETE."
)
ACCEPT_IGNORED = fault(
    "chat.v2.stream.accept-ignored",
    "Streams are lines of JSON, also for clients that accept server-sent events.",
)
END_INCLUSIVE = fault(
    "chat.v2.citation-end-inclusive", "The end of a citation is its last character, not the one after."
)
SOURCE_UNKNOWN = fault(
    "chat.v2.citation-source-unknown", "Citations name sources that the request does not have."
)
UNSORTED = fault("chat.v2.citations-unsorted", "Citations come in the opposite order.")
SOURCE_UNTYPED = fault("chat.v2.citation-source-untyped", "The sources of citations have no type.")
NO_CONTENT_INDEX = fault(
    "chat.v2.citation-no-content-index",
    "Citations do not tell that they belong to a later block than the first.",
)
ID_REPEATED = fault("chat.v2.tool-call-id-repeated", "All tool calls of an answer have the same id.")
ID_UNNAMED = fault("chat.v2.tool-call-id-uuid", "The ids of tool calls are UUIDs and do not name the tool.")
TEXT_BESIDE = fault("chat.v2.text-beside-calls", "Tool calls come with a text block, which repeats the plan.")
TOOL_UNKNOWN = fault("chat.v2.tool-unknown", "Tools are called under a name that the request does not have.")
ARGUMENTS_BROKEN = fault(
    "chat.v2.arguments-broken", "The arguments of a tool call are no JSON: the last character is missing."
)
ARGUMENTS_OBJECT = fault(
    "chat.v2.arguments-object", "The arguments of a tool call are an object, not a text."
)
STOP_KEPT = fault("chat.v2.stop-kept", "The stop sequence that ended a reply is still part of it.")
ECHO_UNNAMED = fault("chat.v2.document-echo-without-id", "The documents in citations have lost their ids.")
BILLED_INPUT_ABOVE = fault(
    "chat.v2.usage-billed-input-above-tokens", "More input is billed than the whole prompt has."
)
NEGATIVE = fault("chat.v2.usage-negative", "The billed output is a negative number.")
BILLED_ABOVE = fault("chat.v2.usage-billed-above-tokens", "More output is billed than was written.")
USAGE_STRING = fault("chat.v2.usage-string", "Token counts are texts.")
CACHED_ABOVE = fault(
    "chat.v2.usage-cached-above-input", "More tokens come from the cache than the prompt has."
)
HEADER_DIFFERS = fault("chat.v2.usage-header-differs", "The header num_tokens counts the input only.")
LOGPROBS_POSITIVE = fault("chat.v2.logprobs-positive", "Log probabilities are above 0.")
LOGPROBS_MISSING = fault(
    "chat.v2.logprobs-missing", "There are no log probabilities although they were asked for."
)
LOGPROBS_SHORT = fault(
    "chat.v2.logprobs-short", "Each chunk of log probabilities has one value less than tokens."
)
LOGPROBS_TEXT = fault(
    "chat.v2.logprobs-text-differs", "The texts of the log probabilities have a space too many."
)
AFTER_TEXT = fault("chat.v2.thinking-after-text", "The thinking block comes after the text block.")
CONTENT_NULL = fault("chat.v2.content-null", "The content of a message is null.")
CONTENT_TEXT = fault("chat.v2.content-text", "The content of a message is a text instead of blocks.")
ROLE = fault("chat.v2.role-chatbot", "The role of the reply is that of version 1: CHATBOT.")
NO_ID = fault("chat.v2.no-id", "The answer has no id.")
ID_ODD = fault("chat.v2.id-no-uuid", "The id of an answer is no UUID.")
SEED_IGNORED = fault("chat.v2.seed-ignored", "Each reply ends with a word of its own, whatever the seed.")
STREAM_COUNTED = fault("chat.v2.stream.num-tokens", "Streams have the header num_tokens as well.")
META = fault("chat.v2.meta", "The answer has a meta object, as version 1 has.")

_Answer = dict[str, Any]


@operation("POST /v2/chat", beside="large")
def chat(call: Call) -> JsonResponse | StreamResponse:
    """Answer a conversation."""
    prompt, settings = read(call)
    reply = generate(prompt, settings)
    stream = bool(call.body.get("stream"))
    if reply.finish == "ERROR" and not stream:
        raise ApiError(422, reply.error, error_type=reply.error_type)
    if reply.finish == "STOP_SEQUENCE" and call.faulty(STOP_KEPT):
        whole = generate(prompt, replace(settings, stops=()))
        stops = (stop for stop in settings.stops if whole.text.startswith(reply.text + stop))
        reply = replace(reply, text=reply.text + next(stops, ""))
    if call.faulty(SEED_IGNORED) and reply.text and not reply.calls and not settings.json:
        reply = replace(reply, text=f"{reply.text} {suffix()}")
    answer = _answer(call, prompt, reply)
    warnings = rules.notices(prompt.model)
    if not stream:
        billed = answer["usage"]["billed_units"]
        told = billed["input_tokens"] + (0 if call.faulty(HEADER_DIFFERS) else billed["output_tokens"])
        return JsonResponse(answer, tokens=max(told, 0), chars=len(prompt.rendered), warnings=warnings)
    sse = _sse(call.headers.get("accept", "")) and not call.faulty(ACCEPT_IGNORED)
    events = streams_v2.events(
        answer, call, mode=cites(call.body), error=reply.error, prompt=prompt.rendered, sse=sse
    )
    media_type = "text/event-stream" if sse else "application/stream+json"
    counted = prompt.billed_input + reply.output_tokens if call.faulty(STREAM_COUNTED) else None
    return StreamResponse(events, media_type, warnings, counted)


def _sse(accepted: str) -> bool:
    """Tell whether the stream is of server-sent events: not for clients that accept JSON and nothing else."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in accepted.split(",")}
    return not kinds <= {"application/json", "application/stream+json"}


def _answer(call: Call, prompt: Prompt, reply: ModelReply) -> _Answer:
    answer: _Answer = {
        "id": f"answer-{suffix()}" if call.faulty(ID_ODD) else new_id(),
        "message": garbled.message(call, _message(call, reply)),
        "finish_reason": reply.finish,
        "usage": _usage(call, prompt, reply),
    }
    if reply.finish == "TOOL_CALL" and call.faulty(NOT_TOOL_CALL):
        answer["finish_reason"] = "COMPLETE"
    if reply.finish == "MAX_TOKENS" and call.faulty(NOT_MAX_TOKENS):
        answer["finish_reason"] = "COMPLETE"
    if call.faulty(LOWER_CASE):
        answer["finish_reason"] = answer["finish_reason"].lower()
    if call.body.get("logprobs") and not call.faulty(LOGPROBS_MISSING):
        said = "" if reply.calls or reply.finish == "ERROR" else reply.text
        answer["logprobs"] = [_logprob(call, one) for one in logprobs.logprobs(said)]
    if call.faulty(NO_ID):
        del answer["id"]
    if call.faulty(META):
        answer["meta"] = {"api_version": {"version": "2"}}
    return answer


def _logprob(call: Call, entry: _Answer) -> _Answer:
    if call.faulty(LOGPROBS_POSITIVE):
        return {**entry, "logprobs": [0.5 - value for value in entry["logprobs"]]}
    if call.faulty(LOGPROBS_TEXT):
        return {**entry, "text": f"{entry['text']} "}
    return {**entry, "logprobs": entry["logprobs"][1:]} if call.faulty(LOGPROBS_SHORT) else entry


def _message(call: Call, reply: ModelReply) -> _Answer:
    message: _Answer = {"role": "CHATBOT" if call.faulty(ROLE) else "assistant"}
    content = [{"type": "thinking", "thinking": reply.thinking}] if reply.thinking else []
    planned = bool(reply.calls) or reply.finish == "ERROR"
    beside = bool(reply.calls) and call.faulty(TEXT_BESIDE)
    if (beside or not planned) and reply.text:
        content.append({"type": "text", "text": reply.text})
    if call.faulty(AFTER_TEXT):
        content.reverse()
    if content or not planned:
        message["content"] = content
    if planned and reply.text:
        message["tool_plan"] = reply.text
    if reply.calls:
        message["tool_calls"] = _calls(call, reply)
    if reply.citations:
        cited = [_citation(call, one, len(content) - 1) for one in reply.citations]
        message["citations"] = cited[::-1] if call.faulty(UNSORTED) else cited
    if call.faulty(CONTENT_NULL) and "content" in message:
        message["content"] = None
    if call.faulty(CONTENT_TEXT) and "content" in message:
        message["content"] = reply.text
    return message


def _calls(call: Call, reply: ModelReply) -> list[_Answer]:
    made = []
    for one in reply.calls:
        arguments: object = calling.compact(one.arguments)
        if call.faulty(ARGUMENTS_BROKEN):
            arguments = calling.compact(one.arguments)[:-1]
        if call.faulty(ARGUMENTS_OBJECT):
            arguments = one.arguments
        name = f"{one.name}_v0" if call.faulty(TOOL_UNKNOWN) else one.name
        identity = reply.calls[0].id if call.faulty(ID_REPEATED) else one.id.replace(one.name, name, 1)
        identity = new_id() if call.faulty(ID_UNNAMED) else identity
        made.append({"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}})
    return made


def _citation(call: Call, citation: Citation, block: int) -> _Answer:
    """Return a citation; `block` is the content block that it belongs to (CH2-S06)."""
    found: _Answer = {
        "start": citation.start,
        "end": citation.end - (1 if call.faulty(END_INCLUSIVE) else 0),
        "text": citation.text,
        "sources": [_source(call, passage) for passage in citation.passages],
    }
    if block and not call.faulty(NO_CONTENT_INDEX):
        found["content_index"] = block
    return found | {"type": "TEXT_CONTENT"}


def _source(call: Call, passage: Passage) -> _Answer:
    name = f"{passage.id}:unknown" if call.faulty(SOURCE_UNKNOWN) else passage.id
    key = "document" if passage.kind == "document" else "tool_output"
    kind = {} if call.faulty(SOURCE_UNTYPED) else {"type": passage.kind}
    echo = passage.echo
    if passage.kind == "document":
        echo = {**echo, "id": name}
        if call.faulty(ECHO_UNNAMED):
            del echo["id"]
    return {**kind, "id": name, key: echo}


def _usage(call: Call, prompt: Prompt, reply: ModelReply) -> _Answer:
    written = reply.output_tokens
    billed: _Answer = {"input_tokens": prompt.billed_input, "output_tokens": written}
    if call.faulty(BILLED_INPUT_ABOVE):
        billed["input_tokens"] = prompt.input_tokens + 1
    if call.faulty(NEGATIVE):
        billed["output_tokens"] = -written
    if call.faulty(BILLED_ABOVE):
        billed["output_tokens"] = written + 1
    counted: _Answer = {"input_tokens": prompt.input_tokens, "output_tokens": written}
    if call.faulty(USAGE_STRING):
        counted = {name: str(value) for name, value in counted.items()}
    cached = prompt.cached_tokens + (prompt.input_tokens if call.faulty(CACHED_ABOVE) else 0)
    return {"billed_units": billed, "tokens": counted, "cached_tokens": cached}
