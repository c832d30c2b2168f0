"""Exchanges of several days, and what they teach."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from builders import API, UUID, exchange

from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.model import Source
from cohere_conformance.observed.evidence import together
from cohere_conformance.observed.response import sample_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Finding
    from cohere_conformance.observed.compare import ObservedShapes
    from cohere_conformance.observed.evidence import Evidence
    from cohere_conformance.observed.response import Sample

RERANK = {
    "id": UUID,
    "results": [{"index": 0, "relevance_score": 0.9}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}


def rerank(day: str | None, body: dict[str, Any] | None = None, **sent: Any) -> Exchange:
    """Return a rerank call of a day; what is sent besides the usual is optional."""
    request = {"model": "rerank-v3.5", "query": "q", "documents": ["d"], **sent}
    time = None if day is None else f"{day}T02:00:00Z"
    return exchange(
        "POST /v2/rerank",
        RERANK if body is None else body,
        request=request,
        source=Source("night.jsonl", "line 1", time),
    )


def chat(
    day: str,
    message: dict[str, Any],
    *,
    reason: str = "COMPLETE",
    also: dict[str, Any] | None = None,
    **sent: Any,
) -> Exchange:
    """Return a chat call of a day; what is sent besides the usual is optional."""
    return exchange(
        "POST /v2/chat",
        {"id": UUID, "finish_reason": reason, "message": {"role": "assistant", **message}, **(also or {})},
        request={"model": "command-r-08-2024", "messages": [{"role": "user", "content": "q"}], **sent},
        source=Source("night.jsonl", "line 1", f"{day}T02:00:00Z"),
    )


def sample(contract: Contract, one: Exchange) -> Sample:
    """Return what a response shows."""
    found = sample_of(contract, ParsedExchange(one))
    assert found is not None
    return found


def evidence(contract: Contract, exchanges: Iterable[Exchange]) -> Evidence:
    """Return what responses show together."""
    samples = [sample(contract, one) for one in exchanges]
    return together({one.scenario: one.evidence} for one in samples)


def compared(shapes: ObservedShapes, contract: Contract, one: Exchange) -> list[tuple[str, str, str]]:
    """Return kind, severity and location of the findings about a response."""
    return [found(finding) for finding in shapes.findings(sample(contract, one))]


def found(finding: Finding) -> tuple[str, str, str]:
    return finding.kind.value, finding.severity.value, finding.location


def line(one: Exchange) -> str:
    """Return an exchange as a line of a recording."""
    return json.dumps(
        {
            "method": one.request.method,
            "url": one.request.url,
            "request_body": json.loads(one.request.body or b"null"),
            "status": one.response.status,
            "response_headers": dict(one.response.headers),
            "response_body": json.loads(one.response.body or b"null"),
            "recorded_at": one.source.recorded_at,
        }
    )


__all__ = ["API", "RERANK", "chat", "compared", "evidence", "found", "line", "rerank", "sample"]
