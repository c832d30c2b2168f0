"""Chat, version 2: streaming, repeatability, limits, and requests that must be rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest

from cohere_conformance.checks.pace import at_once, first_byte, held_back
from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.session.api import Api, ApiResponse

CHAT = "POST /v2/chat"
pytestmark = pytest.mark.operations(CHAT)
REPEATABLE = {"temperature": 0, "seed": 11}
"""Options that leave as little randomness as possible."""
SENTENCE = "Repeat exactly: The chain ferry sets off at a quarter past nine."
LIMITED = {"max_tokens": 30, **REPEATABLE}
"""Options for `SENTENCE`: a night sends what two tests send only once."""
ESSAY = "Write ten long paragraphs about lighthouses."
CALL = "tide_table_25wunzivigac"
NO_OBJECT = {"type": "array", "items": {"type": "string"}}
EITHER = (200, 400, 422)
"""Statuses of a request that has to be rejected: a requirement reports a 200, for recorded traffic too."""
WHEN = "When is high water?"
MANY = 20
"""More events than a model can generate in a hundredth of a second."""
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mNQSFiAFTEMLQkAAmxI"
    "Ac8z8pwAAAAASUVORK5CYII="
)


class Block(TypedDict, total=False):
    """The property of a content block that the tests read."""

    text: str


class Function(TypedDict):
    """The property of a called function that the tests read."""

    name: str


class Call(TypedDict):
    """The property of a tool call that the tests read."""

    function: Function


def user(content: object) -> dict[str, object]:
    """Return a message of the user."""
    return {"role": "user", "content": content}


def tool(*required: str, names: Sequence[str] = ("harbour",)) -> dict[str, object]:
    """Return the definition of a function with these parameters, some of them required."""
    parameters = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(required),
    }
    function = {
        "name": "tide_table",
        "description": "Tide table of a harbour.",
        "parameters": parameters,
    }
    return {"type": "function", "function": function}


def chat(
    api: Api, *messages: dict[str, object], status: int | tuple[int, ...] = 200, **further: object
) -> ApiResponse:
    """Send messages to the model."""
    body = {"model": api.models["chat"], "messages": list(messages), **further}
    return api.call(CHAT, body=body, status=status)


def text_of(response: ApiResponse) -> str:
    """Return the text of a response."""
    content = response.at("/message/content", list[Block] | None) or []
    return "".join(block.get("text", "") for block in content)


def calls_of(response: ApiResponse) -> list[tuple[str, Any]]:
    """Return the tool calls of a response, with parsed arguments: streams format the JSON differently."""
    calls = response.at("/message/tool_calls", list[Call] | None) or []
    return [
        (
            call["function"]["name"],
            response.parsed(f"/message/tool_calls/{number}/function/arguments", dict[str, Any] | None) or {},
        )
        for number, call in enumerate(calls)
    ]


def summary(response: ApiResponse) -> dict[str, object]:
    """Return what a response says, in a form that streams share."""
    return {
        "text": text_of(response),
        "calls": calls_of(response),
        "finish_reason": response.at("/finish_reason", str | None),
        "billed input": response.at("/usage/billed_units/input_tokens", float | None),
    }


def require_same_stream(api: Api, *messages: dict[str, object], **further: object) -> None:
    """Require that a stream says the same as the response without streaming."""
    complete = summary(chat(api, *messages, **further))
    stream = chat(api, *messages, stream=True, **further)
    streamed = summary(stream)
    differing = {
        name: (complete[name], streamed[name]) for name in complete if complete[name] != streamed[name]
    }
    api.require(
        "v2.chat.stream-equals",
        not differing,
        stream,
        expected="the response without streaming",
        observed=differing,
        value_class=", ".join(differing),
    )


def require_same_call(api: Api, harbour: str) -> None:
    """Require that a streamed tool call is the tool call of the response without streaming."""
    prompt = user(f"Look up the tide table of {harbour}.")
    require_same_stream(api, prompt, tools=[tool("harbour")], tool_choice="REQUIRED", **REPEATABLE)


def require_repeatable(api: Api, prompt: str) -> None:
    """Require that the same request gets the same text twice, with temperature 0 and a seed."""
    first, second = (chat(api, user(prompt), max_tokens=24, **REPEATABLE) for _ in range(2))
    api.require(
        "v2.chat.repeatable",
        text_of(first) == text_of(second),
        second,
        location="/message/content/*/text",
        expected=text_of(first)[:80],
        observed=text_of(second)[:80],
    )


def require_usage_grows(api: Api, first: str, reply: str, last: str) -> None:
    """Require that a conversation counts at least as many input tokens as each of its messages alone."""
    opening, end = user(first), user(last)
    alone = chat(api, opening, **LIMITED), chat(api, end, max_tokens=8)
    whole = chat(api, opening, {"role": "assistant", "content": reply}, end, max_tokens=8)
    *parts, count = (response.at("/usage/tokens/input_tokens", float | None) for response in (*alone, whole))
    if None not in (*parts, count):
        api.require(
            "v2.chat.usage-grows",
            max(parts) <= count,
            whole,
            location="/usage/tokens/input_tokens",
            expected=f"at least {max(parts)}",
            observed=count,
        )


def require_cut_reported(api: Api, prompt: str, most: int) -> None:
    """Require that a text that `max_tokens` cuts short has the finish reason `MAX_TOKENS`."""
    longer, cut = (chat(api, user(prompt), max_tokens=limit, **REPEATABLE) for limit in (24, most))
    if len(text_of(cut)) < len(text_of(longer)):
        finish = cut.body.get("finish_reason")
        api.require(
            "v2.chat.cut-told",
            finish == "MAX_TOKENS",
            cut,
            location="/finish_reason",
            expected="MAX_TOKENS, because the same text continues with a higher limit",
            observed=finish,
        )


def require_no_call(api: Api, harbour: str) -> None:
    """Require that with `tool_choice` NONE the model calls no tool."""
    prompt = user(f"Look up the tide table of {harbour}.")
    chat(api, prompt, tools=[tool("harbour")], tool_choice="NONE", max_tokens=50)


def require_tokens_refused(api: Api, most: int) -> None:
    """Require that more `max_tokens` than any model can generate are rejected."""
    response = chat(api, user("Say hello."), max_tokens=most, status=EITHER)
    api.require(
        "v2.chat.max-tokens-above",
        response.status != 200,
        response,
        expected=f"400: the model cannot write {most:,} tokens",
        observed=response.status,
    )


# Whether the following requests have to be rejected is judged by a requirement for each of them, as in
# recorded traffic.


def require_repeated_call_refused(api: Api, call: str) -> None:
    """Require that a history in which two tool calls have the same id is rejected."""
    turns = _called(call, call)
    chat(api, user(WHEN), *turns, *turns, tools=[tool("harbour")], max_tokens=20, status=EITHER)


def require_unknown_call_refused(api: Api, call: str) -> None:
    """Require that a tool result whose `tool_call_id` is no id of a tool call is rejected."""
    chat(api, user(WHEN), *_called(CALL, call), tools=[tool("harbour")], max_tokens=20, status=EITHER)


def _called(call: str, answered: str) -> tuple[dict[str, object], ...]:
    """Return a turn with a tool call, and a result for a tool call."""
    function = {"name": "tide_table", "arguments": '{"harbour": "Vlissingen"}'}
    return (
        {"role": "assistant", "tool_calls": [{"id": call, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": answered, "content": "05:12 and 17:36"},
    )


def require_optional_refused(api: Api, names: Sequence[str]) -> None:
    """Require that `strict_tools` with a function whose parameters are all optional is rejected."""
    prompt = user("When is high water in Vlissingen?")
    chat(api, prompt, tools=[tool(names=names)], strict_tools=True, max_tokens=60, status=EITHER)


def require_json_refused(api: Api, further: dict[str, object]) -> None:
    """Require that `response_format` JSON together with tools is rejected."""
    response_format = {"type": "json_object", **further}
    prompt = user("Generate a JSON object with the name of one fruit.")
    chat(api, prompt, tools=[tool("harbour")], response_format=response_format, max_tokens=40, status=EITHER)


def require_schema_refused(api: Api, schema: dict[str, object]) -> None:
    """Require that a JSON schema for the response that describes no object is rejected."""
    response_format = {"type": "json_object", "json_schema": schema}
    prompt = user("Generate JSON with the names of three fruits.")
    chat(api, prompt, response_format=response_format, max_tokens=40, status=EITHER)


def require_images_refused(api: Api, number: int) -> None:
    """Require that a message with more than 20 images is rejected."""
    image = {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}
    body = {
        "model": api.models["vision"],
        "messages": [user([{"type": "text", "text": "Which colour is this?"}, *[image] * number])],
        "max_tokens": 8,
    }
    api.call(CHAT, body=body, status=EITHER)


def test_streamed_words_are_those_of_the_answer(api: Api) -> None:
    """The streamed text is the text of the response without streaming."""
    require_same_stream(api, user(SENTENCE), **LIMITED)


def test_streamed_calls_are_those_of_the_answer(api: Api) -> None:
    """The streamed tool call is the tool call of the response without streaming."""
    require_same_call(api, "Vlissingen")


def test_the_same_request_gets_the_same_reply(api: Api) -> None:
    """With temperature 0 and a seed, the same request gets the same text twice."""
    require_repeatable(api, ESSAY)


def test_a_conversation_has_no_fewer_tokens_than_its_parts(api: Api) -> None:
    """A conversation counts at least as many input tokens as each of its messages alone."""
    require_usage_grows(api, SENTENCE, "It does.", "Thanks.")


def test_a_reply_that_is_cut_says_so(api: Api) -> None:
    """A text that `max_tokens` cuts short has the finish reason `MAX_TOKENS`."""
    require_cut_reported(api, ESSAY, 4)


def test_no_tool_is_called_where_none_may_be(api: Api) -> None:
    """With `tool_choice` NONE the model calls no tool."""
    require_no_call(api, "Vlissingen")


def test_more_tokens_than_the_model_can_write_are_refused(api: Api) -> None:
    """`max_tokens` of one million, more than any model can generate, is rejected."""
    require_tokens_refused(api, 1_000_000)


def test_two_calls_of_one_id_are_refused(api: Api) -> None:
    """A history in which two tool calls have the same id is rejected."""
    require_repeated_call_refused(api, CALL)


def test_a_result_of_no_call_is_refused(api: Api) -> None:
    """A tool result whose `tool_call_id` is no id of a tool call is rejected."""
    require_unknown_call_refused(api, "tide_table_000000000000")


def test_strict_tools_without_required_parameters_are_refused(api: Api) -> None:
    """`strict_tools` with a function that has no required parameter is rejected."""
    require_optional_refused(api, ["harbour"])


def test_json_mode_beside_tools_is_refused(api: Api) -> None:
    """`response_format` JSON together with tools is rejected."""
    require_json_refused(api, {})


def test_a_schema_of_no_object_is_refused(api: Api) -> None:
    """A JSON schema for the response that describes no object is rejected."""
    require_schema_refused(api, NO_OBJECT)


def test_too_many_images_are_refused(api: Api) -> None:
    """A message with 21 images, one more than the limit, is rejected."""
    require_images_refused(api, 21)


def test_a_long_stream_comes_piece_by_piece(api: Api) -> None:
    """The events of a long stream arrive one after the other, not all at the end: a proxy may buffer them."""
    long = chat(api, user(ESSAY), max_tokens=80, stream=True)
    if not at_once(long.exchange.response):
        return
    # Once may be chance. Twice, and later the longer the text is, is a buffer.
    short = chat(api, user(ESSAY), max_tokens=4, stream=True)
    again = chat(api, user(ESSAY), max_tokens=80, stream=True)
    if len(again.events) >= MANY and held_back(again.exchange.response, short.exchange.response):
        api.report(
            Kind.STREAM_BUFFERED,
            again,
            expected="events that arrive while the text is generated",
            observed=f"{len(again.events)} events at once, after {first_byte(again.exchange.response):.1f} s",
        )
