"""Faults of the requests of chat, version 2: missing checks, and changed options of the generation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cohere_conformance.reference import models
from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.generation import GenerationOptions
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable
    from cohere_conformance.reference.models import Model

MAX_TOKENS_CAPPED = fault(
    "chat.v2.max-tokens-capped",
    "A max_tokens above the limit of the model is accepted and cut to that limit.",
)
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
CONTENT_BESIDE_CALLS = fault(
    "chat.v2.content-beside-calls", "An assistant message with text and tool calls is accepted."
)
EMPTY_ACCEPTED = fault("chat.v2.empty-messages", "A conversation without messages is accepted.")


def _model(call: Call) -> Model:
    return models.requested(call.body, "chat", call.state)


def _cut_early(options: GenerationOptions, call: Call) -> GenerationOptions:
    limited = call.body.get("max_tokens") and options.limit > 1
    return replace(options, limit=options.limit - 1) if limited else options


def _no_calls(options: GenerationOptions, call: Call) -> GenerationOptions:
    return replace(options, choice="NONE") if options.choice == "REQUIRED" else options


def _calls(options: GenerationOptions, call: Call) -> GenerationOptions:
    forbidden = options.choice == "NONE" and call.body.get("tools")
    return replace(options, choice="REQUIRED") if forbidden else options


OPTIONS: FaultTable[GenerationOptions] = {
    fault("chat.v2.cut-early", "The reply is one token shorter than max_tokens allows."): _cut_early,
    fault("chat.v2.max-tokens-ignored", "max_tokens does not limit the reply."): (
        lambda options, call: replace(options, limit=_model(call).output)
    ),
    fault("chat.v2.stop-ignored", "Stop sequences do not end the reply."): (
        lambda options, _: replace(options, stops=())
    ),
    fault("chat.v2.json-mode-ignored", "The reply is plain text although JSON mode is requested."): (
        lambda options, _: replace(options, json=False)
    ),
    fault("chat.v2.json-schema-ignored", "The reply does not conform to the requested JSON Schema."): (
        lambda options, _: replace(options, schema=None)
    ),
    fault(
        "chat.v2.tool-choice-ignored", "With tool_choice REQUIRED, the reply has no tool calls."
    ): _no_calls,
    fault("chat.v2.tool-none-ignored", "With tool_choice NONE, the reply has tool calls."): _calls,
    fault("chat.v2.thinking-not-disabled", "A reasoning model thinks although thinking is disabled."): (
        lambda options, call: replace(options, thinking=_model(call).reasoning)
    ),
    fault("chat.v2.citations-not-off", "Citations are made although they are switched off."): (
        lambda options, _: replace(options, cite=True)
    ),
}
