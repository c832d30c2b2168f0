"""Rows of a batch: each is a request, answered as the operation that it is meant for answers it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import validation
from cohere_conformance.reference.handling import HANDLERS, ApiError, JsonResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.reference.datasets.kinds import Row
    from cohere_conformance.reference.handling import Call

_CHAT_FIELDS = frozenset(
    {
        "messages",
        "tools",
        "temperature",
        "p",
        "k",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "max_tokens",
        "max_input_tokens",
        "logprobs",
        "reasoning",
        "thinking_budget",
        "return_prompt",
    }
)
"""What a chat row may have (BAT-R04)."""
_OPENAI_FIELDS = frozenset(
    {
        "messages",
        "tools",
        "temperature",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "max_tokens",
        "model",
    }
)
_OPENAI_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}
_OPERATIONS = {
    "batch-chat-v2-input": "POST /v2/chat",
    "batch-openai-chat-input": "POST /v2/chat",
    "batch-chat-input": "POST /v1/chat",
    "batch-embed-v2-input": "POST /v2/embed",
}


@dataclass(frozen=True)
class Done:
    """What came of one row.

    Attributes:
        custom_id: the row's own id; `""` where it was not kept.
        error: why it failed; `""` where it did not.
        body: the answer; `None` where it failed.
        read: billed tokens that were read.
        written: billed tokens that were written.
    """

    custom_id: Any
    error: str = ""
    body: dict[str, Any] | None = None
    read: int = 0
    written: int = 0


def answered(call: Call, kind: str, model: str, rows: Iterable[Row]) -> list[Done]:
    """Return what comes of each row, in their order.

    Args:
        call: the call that created the batch.
        kind: the type of the input dataset.
        model: answers every row.
        rows: each with a body.
    """
    # What is wrong with an operation is wrong where it is called, not in batches as well.
    sound = copy.copy(call.state)
    sound.faults = frozenset()
    declared = sound.contract.operations[_OPERATIONS[kind]]
    asked = replace(call, operation=declared, path={}, query={}, headers={}, form=(), state=sound)
    return [_done(asked, kind, model, row) for row in rows]


def _done(call: Call, kind: str, model: str, row: Row) -> Done:
    custom_id = row.get("custom_id") or ""
    try:
        if not isinstance(row["body"], dict):
            raise ApiError(400, "invalid request: the body of a row must be a JSON object")
        body = {**_request(kind, row["body"]), "model": model}
        validation.validate(call.operation, body, call.state)
        outcome = HANDLERS[call.operation.label](replace(call, body=body))
    except ApiError as refusal:
        return Done(custom_id, error=refusal.message)
    if not isinstance(outcome, JsonResponse):
        return Done(custom_id, error="invalid request: rows of a batch cannot be streamed")
    answer = outcome.body
    billed = (answer.get("usage") or answer.get("meta") or {}).get("billed_units") or {}
    read = int(billed.get("input_tokens", 0)) + int(billed.get("image_tokens", 0))
    written = int(billed.get("output_tokens", 0))
    return Done(
        custom_id, "", _openai(answer) if kind == "batch-openai-chat-input" else answer, read, written
    )


def _request(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return a row's body as the operation takes it.

    Raises:
        ApiError: 400, it is not what such rows may be.
    """
    given = {name: value for name, value in body.items() if value is not None}
    match kind:
        case "batch-chat-v2-input":
            _only(given, _CHAT_FIELDS)
            return _chat(given)
        case "batch-openai-chat-input":
            _only(given, _OPENAI_FIELDS)
            return given
        case "batch-embed-v2-input" if "output_dimension" in given:
            raise ApiError(400, "unknown field: parameter 'output_dimension' is not a valid field")
        case _:
            return given


def _only(given: dict[str, Any], known: frozenset[str]) -> None:
    for name in given:
        if name not in known:
            raise ApiError(400, f"unknown field: parameter '{name}' is not a valid field")


def _chat(given: dict[str, Any]) -> dict[str, Any]:
    """Return a chat row in the form of a call: some things are spelt in another way in a batch (BAT-R04)."""
    body = {name: value for name, value in given.items() if name not in _ROW_ONLY}
    messages = given.get("messages")
    if isinstance(messages, list):
        body["messages"] = [_message(message) for message in messages]
    tools = given.get("tools")
    if isinstance(tools, list):
        body["tools"] = [_tool(tool) for tool in tools]
    if given.get("reasoning") is True:
        budget = given.get("thinking_budget")
        body["thinking"] = {"type": "enabled"} | ({} if budget is None else {"token_budget": budget})
    return body


_ROW_ONLY = frozenset({"reasoning", "thinking_budget", "max_input_tokens", "return_prompt"})
"""Fields of rows that a call does not have under this name."""


def _message(message: Any) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        raise ApiError(400, "invalid request: the content of a message must be a list of blocks")
    if not isinstance(content, list):
        return message
    blocks = [
        {**block, "image_url": {"url": block["image_url"]}}
        if isinstance(block, dict) and isinstance(block.get("image_url"), str)
        else block
        for block in content
    ]
    return {**message, "content": blocks}


def _tool(tool: Any) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or function.get("parameters") is None:
        return tool
    parameters = function["parameters"]
    if not isinstance(parameters, str):
        raise ApiError(400, "invalid request: the parameters of a tool must be a JSON text")
    read = validation.body_of(parameters.encode("utf-8", "replace"), frozenset())
    return {**tool, "function": {**function, "parameters": read}}


def _openai(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a chat answer in the form that rows in the manner of OpenAI are answered in."""
    message = answer["message"]
    text = "".join(block.get("text") or "" for block in message.get("content") or ())
    told: dict[str, Any] = {"role": "assistant", "content": text}
    if message.get("tool_calls"):
        told["tool_calls"] = message["tool_calls"]
    counts = answer["usage"]["tokens"]
    read, written = int(counts["input_tokens"]), int(counts["output_tokens"])
    reason = _OPENAI_REASONS.get(answer["finish_reason"], "stop")
    return {
        "id": answer["id"],
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": reason, "message": told}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }
