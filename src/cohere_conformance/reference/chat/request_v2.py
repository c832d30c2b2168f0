"""The parser of requests of version 2: from messages to a prompt and options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models
from cohere_conformance.reference.chat import jsonmode, rules
from cohere_conformance.reference.chat import request_v2_faults as faults
from cohere_conformance.reference.chat.generation import GenerationOptions
from cohere_conformance.reference.chat.pictures import pictures
from cohere_conformance.reference.chat.prompt import Passage, Prompt, Tool, Turn, as_text, fields_of
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model


_OFF = frozenset({"OFF", "DISABLED"})
_Message = dict[str, Any]


def parse(call: Call) -> tuple[Prompt, GenerationOptions]:
    """Return the prompt and the options of a request.

    Raises:
        ApiError: 400, the request is invalid.
    """
    model = models.requested(call.body, "chat", call.state)
    prompt = _prompt(call, model, _messages(call))
    options = _options(call, model)
    return prompt.fitted(model.context, truncate=False), options


def cites(body: dict[str, Any]) -> str:
    """Return the citation mode: FAST, ACCURATE, or `""` without citations (CH2-R10)."""
    mode = str((body.get("citation_options") or {}).get("mode") or "ENABLED").upper()
    return "" if mode in _OFF else "FAST" if mode == "FAST" else "ACCURATE"


def _messages(call: Call) -> list[_Message]:
    messages: list[_Message] = call.body.get("messages") or []
    if not messages and not call.faulty(faults.EMPTY_ACCEPTED):
        rules.refuse("messages must not be empty")
    made: list[str] = []
    for index, message in enumerate(messages):
        match message["role"]:
            case "assistant":
                ids = [one["id"] for one in message.get("tool_calls") or ()]
                if not ids and not message.get("content"):
                    rules.refuse(f"the assistant message at index {index} has neither content nor tool_calls")
                if ids and _has_text(message) and not call.faulty(faults.CONTENT_BESIDE_CALLS):
                    rules.refuse(
                        f"the assistant message at index {index} has content beside tool_calls; "
                        "use tool_plan for what is said before a call"
                    )
                if not call.faulty(faults.CALLS_REPEATED):
                    rules.distinct([*made, *ids], "tool call")
                made += ids
            case "tool":
                name = message["tool_call_id"]
                if name not in made and not call.faulty(faults.CALLS_UNCHECKED):
                    rules.refuse(
                        f"the tool message at index {index} has tool_call_id {name!r}, which no earlier "
                        "assistant message has in its tool_calls"
                    )
    return messages


def _has_text(message: _Message) -> bool:
    """Return whether a message has text; the thoughts of a reasoning model do not count."""
    content = message.get("content")
    if isinstance(content, list):
        return any(block.get("type") == "text" and block.get("text") for block in content)
    return bool(content)


def _prompt(call: Call, model: Model, messages: list[_Message]) -> Prompt:
    last = max((n for n, message in enumerate(messages) if message["role"] == "user"), default=-1)
    results = [message for message in messages[last + 1 :] if message["role"] == "tool"]
    spoken = messages[-1:] if call.faulty(faults.PREFIX_FORGOTTEN) else messages
    seen = [block for message in messages if message["role"] == "user" for block in _blocks(message)]
    shown = pictures(
        [block for block in seen if block["type"] == "image_url"],
        model,
        limited=not call.faulty(faults.IMAGES_UNLIMITED),
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
    """Return a message as the text that the model reads."""
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
    return ""  # thoughts and images have no text for the model


def _documents(call: Call) -> Iterator[Passage]:
    documents = call.body.get("documents") or []
    given = [(document.get("id") or "") if isinstance(document, dict) else "" for document in documents]
    if not call.faulty(faults.DOCUMENTS_UNCHECKED):
        rules.distinct(given, "document")
    for number, document in enumerate(documents):
        name = given[number] or f"doc:{number}"
        data = document["data"] if isinstance(document, dict) else document
        content = data if isinstance(data, dict) else {"content": data}
        yield Passage(name, "document", fields_of(content), {**content, "id": name})


def _results(messages: list[_Message]) -> Iterator[Passage]:
    """Yield the outputs of tools, numbered within each call (CH2-S07)."""
    for message in messages:
        content = message["content"]
        number = 0
        for block in _blocks(message) or [{"type": "text", "text": content or ""}]:
            document = block["document"] if block["type"] == "document" else {}
            result = document["data"] if document else block["text"]
            for output in _outputs(result):
                name = document.get("id") or f"{message['tool_call_id']}:{number}"
                yield Passage(name, "tool", fields_of(output), output)
                number += 1


def _outputs(result: object) -> list[dict[str, Any]]:
    """Return the objects that a tool returned; text that is not JSON is the content of one object."""
    value = result
    if isinstance(result, str):
        try:
            value = json.loads(result)
        except (ValueError, RecursionError):
            value = result
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return value
    return [{"content": as_text(result)}]


def _tools(call: Call, model: Model) -> tuple[Tool, ...]:
    body = call.body
    functions = [tool.get("function") or {} for tool in body.get("tools") or ()]
    if any(not function for function in functions):
        rules.refuse("each tool of the type function needs a function")
    rules.tools([function["name"] for function in functions], model)
    for function in functions:
        jsonmode.check_parameters(function["parameters"], function["name"])
    if body.get("strict_tools") and not call.faulty(faults.STRICT_UNCHECKED):
        rules.strict(function["parameters"] for function in functions)
    return tuple(
        Tool(function["name"], function.get("description") or "", function["parameters"])
        for function in functions
    )


def _options(call: Call, model: Model) -> GenerationOptions:
    body = call.body
    rules.tool_choice(body.get("tool_choice"), body.get("tools"), model)
    form = body.get("response_format") or {}
    wants_json = form.get("type") == "json_object"
    # The name of the property in version 1 is accepted as well.
    named = "json_schema" if form.get("json_schema") is not None else "schema"
    schema = form.get(named)
    if wants_json:
        if (body.get("tools") or body.get("documents")) and not call.faulty(faults.JSON_COMBINED):
            rules.refuse("response_format json_object is not supported with tools or documents")
        rules.json_mode(model, schema)
        if call.faulty(faults.SCHEMA_UNCHECKED) and (schema or {}).get("type") != "object":
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
    limit = rules.length(body, model, capped=call.faulty(faults.MAX_TOKENS_CAPPED))
    options = GenerationOptions(
        limit=limit,
        stops=tuple(body.get("stop_sequences") or ()),
        json=wants_json,
        schema=schema,
        choice=body.get("tool_choice") or "",
        thinking=model.reasoning and thinking.get("type") != "disabled",
        budget=thinking.get("token_budget"),
        cite=bool(cites(body)),
        safety=(body.get("safety_mode") or "CONTEXTUAL") if not grounded else "CONTEXTUAL",
        seed=body.get("seed") or 0,
    )
    return inject(call, faults.OPTIONS, options)
