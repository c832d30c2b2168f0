"""The elements of an operation that a request has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from builders import API, exchange

from cohere_conformance.checks.requested import requested
from cohere_conformance.contract.requested import requestable
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

CHAT = "POST /v2/chat"
BLOCKS = [
    {"type": "text", "text": "Hi"},
    {"type": "image_url", "image_url": {"url": "data:", "detail": "low"}},
]


def names(contract: Contract, made: Exchange) -> set[str]:
    return {element.name for element in requested(contract, made)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"model": "m", "temperature": None, "stream": False}, {"/model", "/stream"}),
        ({"model": None}, {"/model"}),
        (
            {"safety_mode": "OFF", "tool_choice": "odd"},
            {"/safety_mode", "/safety_mode = OFF", "/tool_choice"},
        ),
        (
            {"messages": [{"role": "user", "content": "Hi"}]},
            {
                "/messages",
                "/messages/*/role",
                "/messages/*/role = user",
                "/messages/*/content",
                "/messages/*/content is string",
            },
        ),
        (
            {"messages": [{"role": "user", "content": BLOCKS}], "unheard-of": 1},
            {
                *("/messages", "/messages/*/role", "/messages/*/role = user", "/messages/*/content"),
                *("/messages/*/content is array", "/messages/*/content/*/type", "/messages/*/content/*/text"),
                *("/messages/*/content/*/type = text", "/messages/*/content/*/type = image_url"),
                *("/messages/*/content/*/image_url", "/messages/*/content/*/image_url/url"),
                *("/messages/*/content/*/image_url/detail", "/messages/*/content/*/image_url/detail = low"),
            },
        ),
        (
            {"documents": ["a", {"id": "b"}]},
            {"/documents", "/documents/* is string", "/documents/* is object", "/documents/*/id"},
        ),
        ([{"model": "m"}], set()),
        (b"{", set()),
        (b"", set()),
        (None, set()),
    ],
    ids=[
        "null",
        "null-for-required",
        "values",
        "text",
        "blocks",
        "types",
        "no-object",
        "no-json",
        "empty",
        "none",
    ],
)
def test_a_body_shows_its_properties(amended: Contract, body: Any, expected: set[str]) -> None:
    assert names(amended, exchange(CHAT, {}, request=body)) == expected
    # Also where the recorder kept no headers, and whatever the answer was.
    refused = exchange(CHAT, {}, status=400, request=body, request_headers=())
    assert names(amended, refused) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            "GET /v1/models?endpoint=chat&page_size=",
            {"query:endpoint", "query:endpoint = chat", "query:page_size"},
        ),
        ("GET /v1/models?endpoint=odd&unheard_of=1", {"query:endpoint"}),
        ("GET /v1/models", set()),
        ("GET /v1/models/command-a", {"path:model"}),
        ("DELETE /v1/models", set()),
        ("GET https://example.com/v1/models?page_size=1", set()),
    ],
)
def test_an_address_shows_its_parameters(amended: Contract, call: str, expected: set[str]) -> None:
    assert names(amended, exchange(call, {})) == expected


def form(call: str, files: list[tuple[str, tuple[str | None, bytes, str | None]]]) -> Exchange:
    sent = httpx.Request("POST", f"{API}{call}", files=files)
    headers = (("content-type", sent.headers["content-type"]),)
    return exchange(f"POST {call}", {}, request=sent.read(), request_headers=headers)


@pytest.mark.parametrize(
    "file",
    [
        ("a.csv", b"text\nHi\n", "text/csv"),
        ('a"; name="b.csv', bytes(range(256)), None),
        ("a.txt", b"--conformance\r\n\r\n", "message/rfc822"),
        (None, b"", None),
    ],
)
def test_a_form_shows_its_parts(amended: Contract, file: tuple[str | None, bytes, str | None]) -> None:
    unknown = (None, b"1", None)
    made = form("/v1/datasets?type=embed-input", [("data", file), ("unheard-of", unknown)])
    assert names(amended, made) == {"form:data", "query:type", "query:type = embed-input"}
    made = form("/v1/datasets", [("eval_data", file), ("data", file)])
    assert names(amended, made) == {"form:data", "form:eval_data"}


def test_a_body_of_another_media_type_shows_nothing(amended: Contract) -> None:
    reported = (("content-type", "text/plain"),)
    assert names(amended, exchange(CHAT, {}, request={"model": "m"}, request_headers=reported)) == set()
    json = exchange("POST /v1/datasets", {}, request={"data": "x"})
    assert names(amended, json) == set()


def test_what_is_carried_is_declared(amended: Contract) -> None:
    known = {each for operation in amended.operations.values() for each in requestable(operation)}
    found = set()
    for each in parse_recording(str(folder("cassettes") / "examples" / "conforming.jsonl")):
        if isinstance(each, Exchange):
            found |= requested(amended, each)
    assert found <= known
    assert len({element.operation for element in found}) > len(amended.operations) / 2
