"""Rerank: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from builders import UUID, exchange
from violations import looked_at, shipped, violated

V1, V2 = "POST /v1/rerank", "POST /v2/rerank"
DOCUMENTS = ["apple", "hammer", "banana"]
Pair = tuple[float, float]


def request(**further: Any) -> dict[str, Any]:
    return {"model": "rerank-v3.5", "query": "fruit", "documents": DOCUMENTS} | further


def answer(*results: Pair, units: float = 1, version: str = "2", echo: Any = None) -> dict[str, Any]:
    reported = [{"index": index, "relevance_score": score} for index, score in results]
    if echo is not None:
        reported = [one | {"document": echo[index]} for index, one in enumerate(reported)]
    meta = {"api_version": {"version": version}, "billed_units": {"search_units": units}}
    return {"id": UUID, "results": reported, "meta": meta}


def echoed(*texts: str) -> dict[str, Any]:
    return answer(*RANKED, version="1", echo=[{"text": text} for text in texts])


RANKED = ((2, 0.9), (0, 0.5), (1, 0.1))
MANY = [f"fruit {number}" for number in range(101)]
ALL = tuple((number, 0.5) for number in range(101))
ECHO = {"return_documents": True}
CONFORMING = [
    (V2, {}, answer(*RANKED)),
    (V2, {}, answer((2, 0.5), (0, 0.5), (1, 0.5))),
    (V2, {"top_n": 1}, answer((2, 1))),
    (V2, {"top_n": 2.0}, answer((2, 1.0000001), (1, 1))),
    (V2, {"top_n": 9}, answer(*RANKED)),
    (V2, {"top_n": None, "max_tokens_per_doc": None}, answer(*RANKED)),
    (V2, {"documents": MANY}, answer(*ALL, units=2)),
    (V2, {"documents": ["long " * 500] * 3}, answer(*RANKED, units=9)),
    (V2, {}, {"results": [{"index": 2.0, "relevance_score": 1}, *answer(*RANKED)["results"][1:]]}),
    (V1, {}, answer(*RANKED, version="1")),
    (V1, ECHO, echoed("banana", "apple", "hammer")),
    (
        V1,
        ECHO | {"documents": [{"text": "apple", "n": 1, "shelf": "a"}]},
        answer((0, 1), version="1", echo=[{"text": "apple", "n": "1", "shelf": "a"}]),
    ),
]
VIOLATING = [
    ("sorted", V2, {}, answer((0, 0.5), (2, 0.9), (1, 0.1))),
    ("index-unique", V2, {}, answer((2, 0.9), (0, 0.5), (2, 0.1))),
    ("index-in-range", V2, {}, answer((3, 0.9), (1, 0.5), (2, 0.1))),
    ("index-in-range", V2, {}, answer((-1, 0.9), (1, 0.5), (2, 0.1))),
    ("count", V2, {}, answer((2, 0.9), (0, 0.5))),
    ("count", V2, {"top_n": 2}, answer(*RANKED)),
    # Its score is out of order because of its index.
    ("index-unique", V2, {"documents": DOCUMENTS[:2]}, answer((1, 0.9), (1, 0.9))),
    ("score-range", V2, {}, answer((2, 1.1), (0, 0.5), (1, 0.1))),
    ("score-range", V2, {}, answer((2, 0.9), (0, 0.5), (1, -0.1))),
    ("documents-asked-for", V1, {}, echoed("banana", "apple", "hammer")),
    ("documents-asked-for", V1, ECHO, answer(*RANKED, version="1")),
    ("documents-same", V1, ECHO, echoed("banana", "hammer", "apple")),
    ("search-unit", V2, {}, answer(*RANKED, units=3)),
    ("search-units", V2, {"documents": MANY}, answer(*ALL, units=1)),
    ("query-blank", V2, {"query": " \n"}, answer(*RANKED)),
    ("document-empty", V2, {"documents": ["a", "", "b"]}, answer(*RANKED)),
    (
        "documents-most",
        V1,
        {"documents": MANY, "max_chunks_per_doc": 100},
        answer(*ALL, units=2, version="1"),
    ),
    ("version-told", V2, {}, answer(*RANKED, version="1")),
]


@pytest.mark.parametrize(("call", "sent", "body"), CONFORMING)
def test_valid_responses_violate_nothing(call: str, sent: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=request(**sent)), "rerank") == []


@pytest.mark.parametrize(("name", "call", "sent", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, call: str, sent: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=request(**sent)), "rerank") == [name]


def test_every_check_has_a_violation() -> None:
    checks = {name for name in looked_at("rerank") if not name.startswith("spans-")}
    assert {row[0] for row in VIOLATING} == checks


@pytest.mark.parametrize("sent", [None, b"{", [], {}, {"documents": 7, "top_n": "x", "query": None}])
@pytest.mark.parametrize("call", [V1, V2])
def test_with_an_invalid_request_little_is_reported(call: str, sent: Any) -> None:
    body = answer(*RANKED, version=call[7])
    assert violated(exchange(call, body, request=sent), "rerank") == []
    assert violated(exchange(call, None, request=request()), "rerank") == []


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(one, "rerank") for one in shipped("rerank")]
