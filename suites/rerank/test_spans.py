"""Rerank: relevant spans of two requests that differ in their settings only."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypedDict

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

RERANK = "POST /v2/rerank"
pytestmark = pytest.mark.operations(RERANK)
QUERY = "How often should a bicycle chain be oiled?"
SENTENCES = [
    "Ask the workshop.",
    "Oil the bicycle chain often.",
    "A bicycle chain should be replaced if it is worn.",
    "Chain oil costs little.",
    "The bicycle should be clean.",
    "Cork is light.",
]
"""Sentences with different scores."""
DOCUMENT = " ".join(SENTENCES)
OTHER = "The museum is closed on Mondays."
TOLERANCE = 1e-3
SPANS = "/results/*/relevant_spans"


class Span(TypedDict):
    """One part of a document."""

    start: int
    end: int
    score: float


class Result(TypedDict, total=False):
    """The properties of a result that the tests read."""

    index: int
    relevance_score: float
    relevant_spans: list[Span]


def ranked(api: Api, document: str, **settings: object) -> ApiResponse:
    """Rerank a document and another one; without settings, without spans."""
    further = {"relevant_spans": {"mode": "enabled", **settings}} if settings else {}
    body = {"model": api.models["rerank-spans"], "query": QUERY, "documents": [document, OTHER], **further}
    return api.call(RERANK, body=body)


def spans(response: ApiResponse) -> list[Span]:
    """Return the spans of the first document, the best one first."""
    results = response.at("/results", list[Result], despite_requirements=True)
    found = [one for result in results if result["index"] == 0 for one in result.get("relevant_spans") or []]
    return sorted(found, key=lambda span: -span["score"])


def scores(response: ApiResponse) -> dict[int, float]:
    """Return the scores of the documents by their indexes."""
    results = response.at("/results", list[Result], despite_requirements=True)
    return {one["index"]: one["relevance_score"] for one in results}


def require_best(api: Api, document: str) -> None:
    """Require that with `max_spans` 1 the span of a document is the best one of the list without it."""
    every = spans(ranked(api, document, threshold=0))
    api.need(len(every) > 1, "more than one span of a document")
    response = ranked(api, document, threshold=0, max_spans=1)
    found = spans(response)
    best = every[0]["score"]
    api.require(
        "rerank.spans-best",
        bool(found) and found[0]["score"] >= best - TOLERANCE,
        response,
        location=SPANS,
        expected=f"the best span, with the score {best}",
        observed=found[0] if found else "no span",
    )


def require_selected(api: Api, document: str) -> None:
    """Require that with a threshold between two scores the spans are those of the complete list above it."""
    every = spans(ranked(api, document, threshold=0))
    # In the middle of the widest gap no rounding of scores matters.
    gaps = [(one["score"] - other["score"], one, other) for one, other in pairwise(every)]
    api.need(bool(gaps), "more than one span of a document")
    gap, above, below = max(gaps, key=lambda found: found[0])
    api.need(gap > 4 * TOLERANCE, "two spans with different scores")
    threshold = round((above["score"] + below["score"]) / 2, 4)
    response = ranked(api, document, threshold=threshold)
    expected = {(one["start"], one["end"]) for one in every if one["score"] > threshold}
    found = {(one["start"], one["end"]) for one in spans(response)}
    api.require(
        "rerank.spans-selected",
        found == expected,
        response,
        location=SPANS,
        expected=f"the spans of the complete list whose score is above {threshold}: {sorted(expected)}",
        observed=sorted(found),
    )


def require_scores_kept(api: Api, document: str, threshold: float) -> None:
    """Require that with and without spans the documents have the same scores."""
    without, response = scores(ranked(api, document)), ranked(api, document, threshold=threshold)
    found = scores(response)
    changed = {
        index: (without[index], found[index])
        for index in without.keys() & found.keys()
        if abs(without[index] - found[index]) > TOLERANCE
    }
    api.require(
        "rerank.spans-scores-kept",
        not changed,
        response,
        location="/results/*/relevance_score",
        expected="the scores of the same documents without spans",
        observed=changed,
    )


def test_max_spans_keeps_the_best(api: Api) -> None:
    """With `max_spans` 1 the span of a document is the best one of the list without it."""
    require_best(api, DOCUMENT)


def test_a_higher_threshold_selects_spans(api: Api) -> None:
    """With a threshold between two scores the spans are those of the complete list that reach it."""
    require_selected(api, DOCUMENT)


def test_spans_do_not_change_the_scores_of_documents(api: Api) -> None:
    """With and without spans the documents have the same scores."""
    require_scores_kept(api, DOCUMENT, 0.1)
