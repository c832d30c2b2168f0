"""Faults of rerank, by the stage of the handler that they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, new_id
from cohere_conformance.reference.injection import without
from cohere_conformance.reference.words import number

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

BLANK = fault("rerank.blank-query-accepted", "A blank query is accepted.")
EMPTY_DOCUMENT = fault("rerank.empty-document-accepted", "An empty document is accepted and ranked.")
TOO_MANY = fault("rerank.too-many-accepted", "The number of documents and chunks is not limited.")

Scores = dict[int, float]
_Results = list[dict[str, Any]]


def _random(scores: Scores, call: Call) -> Scores:
    chance = number(new_id()) / 2**64
    return {index: round(score * (0.5 + chance / 2), 8) for index, score in scores.items()}


def _duplicates(scores: Scores, call: Call) -> Scores:
    sent = call.body["documents"]
    return {index: score / 2 if sent[index] in sent[:index] else score for index, score in scores.items()}


def _versions(scores: Scores, call: Call) -> Scores:
    return {
        index: round(0.2 - score, 8) if call.v1 and score < 0.2 else score for index, score in scores.items()
    }


def _rescored_with_spans(scores: Scores, call: Call) -> Scores:
    if call.v1 or (call.body.get("relevant_spans") or {}).get("mode") != "enabled":
        return scores
    return {index: round(score / 2, 8) for index, score in scores.items()}


SCORES: FaultTable[Scores] = {
    fault("rerank.position-dependent", "The score of a document depends on its position."): (
        lambda scores, _: {index: round(score / (1 + 0.1 * index), 8) for index, score in scores.items()}
    ),
    fault("rerank.neighbour-dependent", "The score of a document depends on the number of documents."): (
        lambda scores, _: {
            index: round(score / (1 + 0.1 * len(scores)), 8) for index, score in scores.items()
        }
    ),
    fault("rerank.not-deterministic", "The scores of the same request differ from call to call."): _random,
    fault("rerank.off-topic-first", "Documents without any relation to the query are ranked first."): (
        lambda scores, _: {index: round(1 - score, 8) for index, score in scores.items()}
    ),
    fault("rerank.duplicate-punished", "A document that equals an earlier one gets half its score."): (
        _duplicates
    ),
    fault("rerank.spans-rescored", "With relevant spans the scores of the documents are lower."): (
        _rescored_with_spans
    ),
    fault("rerank.versions-differ", "Version 1 ranks the least relevant documents in reverse order."): (
        _versions
    ),
}
"""By index of the document, before the results are sorted."""

TOP_N: FaultTable[float | None] = {
    fault("rerank.top-n-ignored", "All results are returned, whatever the value of top_n."): (
        lambda top_n, _: None
    ),
}


def _top_n_refused(ranked: list[tuple[int, float]], call: Call) -> list[tuple[int, float]]:
    if (call.body.get("top_n") or 0) > len(ranked):
        raise ApiError(400, f"invalid request: top_n must be between 1 and {len(ranked)}")
    return ranked


RANKED: FaultTable[list[tuple[int, float]]] = {
    fault("rerank.top-n-refused", "A top_n above the number of documents is rejected with 400."): (
        _top_n_refused
    ),
    fault("rerank.top-n-other", "With top_n the best result is left out, and the next one is added."): (
        lambda ranked, call: ranked[1 if 0 < (call.body.get("top_n") or 0) < len(ranked) else 0 :]
    ),
}
"""Indexes and scores after sorting, before `top_n` is applied."""


def _other_documents(results: _Results, call: Call) -> _Results:
    return [
        {**result, "document": results[rank - 1]["document"]} if "document" in result else result
        for rank, result in enumerate(results)
    ]


RESULTS: FaultTable[_Results] = {
    fault("rerank.document-differs", "The document of each result belongs to another result."): (
        _other_documents
    ),
    fault("rerank.unsorted", "The results are not sorted by descending score."): (
        lambda results, _: [*results[1:], *results[:1]]
    ),
    fault("rerank.ascending", "The results are sorted by ascending score."): lambda results, _: results[::-1],
    fault("rerank.one-missing", "The last result is missing."): lambda results, _: results[:-1],
    fault("rerank.index-out-of-range", "The indexes of the documents start at 1 instead of 0."): (
        lambda results, _: [{**result, "index": result["index"] + 1} for result in results]
    ),
    fault("rerank.index-repeated", "The last result repeats the index of the first result."): (
        lambda results, _: [
            *results[:-1],
            *({**result, "index": results[0]["index"]} for result in results[-1:]),
        ]
    ),
    fault("rerank.score-above-one", "The score of the first result is above 1."): (
        lambda results, _: [*(_rescored(result, 1) for result in results[:1]), *results[1:]]
    ),
    fault("rerank.score-negative", "The score of the last result is below 0."): (
        lambda results, _: [*results[:-1], *(_rescored(result, -1) for result in results[-1:])]
    ),
    fault("rerank.return-documents-ignored", "Results have no document, although requested."): (
        lambda results, _: [without(result, "document") for result in results]
    ),
}
"""The results of the response."""


def _rescored(result: dict[str, Any], by: float) -> dict[str, Any]:
    return {**result, "relevance_score": result["relevance_score"] + by}


RETURN_DOCUMENTS: FaultTable[bool] = {
    fault("rerank.documents-always", "Version 1 returns the documents without being asked to."): (
        lambda requested, _: True
    ),
}
"""Whether the results have their documents."""

UNITS: FaultTable[int] = {
    fault("rerank.search-units-wrong", "Each document is billed as one search unit."): (
        lambda units, call: len(call.body["documents"])
    ),
    fault("rerank.search-units-flat", "One search unit is billed, whatever the number of documents."): (
        lambda units, _: 1
    ),
}

VERSION: FaultTable[dict[str, Any]] = {
    fault("rerank.version-differs", "meta.api_version names the other version of the API."): (
        lambda meta, call: {
            **meta,
            "api_version": {**meta["api_version"], "version": "2" if call.v1 else "1"},
        }
    ),
}
"""The `meta` object of the response."""
