"""All groups: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, UUID, exchange
from violations import looked_at, shipped, violated

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

Json = dict[str, Any]
Row = tuple[str, Any, Any, int, dict[str, str]]
NOTICE = "model 'command' is deprecated and will be removed September 15 2025."
TRIAL, LEFT = "x-trial-endpoint-call-limit", "x-trial-endpoint-call-remaining"
RERANK = {"model": "rerank-v3.5", "query": "q", "documents": ["a"]}
RANKED = {
    "id": UUID,
    "results": [{"index": 0, "relevance_score": 0.5}],
    "meta": {"billed_units": {"search_units": 1}},
}
EMBED = {
    "model": "embed-v4.0",
    "input_type": "search_query",
    "texts": ["é🙂"],
    "embedding_types": ["int8"],
    "output_dimension": 256,
}
CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hi"}]}
TOKENIZE = {"model": "command-a-03-2025", "text": "a"}
TOKENS: Json = {"tokens": [97], "token_strings": ["a"]}


def embedded(**billed: float) -> Json:
    vectors = {"int8": [[1] * 256]}
    reported = {"api_version": {"version": "2"}, "billed_units": billed}
    return {
        "id": UUID,
        "response_type": "embeddings_by_type",
        "embeddings": vectors,
        "texts": ["é🙂"],
        "meta": reported,
    }


def said(text: str) -> Json:
    message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    units = {"input_tokens": 2, "output_tokens": 1}
    usage = {"billed_units": units, "tokens": units}
    return {"id": UUID, "finish_reason": "COMPLETE", "message": message, "usage": usage}


def ranked(**billed: float) -> Json:
    return RANKED | {"meta": {"billed_units": billed}}


def refused(text: str) -> Json:
    return {"id": UUID, "message": text}


def call(label: str, request: Any, body: Any, status: int = 200, **headers: str) -> Row:
    return label, request, body, status, headers


C2, E1, E2 = "POST /v2/chat", "POST /v1/embed", "POST /v2/embed"
R1, R2, T1 = "POST /v1/rerank", "POST /v2/rerank", "POST /v1/tokenize"
UNKNOWN = "unknown field: parameter 'colour' is not a valid field"
COMBINED = {"x-api-warning": f"{NOTICE}, {UNKNOWN}"}
NOBODY = "model 'nope' not found, make sure the correct model ID was used"

CASES = [
    (
        "num-tokens",
        call(E2, EMBED, embedded(input_tokens=3), num_tokens="3"),
        call(E2, EMBED, embedded(input_tokens=3), num_tokens="4"),
    ),
    (
        "num-tokens",
        call(C2, CHAT, said("Hi"), **{"num-tokens": "3"}),
        call(C2, CHAT, said("Hi"), **{"num-tokens": "2"}),
    ),
    (
        "num-tokens",
        call(E2, EMBED, embedded(), num_tokens="3"),
        call(E2, EMBED, embedded(input_tokens=2), num_tokens="3"),
    ),
    ("num-chars", call(E2, EMBED, embedded(), num_chars="2"), call(E2, EMBED, embedded(), num_chars="6")),
    (
        "quota",
        call(R2, RERANK, RANKED, **{TRIAL: "10", LEFT: "10"}),
        call(R2, RERANK, RANKED, **{TRIAL: "10", LEFT: "11"}),
    ),
    (
        "quota",
        call(R2, RERANK, RANKED, **{LEFT: "11"}),
        call(R2, RERANK, RANKED, **{TRIAL: "10", LEFT: "-1"}),
    ),
    (
        "notice-in-answer",
        call(T1, TOKENIZE, TOKENS | {"meta": {"warnings": [NOTICE]}}, **{"x-api-warning": NOTICE}),
        call(T1, TOKENIZE, TOKENS | {"meta": {"warnings": ["another"]}}, **{"x-api-warning": NOTICE}),
    ),
    (
        "notice-in-answer",
        call(T1, TOKENIZE, TOKENS | {"meta": {"warnings": [NOTICE]}}, **COMBINED),
        call(T1, TOKENIZE, TOKENS | {"meta": {"warnings": []}}, **COMBINED),
    ),
    (
        "notice-in-answer",
        call(T1, TOKENIZE, TOKENS | {"meta": {}}, **{"x-api-warning": UNKNOWN}),
        call(T1, TOKENIZE, TOKENS | {"meta": {}}, **{"x-api-warning": NOTICE}),
    ),
    ("billed-whole", call(R2, RERANK, ranked(search_units=1.0)), call(R2, RERANK, ranked(search_units=1.5))),
    ("billed-whole", call(E2, EMBED, embedded(input_tokens=0)), call(E2, EMBED, embedded(input_tokens=-1))),
    (
        "billed-own-units",
        call(R2, RERANK, ranked(search_units=1, input_tokens=0)),
        call(R2, RERANK, ranked(search_units=1, input_tokens=4)),
    ),
    ("v2-unknown-field", call(R2, RERANK, RANKED), call(R2, RERANK | {"top_k": 1}, RANKED)),
    ("v2-unknown-field", call(R1, RERANK | {"top_k": 1}, RANKED), call(C2, CHAT | {"colour": 1}, said("Hi"))),
    (
        "v2-unknown-nested-field",
        call(C2, CHAT | {"response_format": {"type": "json_object"}}, said("{}")),
        call(C2, CHAT | {"response_format": {"type": "json_object", "scheme": {}}}, said("{}")),
    ),
    ("text-whole", call(C2, CHAT, said("Crème")), call(C2, CHAT, said("Cr\ufffd\ufffdme"))),
    ("required-refused", call(R2, RERANK, RANKED), call(R2, {"query": "q", "documents": ["a"]}, RANKED)),
    ("required-refused", call(R2, {}, RANKED), call(R1, {"query": "q"}, RANKED)),
    ("invalid-refused", call(R2, RERANK, RANKED), call(R2, RERANK | {"query": 1}, RANKED)),
    (
        "v2-unknown-field-status",
        call(R2, RERANK, refused(UNKNOWN), 422),
        call(R2, RERANK, refused(UNKNOWN), 400),
    ),
    (
        "v1-unknown-field-served",
        call(R1, RERANK, refused("no such thing"), 422),
        call(R1, RERANK, refused(UNKNOWN), 422),
    ),
    ("unknown-model-status", call(E2, EMBED, refused(NOBODY), 404), call(E1, EMBED, refused(NOBODY), 400)),
    ("json-syntax", call(R2, b"{,", refused("x"), 400), call(R2, b"{,", refused("x"), 422)),
    ("json-syntax", call(R2, b"", refused("x"), 500), call(R2, b"[", refused("x"), 500)),
    ("no-crash", call(R2, RERANK, refused("x"), 500), call(R2, {"query": 1}, refused("x"), 500)),
]


def exchanged(row: Row) -> Exchange:
    label, request, body, status, headers = row
    return exchange(label, body, status=status, headers=(*JSON, *headers.items()), request=request)


@pytest.mark.parametrize(("requirement", "valid", "wrong"), CASES)
def test_a_check_distinguishes_invalid_from_valid_responses(requirement: str, valid: Row, wrong: Row) -> None:
    assert requirement not in violated(exchanged(valid), "common")
    assert violated(exchanged(wrong), "common") == [requirement]


def test_every_check_is_here() -> None:
    assert looked_at("common") == {requirement for requirement, _, _ in CASES}


@pytest.mark.parametrize("group", ["chat", "embed", "rerank", "tokenize", "models"])
def test_the_shipped_examples_violate_nothing(group: str) -> None:
    found = [violated(exchange, "common") for exchange in shipped(group)]
    assert found
    assert not any(found)
