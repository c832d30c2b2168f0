"""Requests of version 2: from messages to a prompt and its settings, and what is refused on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models
from cohere_conformance.reference.chat import jsonmode, rules
from cohere_conformance.reference.chat.generation import GenerationOptions
from cohere_conformance.reference.chat.pictures import pictures
from cohere_conformance.reference.chat.prompt import Passage, Prompt, Tool, Turn, as_text, fields_of
from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

MAX_TOKENS_IGNORED = fault("chat.v2.max-tokens-ignored", "max_tokens does not limit the reply.")
MAX_TOKENS_CAPPED = fault(
    "chat.v2.max-tokens-capped",
    "A max_tokens above the limit of the model is accepted and cut to that limit.",
)
STOP_IGNORED = fault("chat.v2.stop-ignored", "Stop sequences do not end the reply.")
CHOICE_IGNORED = fault(
    "chat.v2.tool-choice-ignored", "With tool_choice REQUIRED, the reply has no tool calls."
)
NONE_IGNORED = fault("chat.v2.tool-none-ignored", "With tool_choice NONE, the reply has tool calls.")
JSON_IGNORED = fault("chat.v2.json-mode-ignored", "The reply is plain text although JSON mode is requested.")
SCHEMA_IGNORED = fault(
    "chat.v2.json-schema-ignored", "The reply does not conform to the requested JSON Schema."
)
THINKS_ANYWAY = fault(
    "chat.v2.thinking-not-disabled", "A reasoning model thinks although thinking is disabled."
)
CITES_ANYWAY = fault("chat.v2.citations-not-off", "Citations are made although they are switched off.")
PREFIX_FORGOTTEN = fault("chat.v2.prefix-forgotten", "Only the last message of a conversation is used.")
DOCUMENTS_UNCHECKED = fault("chat.v2.duplicate-documents", "Two documents with the same id are accepted.")
CALLS_UNCHECKED = fault(
    "chat.v2.tool-call-id-unchecked", "A tool message with an unknown tool_call_id is accepted."
)
CALLS_REPEATED = fault(
    "chat.v2.duplicate-tool-calls", "Two tool calls of a conversation with the same id are accepted."
)
STRICT_UNCHECKED = fault(
    "chat.v2.strict-tools-unchecked", "With strict_tools, tools without a required parameter are accepted."
)
JSON_COMBINED = fault(
    "chat.v2.json-mode-combined", "JSON mode is accepted together with tools and documents."
)
SCHEMA_UNCHECKED = fault(
    "chat.v2.json-schema-unchecked", "A JSON Schema whose top is not an object is accepted."
)
IMAGES_UNLIMITED = fault("chat.v2.images-unlimited", "The number of images is not limited.")
CUT_EARLY = fault("chat.v2.cut-early", "The reply is one token shorter than max_tokens allows.")
CONTENT_BESIDE_CALLS = fault(
    "chat.v2.content-beside-calls", "An assistant message with text and tool calls is accepted."
)
EMPTY_ACCEPTED = fault("chat.v2.empty-messages", "A conversation without messages is accepted.")

_OFF = frozenset({"OFF", "DISABLED"})
_Message = dict[str, Any]


def parse(call: Call) -> tuple[Prompt, GenerationOptions]:
    """Return what a request asks for.

    Raises:
        ApiError: 400, its parts do not go together.
    """
    body = call.body
    model = (
        models.find(body["model"], call.state) if body.get("model") else models.default("chat", call.state)
    )
    messages = _messages(call)
    prompt = _prompt(call, model, messages)
    settings = _settings(call, model, prompt)
    return prompt.fitted(model.context, truncate=False), settings


def cites(body: dict[str, Any]) -> str:
    """Return how citations are made: FAST, ACCURATE, or `""` for not at all (CH2-R10)."""
    mode = str((body.get("citation_options") or {}).get("mode") or "ENABLED").upper()
    return "" if mode in _OFF else "FAST" if mode == "FAST" else "ACCURATE"


def _messages(call: Call) -> list[_Message]:
    messages: list[_Message] = call.body.get("messages") or []
    if not messages and not call.faulty(EMPTY_ACCEPTED):
        rules.refuse("messages must not be empty")
    made: list[str] = []
    for index, message in enumerate(messages):
        match message["role"]:
            case "assistant":
                asked = [one["id"] for one in message.get("tool_calls") or ()]
                if not asked and not message.get("content"):
                    rules.refuse(f"the assistant message at index {index} has neither content nor tool_calls")
                if asked and _says(message) and not call.faulty(CONTENT_BESIDE_CALLS):
                    rules.refuse(
                        f"the assistant message at index {index} has content beside tool_calls; "
                        "use tool_plan for what is said before a call"
                    )
                if not call.faulty(CALLS_REPEATED):
                    rules.distinct([*made, *asked], "tool call")
                made += asked
            case "tool":
                name = message["tool_call_id"]
                if name not in made and not call.faulty(CALLS_UNCHECKED):
                    rules.refuse(
                        f"the tool message at index {index} has tool_call_id {name!r}, which no earlier "
                        "assistant message has in its tool_calls"
                    )
    return messages


def _says(message: _Message) -> bool:
    """Tell whether a message has text; a reasoning model may have thought beside its calls."""
    content = message.get("content")
    if isinstance(content, list):
        return any(block.get("type") == "text" and block.get("text") for block in content)
    return bool(content)


def _prompt(call: Call, model: Model, messages: list[_Message]) -> Prompt:
    last = max((n for n, message in enumerate(messages) if message["role"] == "user"), default=-1)
    results = [message for message in messages[last + 1 :] if message["role"] == "tool"]
    spoken = messages[-1:] if call.faulty(PREFIX_FORGOTTEN) else messages
    seen = [block for message in messages if message["role"] == "user" for block in _blocks(message)]
    shown = pictures(
        [block for block in seen if block["type"] == "image_url"],
        model,
        limited=not call.faulty(IMAGES_UNLIMITED),
    )
    prompt = (
        Prompt(
            model=model,
            system="\n".join(_text(message) for message in spoken if message["role"] == "system"),
            turns=tuple(
                Turn(message["role"], _text(message))
                for message in spoken
                if message["role"] != "system" and not any(message is result for result in results)
            ),
            passages=(*_documents(call), *_results(results)),
            tools=_tools(call, model),
            answered=bool(results),
            pictures=shown if any(block["type"] == "image_url" for block in _blocks(messages[last])) else (),
        )
        if messages
        else Prompt(model, "", (Turn("user", ""),))
    )
    if messages and not results and not prompt.question.strip() and not prompt.pictures:
        rules.refuse("message must be at least 1 token long or tool results must be specified")
    return prompt


def _blocks(message: _Message) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _text(message: _Message) -> str:
    """Return what a message says as the model reads it."""
    content = message.get("content") or ""
    parts = [content] if isinstance(content, str) else [_block_text(block) for block in content]
    parts += [message["tool_plan"]] if message.get("tool_plan") else []
    for made in message.get("tool_calls") or ():
        function = made.get("function") or {}
        parts.append(f"{function.get('name') or ''} {function.get('arguments') or ''}")
    return "\n".join(filter(None, parts))


def _block_text(block: dict[str, Any]) -> str:
    match block["type"]:
        case "text":
            return str(block["text"])
        case "document":
            return as_text(block["document"]["data"])
    return ""  # thoughts are not read again, and images are no text


def _documents(call: Call) -> Iterator[Passage]:
    documents = call.body.get("documents") or []
    given = [(document.get("id") or "") if isinstance(document, dict) else "" for document in documents]
    if not call.faulty(DOCUMENTS_UNCHECKED):
        rules.distinct(given, "document")
    for number, document in enumerate(documents):
        name = given[number] or f"doc:{number}"
        data = document["data"] if isinstance(document, dict) else document
        content = data if isinstance(data, dict) else {"content": data}
        yield Passage(name, "document", fields_of(content), {**content, "id": name})


def _results(messages: list[_Message]) -> Iterator[Passage]:
    """Yield the outputs of tools, numbered by call (CH2-S07)."""
    for message in messages:
        content = message["content"]
        number = 0
        for block in _blocks(message) or [{"type": "text", "text": content or ""}]:
            document = block["document"] if block["type"] == "document" else {}
            told = document["data"] if document else block["text"]
            for output in _outputs(told):
                name = document.get("id") or f"{message['tool_call_id']}:{number}"
                yield Passage(name, "tool", fields_of(output), output)
                number += 1


def _outputs(told: object) -> list[dict[str, Any]]:
    """Return the objects that a tool returned; text that is no JSON counts as the content of one."""
    value = told
    if isinstance(told, str):
        try:
            value = json.loads(told)
        except (ValueError, RecursionError):
            value = told
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return value
    return [{"content": as_text(told)}]


def _tools(call: Call, model: Model) -> tuple[Tool, ...]:
    body = call.body
    functions = [tool.get("function") or {} for tool in body.get("tools") or ()]
    if any(not function for function in functions):
        rules.refuse("each tool of the type function needs a function")
    rules.tools([function["name"] for function in functions], model)
    for function in functions:
        jsonmode.check_parameters(function["parameters"], function["name"])
    if body.get("strict_tools") and not call.faulty(STRICT_UNCHECKED):
        rules.strict(function["parameters"] for function in functions)
    return tuple(
        Tool(function["name"], function.get("description") or "", function["parameters"])
        for function in functions
    )


def _settings(call: Call, model: Model, prompt: Prompt) -> GenerationOptions:
    body = call.body
    rules.tool_choice(body.get("tool_choice"), body.get("tools"), model)
    form = body.get("response_format") or {}
    wants_json = form.get("type") == "json_object"
    # The name that version 1 has is accepted as well.
    named = "json_schema" if form.get("json_schema") is not None else "schema"
    schema = form.get(named)
    if wants_json:
        if (body.get("tools") or body.get("documents")) and not call.faulty(JSON_COMBINED):
            rules.refuse("response_format json_object is not supported with tools or documents")
        rules.json_mode(model, schema)
        if call.faulty(SCHEMA_UNCHECKED) and (schema or {}).get("type") != "object":
            schema = None
        if schema is not None:
            jsonmode.check(schema, f"response_format.{named}")
    grounded = bool(body.get("tools") or body.get("documents"))
    if not grounded:
        rules.safety(body.get("safety_mode"), "OFF", model)
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and not model.reasoning:
        rules.refuse(f"thinking is not supported by the model {model.name}")
    rules.sampling(body, model)
    limit = rules.length(body, model, capped=call.faulty(MAX_TOKENS_CAPPED))
    if body.get("max_tokens") and limit > 1 and call.faulty(CUT_EARLY):
        limit -= 1
    choice = body.get("tool_choice") or ""
    ignored = (choice == "REQUIRED" and call.faulty(CHOICE_IGNORED)) or (
        choice == "NONE" and call.faulty(NONE_IGNORED)
    )
    if ignored:
        choice = "REQUIRED" if choice == "NONE" and prompt.tools else "NONE"
    thinks = thinking.get("type") != "disabled" or call.faulty(THINKS_ANYWAY)
    return GenerationOptions(
        limit=model.output if call.faulty(MAX_TOKENS_IGNORED) else limit,
        stops=() if call.faulty(STOP_IGNORED) else tuple(body.get("stop_sequences") or ()),
        json=wants_json and not call.faulty(JSON_IGNORED),
        schema=None if call.faulty(SCHEMA_IGNORED) else schema,
        choice=choice,
        thinking=model.reasoning and thinks,
        budget=thinking.get("token_budget"),
        cite=bool(cites(body)) or call.faulty(CITES_ANYWAY),
        safety=(body.get("safety_mode") or "CONTEXTUAL") if not grounded else "CONTEXTUAL",
        seed=body.get("seed") or 0,
    )
