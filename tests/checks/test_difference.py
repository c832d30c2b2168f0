"""What differs between two contracts has the findings of a complete judgement by the other one."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from builders import SSE, exchange

from cohere_conformance.checks.difference import difference
from cohere_conformance.checks.judge import judge_parsed
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract import Contract, Declarations, load_declarations
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import discover, parse_recording

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def declarations() -> Declarations:
    return load_declarations()


def shipped() -> Iterator[Exchange]:
    for file in discover([folder("cassettes")]):
        values = parse_recording(file) if isinstance(file, str) else ()
        yield from (value for value in values if isinstance(value, Exchange))


def partial(ours: Contract, other: Contract, one: Exchange) -> Any:
    """Return the findings of both judgements, if the exchange conforms and only schemas differ."""
    label = ours.route(one.request.method, one.request.url).operation
    if label is None or label not in other.operations:
        return None
    found = difference(ours.operations[label], other.operations[label], one.response.status)
    parsed = ParsedExchange(one)
    if found is None or judge_parsed(ours, parsed, requirements=False):
        return None
    findings = found.findings(parsed)
    whole = judge_parsed(other, ParsedExchange(one), requirements=False)
    return None if findings is None else (findings, whole)


def test_recorded_exchanges_have_the_findings_of_a_complete_judgement(declarations: Declarations) -> None:
    ours, published = declarations.contract(), declarations.contract(as_published=True)
    seen: Counter[bool] = Counter()
    for one in shipped():
        for contracts in ((ours, published), (published, ours)):
            if (both := partial(*contracts, one)) is not None:
                assert both[0] == both[1], one.source
                seen[bool(both[0])] += 1
    assert min(seen[True], seen[False]) > 20


@pytest.mark.parametrize("role", ["assistant", None])
@pytest.mark.parametrize("finish", ["COMPLETE", "TIMEOUT", "ERROR"])
def test_events_and_the_folded_response(declarations: Declarations, role: str | None, finish: str) -> None:
    message = {"content": [], **({"role": role} if role else {})}
    events = [
        {"type": "message-start", "id": "a", "delta": {"message": message}},
        {
            "type": "content-start",
            "index": 0,
            "delta": {"message": {"content": {"type": "text", "text": ""}}},
        },
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "a"}}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": finish}},
    ]
    one = exchange("POST /v2/chat", sse(events), headers=SSE)
    ours, published = declarations.contract(), declarations.contract(as_published=True)
    for contracts in ((ours, published), (published, ours)):
        both = partial(*contracts, one)
        assert both is None or both[0] == both[1]


def sse(events: list[Any]) -> bytes:
    frames = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return "".join([*frames, "data: [DONE]\n\n"]).encode()
