"""Rows of a batch: each is a request, which is handled as a call of its operation."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from cohere_conformance.reference import json_text, validation
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
"""The properties of a chat row (BAT-R04)."""
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
class RowResult:
    """The result of one row.

    Attributes:
        custom_id: the id in the row; `""` if its column was not preserved.
        error: the error message; `""` if it succeeded.
        body: the body of the response; `None` if it failed.
        read: the billed input tokens.
        written: the billed output tokens.
    """

    custom_id: Any
    error: str = ""
    body: dict[str, Any] | None = None
    read: int = 0
    written: int = 0


def row_results(call: Call, kind: str, model: str, rows: Iterable[Row]) -> list[RowResult]:
    """Return the result of each row, in their order.

    Args:
        call: the call that created the batch.
        kind: the type of the input dataset.
        model: the model of every row.
        rows: each with a body.
    """
    # A fault of an operation affects its calls only, and not batches.
    faultless = copy.copy(call.state)
    faultless.faults = frozenset()
    declared = faultless.contract.operations[_OPERATIONS[kind]]
    one = replace(call, operation=declared, path={}, query={}, headers={}, form=(), state=faultless)
    return [_row_result(one, kind, model, row) for row in rows]


def _row_result(call: Call, kind: str, model: str, row: Row) -> RowResult:
    custom_id = row.get("custom_id") or ""
    try:
        if not isinstance(row["body"], dict):
            raise ApiError(400, "invalid request: the body of a row must be a JSON object")
        body = {**_request(kind, row["body"]), "model": model}
        validation.validate(call.operation, body, call.state)
        outcome = HANDLERS[call.operation.label](replace(call, body=body, results={}))
    except ApiError as refusal:
        return RowResult(custom_id, error=refusal.message)
    if not isinstance(outcome, JsonResponse):
        return RowResult(custom_id, error="invalid request: rows of a batch cannot be streamed")
    response = json_text.plain(outcome.body)
    billed = (response.get("usage") or response.get("meta") or {}).get("billed_units") or {}
    read = int(billed.get("input_tokens", 0)) + int(billed.get("image_tokens", 0))
    written = int(billed.get("output_tokens", 0))
    return RowResult(
        custom_id, "", _openai(response) if kind == "batch-openai-chat-input" else response, read, written
    )


def _request(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a row in the form of its operation.

    Raises:
        ApiError: 400, the body is invalid.
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
    """Return a chat row in the form of a call, which has other names for some properties (BAT-R04)."""
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
"""Properties of rows that calls do not have."""


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


def _openai(response: dict[str, Any]) -> dict[str, Any]:
    """Return a chat response in the form of OpenAI."""
    message = response["message"]
    text = "".join(block.get("text") or "" for block in message.get("content") or ())
    reply: dict[str, Any] = {"role": "assistant", "content": text}
    if message.get("tool_calls"):
        reply["tool_calls"] = message["tool_calls"]
    counts = response["usage"]["tokens"]
    read, written = int(counts["input_tokens"]), int(counts["output_tokens"])
    reason = _OPENAI_REASONS.get(response["finish_reason"], "stop")
    return {
        "id": response["id"],
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": reason, "message": reply}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }
