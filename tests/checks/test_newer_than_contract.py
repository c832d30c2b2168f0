"""Clients and servers that are newer than the contract: additive findings and notices, never breaking ones.

What the contract does not know, the vendor may have added since. The models, properties and values of these
requests are made up; an SDK of next year may send such ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import UUID, exchange, judged

from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

RERANK, EMBED, CHAT = "POST /v2/rerank", "POST /v2/embed", "POST /v2/chat"
Json = dict[str, Any]


def rerank(result: Json | None = None, units: Json | None = None, **sent: Any) -> tuple[str, Json, Json]:
    request = {"model": "rerank-v6.0-pro", "query": "fruit", "documents": ["apple"]} | sent
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1} | (units or {})}
    results = [{"index": 0, "relevance_score": 0.9} | (result or {})]
    return RERANK, request, {"id": UUID, "results": results, "meta": meta}


def embed(vectors: Json | None = None, response: Json | None = None, **sent: Any) -> tuple[str, Json, Json]:
    request = {
        "model": "embed-v6.0",
        "input_type": "search_query",
        "texts": ["plum"],
        "embedding_types": ["float"],
    }
    body = {
        "id": UUID,
        "texts": ["plum"],
        "embeddings": vectors or {"float": [[1.0] + [0.0] * 4095]},
        "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 1, "text_tokens": 1}},
    }
    return EMBED, request | sent, body | (response or {})


def chat(units: Json | None = None, **sent: Any) -> tuple[str, Json, Json]:
    request = {"model": "command-b-2027", "messages": [{"role": "user", "content": "Hi"}]} | sent
    billed = {"input_tokens": 1, "output_tokens": 1} | (units or {})
    body = {
        "id": UUID,
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
        "usage": {"billed_units": billed, "tokens": {"input_tokens": 3, "output_tokens": 1}},
    }
    return CHAT, request, body


ENABLED = {"mode": "enabled"}
SPAN = {"start": 0, "end": 5, "score": 0.9}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
NOTHING_NEW = {
    "spans of a newer model": rerank({"relevant_spans": [SPAN]}, relevant_spans=ENABLED),
    "an empty list of spans": rerank({"relevant_spans": []}, relevant_spans=ENABLED),
    "a longer vector of a newer model": embed(output_dimension=4096),
}
NEW = {
    "a property": rerank(relevant_fields={"mode": "enabled"}),
    "a property with its response": rerank({"relevant_fields": [1]}, relevant_fields={"mode": "enabled"}),
    "a property in a known object": rerank(relevant_spans=ENABLED | {"style": "short"}),
    "a property of a known span": rerank(
        {"relevant_spans": [SPAN | {"text": "apple"}]}, relevant_spans=ENABLED
    ),
    "a value of an enum in a known object": rerank(
        {"relevant_spans": [SPAN]}, relevant_spans={"mode": "strict"}
    ),
    "another type of document": rerank(
        {"relevant_spans": [SPAN]}, documents=[{"text": "apple"}], relevant_spans=ENABLED
    ),
    "a billed unit": rerank(units={"video_tokens": 4}),
    "a value of an enum": embed(input_type="code_query"),
    "a type of vector": embed({"int4": [[1, -2]]}, embedding_types=["int4"]),
    "another kind of input": embed(response={"texts": [], "videos": [{}]}, texts=None, videos=["data:,"]),
    "a higher limit": embed(priority=2000),
    "a property of chat": chat(verbosity="low"),
    "a nested property of chat": chat(response_format={"type": "text", "strict": True}),
    "a choice of tools": chat(tools=[TOOL], tool_choice="AUTO"),
    "a type of tool": chat(tools=[{"type": "web_search"}]),
    "a role": chat(
        messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    ),
    "a type of content": chat(messages=[{"role": "user", "content": [{"type": "audio", "audio": "data:,"}]}]),
    "a way of thinking": chat(thinking={"type": "adaptive"}),
    "a billed unit of chat": chat(units={"audio_tokens": 3}),
}


@pytest.mark.parametrize("name", NOTHING_NEW)
def test_a_model_of_the_future_is_judged_like_any_other(amended: Contract, name: str) -> None:
    label, sent, body = NOTHING_NEW[name]
    assert judged(amended, exchange(label, body, request=sent)) == []


@pytest.mark.parametrize("name", NEW)
def test_what_may_be_newer_than_the_contract_is_reported_but_not_breaking(
    amended: Contract, name: str
) -> None:
    label, sent, body = NEW[name]
    found = judged(amended, exchange(label, body, request=sent))
    assert found
    assert {finding.severity for finding in found} <= {Severity.ADDITIVE, Severity.NOTICE}
