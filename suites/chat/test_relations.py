"""Chat, version 2: what several answers must have in common, and what must not be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest

from cohere_conformance.checks.pace import at_once, first_byte, held_back
from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CHAT = "POST /v2/chat"
pytestmark = pytest.mark.operations(CHAT)
MODEL = "command-a-03-2025"
SETTLED = {"temperature": 0, "seed": 11}
"""Leaves as little to chance as a request can."""
SAID = "Repeat exactly: The chain ferry sets off at a quarter past nine."
TALE = "Describe the daily work of a lighthouse keeper in ten long paragraphs."
CALL = {
    "id": "tide_table_25wunzivigac",
    "type": "function",
    "function": {"name": "tide_table", "arguments": '{"harbour": "Vlissingen"}'},
}
REFUSED = (200, 400, 422)
"""Of a request that must be refused: the requirement, and not the status, tells whether it was."""
MANY = 20
"""Events that no model writes within a hundredth of a second."""
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mNQSFiAFTEMLQkAAmxI"
    "Ac8z8pwAAAAASUVORK5CYII="
)


class Block(TypedDict, total=False):
    """What is read of a block of content."""

    text: str


class Function(TypedDict):
    """What is read of the function of a call."""

    name: str


class Call(TypedDict):
    """What is read of a call of a tool."""

    function: Function


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def tool(*required: str) -> dict[str, object]:
    parameters = {
        "type": "object",
        "properties": {"harbour": {"type": "string"}},
        "required": list(required),
    }
    described = "Looks up the tide table of a harbour."
    function = {"name": "tide_table", "description": described, "parameters": parameters}
    return {"type": "function", "function": function}


def chat(
    api: Api, *messages: dict[str, object], status: int | tuple[int, ...] = 200, **further: object
) -> ApiResponse:
    body = {"model": MODEL, "messages": list(messages), **further}
    return api.call(CHAT, body=body, status=status)


def words(response: ApiResponse) -> str:
    content = response.at("/message/content", list[Block] | None) or []
    return "".join(block.get("text", "") for block in content)


def called(response: ApiResponse) -> list[tuple[str, Any]]:
    """Return the calls with their arguments parsed: streams lay them out differently."""
    calls = response.at("/message/tool_calls", list[Call] | None) or []
    return [
        (
            one["function"]["name"],
            response.parsed(f"/message/tool_calls/{number}/function/arguments", dict[str, Any] | None) or {},
        )
        for number, one in enumerate(calls)
    ]


def told(response: ApiResponse) -> dict[str, object]:
    return {
        "text": words(response),
        "calls": called(response),
        "finish_reason": response.body.get("finish_reason"),
        "billed input": response.at("/usage/billed_units/input_tokens", float | None),
    }


def streamed_as_whole(api: Api, *messages: dict[str, object], **further: object) -> None:
    whole = told(chat(api, *messages, **further))
    stream = chat(api, *messages, stream=True, **further)
    streamed = told(stream)
    differing = {name: (whole[name], streamed[name]) for name in whole if whole[name] != streamed[name]}
    api.require(
        "v2.chat.stream-equals",
        not differing,
        stream,
        expected="what the answer without streaming says",
        observed=differing,
        value_class=", ".join(differing),
    )


def test_streamed_words_are_those_of_the_answer(api: Api) -> None:
    streamed_as_whole(api, user(SAID), max_tokens=60, **SETTLED)


def test_streamed_calls_are_those_of_the_answer(api: Api) -> None:
    asked = user("Look up the tide table of the harbour of Vlissingen.")
    streamed_as_whole(api, asked, tools=[tool("harbour")], tool_choice="REQUIRED", **SETTLED)


def test_the_same_request_gets_the_same_reply(api: Api) -> None:
    first, second = (chat(api, user(TALE), max_tokens=24, **SETTLED) for _ in range(2))
    api.require(
        "v2.chat.repeatable",
        words(first) == words(second),
        second,
        location="/message/content/*/text",
        expected=words(first)[:80],
        observed=words(second)[:80],
    )


def test_a_conversation_has_no_fewer_tokens_than_its_parts(api: Api) -> None:
    begun, thanks = user(SAID), user("Thanks.")
    first, last = chat(api, begun, max_tokens=20), chat(api, thanks, max_tokens=8)
    whole = chat(api, begun, {"role": "assistant", "content": "It does."}, thanks, max_tokens=8)
    *parts, count = (
        response.at("/usage/tokens/input_tokens", float | None) for response in (first, last, whole)
    )
    if None not in (*parts, count):
        api.require(
            "v2.chat.usage-grows",
            max(parts) <= count,
            whole,
            location="/usage/tokens/input_tokens",
            expected=f"at least {max(parts)}",
            observed=count,
        )


def test_a_reply_that_is_cut_says_so(api: Api) -> None:
    whole, cut = (chat(api, user(TALE), max_tokens=most, **SETTLED) for most in (40, 4))
    if len(words(cut)) < len(words(whole)):
        finish = cut.body.get("finish_reason")
        api.require(
            "v2.chat.cut-told",
            finish == "MAX_TOKENS",
            cut,
            location="/finish_reason",
            expected="MAX_TOKENS, since the same reply can be longer",
            observed=finish,
        )


def test_no_tool_is_called_where_none_may_be(api: Api) -> None:
    asked = user("Look up the tide table of the harbour of Vlissingen.")
    chat(api, asked, tools=[tool("harbour")], tool_choice="NONE", max_tokens=120)


def test_more_tokens_than_the_model_can_write_are_refused(api: Api) -> None:
    response = chat(api, user("Say hello."), max_tokens=1_000_000, status=REFUSED)
    api.require(
        "v2.chat.max-tokens-above",
        response.status != 200,
        response,
        expected="400: the model cannot write a million tokens",
        observed=response.status,
    )


def test_two_calls_of_one_id_are_refused(api: Api) -> None:
    turns = (
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": CALL["id"], "content": "05:12 and 17:36"},
    )
    chat(
        api,
        user("When is high water?"),
        *turns,
        *turns,
        tools=[tool("harbour")],
        max_tokens=20,
        status=REFUSED,
    )


def test_a_result_of_no_call_is_refused(api: Api) -> None:
    result = {"role": "tool", "tool_call_id": "tide_table_000000000000", "content": "05:12 and 17:36"}
    made = {"role": "assistant", "tool_calls": [CALL]}
    asked = user("When is high water?")
    chat(api, asked, made, result, tools=[tool("harbour")], max_tokens=20, status=REFUSED)


def test_strict_tools_without_required_parameters_are_refused(api: Api) -> None:
    asked = user("When is high water in Vlissingen?")
    chat(api, asked, tools=[tool()], strict_tools=True, max_tokens=60, status=REFUSED)


def test_json_mode_beside_tools_is_refused(api: Api) -> None:
    form = {"type": "json_object"}
    asked = user("Generate a JSON object with the name of one fruit.")
    chat(api, asked, tools=[tool("harbour")], response_format=form, max_tokens=40, status=REFUSED)


def test_a_schema_of_no_object_is_refused(api: Api) -> None:
    form = {"type": "json_object", "json_schema": {"type": "array", "items": {"type": "string"}}}
    asked = user("Generate JSON with the names of three fruits.")
    chat(api, asked, response_format=form, max_tokens=40, status=REFUSED)


def test_too_many_images_are_refused(api: Api) -> None:
    image = {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}
    body = {
        "model": "command-a-vision-07-2025",
        "messages": [user([{"type": "text", "text": "Which colour is this?"}, *[image] * 21])],
        "max_tokens": 8,
    }
    api.call(CHAT, body=body, status=REFUSED)


def test_a_long_stream_comes_piece_by_piece(api: Api) -> None:
    long = chat(api, user(TALE), max_tokens=120, stream=True)
    if not at_once(long.exchange.response):
        return
    # Seen once it may be chance; again, and in step with the length, it is a buffer.
    short = chat(api, user(TALE), max_tokens=4, stream=True)
    again = chat(api, user(TALE), max_tokens=120, stream=True)
    if len(again.events) >= MANY and held_back(again.exchange.response, short.exchange.response):
        api.report(
            Kind.STREAM_BUFFERED,
            again,
            expected="events that come as they are written",
            observed=f"{len(again.events)} events at once, after {first_byte(again.exchange.response):.1f} s",
        )
