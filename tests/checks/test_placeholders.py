"""Placeholders that recorders replace ids with are not compared."""

from __future__ import annotations

from typing import Any

import pytest
from builders import JSON, UUID, exchange

from cohere_conformance.checks import judge
from cohere_conformance.checks.edge import edge
from cohere_conformance.checks.placeholders import is_placeholder
from cohere_conformance.contract import load_contract

CONTRACT = load_contract()
PLACEHOLDERS = [
    "REDACTED", "[redacted]", "<redacted>", "call_REDACTED_1", "xxx", "XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX",
    "***", "tool_***", "[FILTERED]", "DUMMY", "dummy-id-1", "<call id>", "{{id}}", "${ID}", "%ID%", "fake",
    "call_MASKED", "00000000-0000-0000-0000-000000000000", "a…z", "###", "SCRUBBED_2", "sanitized",
]  # fmt: skip
IDS = [
    UUID, "tide_table_25wunzivigac", "doc:0", "0", "maxxxi", "box-xx-1", "hidden_layer_abcdefghijkl",
    "removed_1a",
    "chatcmpl-0123456789abcdef", "embed-v4.0", "00000001-0000-0000-0000-000000000000", "fakery_1", "e4e4",
]  # fmt: skip


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_known(text: str) -> None:
    """Words of recorders, repeated signs, brackets and zeros are placeholders of ids."""
    assert is_placeholder(text)


@pytest.mark.parametrize("text", IDS)
def test_an_id_is_no_placeholder(text: str) -> None:
    """Ids of services and of people, some of which have such words in them."""
    assert not is_placeholder(text)


def grounded(call: str, source: str, answer: str = UUID) -> set[str]:
    """Return what is violated by a reply that cites the result of a tool call."""
    made = {"id": call, "type": "function", "function": {"name": "minus", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "What is 2 - 5?"},
        {"role": "assistant", "tool_calls": [made]},
        {"role": "tool", "tool_call_id": call, "content": "-3"},
    ]
    cited = {"type": "tool", "id": source, "tool_output": {"content": "-3"}}
    citation = {"start": 6, "end": 8, "text": "-3", "sources": [cited], "type": "TEXT_CONTENT"}
    content = [{"type": "text", "text": "It is -3."}]
    counted = {"input_tokens": 1, "output_tokens": 1}
    reply = {
        "id": answer,
        "message": {"role": "assistant", "content": content, "citations": [citation]},
        "finish_reason": "COMPLETE",
        "usage": {"billed_units": counted, "tokens": counted},
    }
    sent = {"model": "command-a-03-2025", "messages": messages}
    return {
        one.requirement or one.kind for one in judge(CONTRACT, exchange("POST /v2/chat", reply, request=sent))
    }


def test_ids_that_were_replaced_are_not_compared() -> None:
    """A source is the result of a call whose id a recorder has taken out, in the request or in the answer."""
    assert grounded("minus_abcdefghijkl", "minus_mnopqrstuvwx:0") == {"v2.chat.citation-source-known"}
    for placeholder in PLACEHOLDERS:
        assert grounded(placeholder, "minus_abcdefghijkl:0") == set()
        assert grounded("minus_abcdefghijkl", placeholder) == set()
        assert grounded("minus_abcdefghijkl", "minus_abcdefghijkl:0", placeholder) == set()


def test_the_format_of_a_replaced_id_is_not_judged() -> None:
    """Neither in the envelope of an error nor where a schema wants a UUID."""
    refused = {"message": "no", "id": "<redacted>"}
    assert judge(CONTRACT, exchange("POST /v2/rerank", refused, status=400)) == []
    reply = {"text": "Hi", "generation_id": "REDACTED", "response_id": "***"}
    assert judge(CONTRACT, exchange("POST /v1/chat", reply)) == []
    wrong = judge(CONTRACT, exchange("POST /v1/chat", reply | {"generation_id": "one"}))
    assert [one.location for one in wrong] == ["/generation_id"]


# -- what something before the API answers


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, b"", "status 500 with an empty body"),
        (503, b" \n", "status 503 with an empty body"),
        (403, b"<!doctype html><title>Access denied</title>", "status 403 with a body that is not JSON"),
        (429, b"slow down", "status 429 with a body that is not JSON"),
        (502, b'"bad gateway"', "status 502 with a body that is not JSON"),
        (401, b"[]", "status 401 with a body that is not JSON"),
        (402, b"", "status 402 with an empty body"),
        (500, {"message": "no"}, ""),
        (401, {"message": "invalid api token"}, ""),
        (500, {}, ""),
        (404, b"404 page not found", ""),
        (400, b"", ""),
        (200, b"", ""),
        (500, None, ""),
    ],
)
def test_a_response_of_an_intermediary_is_recognised(status: int, body: Any, reason: str) -> None:
    """A gateway answers with a page or with nothing, the API with an object of JSON."""
    made = exchange("POST /v2/chat", body, status=status, headers=() if body is None else JSON)
    assert edge(made) == reason
