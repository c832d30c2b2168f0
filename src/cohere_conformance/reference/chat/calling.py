"""Tool calls: which tools match the message of the user, and their arguments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import tokens
from cohere_conformance.reference.chat import schemas, words
from cohere_conformance.reference.chat.reply import ToolCall
from cohere_conformance.reference.handling import ApiError
from cohere_conformance.reference.state import suffix

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.prompt import Prompt, Tool

_ID_LENGTH = 12
_VAGUE = words.stems(
    "function tool use using data information given return call name value input output result find get"
)
"""Stems that occur in most descriptions of tools, and so do not count for a match."""
_TYPES = {
    "str": "string",
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "dict": "object",
    "object": "object",
}


def fitting(prompt: Prompt, choice: str) -> list[Tool]:
    """Return the tools to call: those whose description has words of the last message.

    Args:
        prompt: the conversation.
        choice: REQUIRED, NONE, or `""` if the model decides.
    """
    if choice == "NONE" or not prompt.tools or (prompt.answered and choice != "REQUIRED"):
        return []
    wanted = words.stems(prompt.question) - _VAGUE
    found = [
        tool for tool in prompt.tools if words.overlap(wanted, words.stems(f"{tool.name} {tool.description}"))
    ]
    if not found and choice == "REQUIRED":
        return [prompt.tools[0]]
    return found


def calls(prompt: Prompt, chosen: list[Tool]) -> tuple[ToolCall, ...]:
    """Return a call of each tool, with arguments from the message of the user.

    Raises:
        ApiError: 422, no arguments can be generated for the parameters of a tool.
    """
    made = []
    for tool in chosen:
        try:
            arguments = schemas.instance(
                {**tool.parameters, "type": "object"}, schemas.Hints(prompt.question), optional=False
            )
        except schemas.UnfillableError as error:
            raise ApiError(
                422,
                f"the model made no valid call of the tool {tool.name}: {error}",
                error_type="INVALID_TOOL_GENERATION",
            ) from error
        made.append(ToolCall(f"{tool.name}_{suffix(_ID_LENGTH)}", tool.name, arguments))
    return tuple(made)


def plan(prompt: Prompt, chosen: list[Tool]) -> str:
    """Return the plan of the tool calls."""
    about = words.listed([words.shortened(word, 40) for word in words.topics(prompt.question)[:3]])
    named = words.listed([tool.name.replace("_", " ") for tool in chosen[:5]])
    return f"I will use {named} to find out about {about}." if about else f"I will use {named}."


def cost(made: tuple[ToolCall, ...]) -> int:
    """Return the tokens of the calls."""
    return sum(tokens.count(compact(call.arguments)) + tokens.count(call.name) for call in made)


def compact(arguments: dict[str, Any]) -> str:
    """Return arguments as JSON on one line, as in responses without streaming (CH2-T08)."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def pretty(arguments: object) -> str:
    """Return arguments as JSON on several lines, as in streams."""
    return json.dumps(arguments, ensure_ascii=False, indent=4)


def schema_of(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return parameter definitions of version 1, which have Python types, as a JSON Schema."""
    properties = {
        name: _typed(str(one.get("type", "str"))) | {"description": one.get("description") or ""}
        for name, one in definitions.items()
    }
    required = [name for name, one in definitions.items() if one.get("required")]
    return {"type": "object", "properties": properties, "required": required}


def _typed(spelled: str) -> dict[str, Any]:
    outer, _, inner = spelled.strip().lower().removeprefix("typing.").partition("[")
    if outer == "optional":
        return _typed(inner.removesuffix("]"))
    kind = _TYPES.get(outer, "string")
    if kind != "array":
        return {"type": kind}
    return {"type": "array", "items": _typed(inner.removesuffix("]").partition(",")[0] or "str")}
