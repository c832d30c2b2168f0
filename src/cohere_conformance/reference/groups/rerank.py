"""Rerank: documents in the order of how well they answer a query."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import tokens
from cohere_conformance.reference.common import fitted, model_of, whole
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, meta, new_id, operation
from cohere_conformance.reference.words import bag, likeness, number, weight

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

UNSORTED = fault("rerank.unsorted", "The results are not in the order of their scores.")
ASCENDING = fault("rerank.ascending", "The least relevant document comes first.")
OUT_OF_RANGE = fault("rerank.index-out-of-range", "The indexes count from one.")
REPEATED = fault("rerank.index-repeated", "The last result has the index of the first one.")
ABOVE_ONE = fault("rerank.score-above-one", "The best score is above one.")
NEGATIVE = fault("rerank.score-negative", "The last score is below zero.")
TOP_N_IGNORED = fault("rerank.top-n-ignored", "All results are answered, whatever top_n says.")
TOP_N_REFUSED = fault("rerank.top-n-refused", "A top_n above the number of documents is refused.")
ONE_MISSING = fault("rerank.one-missing", "The last result is missing.")
DIFFERS = fault("rerank.document-differs", "The documents that come back belong to other results.")
POSITION = fault("rerank.position-dependent", "The score of a document depends on where it stands.")
NEIGHBOURS = fault("rerank.neighbour-dependent", "The score of a document depends on how many there are.")
RANDOM = fault("rerank.not-deterministic", "The scores differ from call to call.")
OFF_TOPIC = fault("rerank.off-topic-first", "Documents that have nothing to do with the query come first.")
DOCUMENTS_IGNORED = fault("rerank.return-documents-ignored", "Documents never come back.")
DOCUMENTS_ALWAYS = fault("rerank.documents-always", "Documents come back on version 1 unasked.")
UNITS = fault("rerank.search-units-wrong", "Each document is billed as a search unit.")
UNITS_FLAT = fault("rerank.search-units-flat", "One search unit is billed, however many documents there are.")
TOO_MANY = fault("rerank.too-many-accepted", "There may be any number of documents and chunks.")
VERSION = fault("rerank.version-differs", "The answer tells the other version of the API.")
TOP_N_OTHER = fault(
    "rerank.top-n-other", "With a top_n the best document is left out, and one more at the end is not."
)
DUPLICATE = fault("rerank.duplicate-punished", "A document that was sent before has half the score.")
VERSIONS = fault(
    "rerank.versions-differ", "Version 1 ranks what answers the query badly the other way round."
)
BLANK = fault("rerank.blank-query-accepted", "A blank query is answered.")
EMPTY_DOCUMENT = fault("rerank.empty-document-accepted", "An empty document is ranked like any other.")

MOST = 10_000
"""Documents times chunks must stay below (RR-R04)."""
_DOCUMENT_TOKENS = 4096
_CHUNKS = 10


@dataclass(frozen=True)
class _Result:
    index: int
    score: float


@operation("POST /v1/rerank", "POST /v2/rerank", beside="large")
def rerank(call: Call) -> JsonResponse:
    """Answer with the order of the documents."""
    model = model_of(call, "rerank")
    documents: list[str | dict[str, Any]] = call.body["documents"]
    query: str = call.body["query"]
    if not query.strip() and not call.faulty(BLANK):
        raise ApiError(400, "invalid request: query must not be empty or blank")
    if not documents:
        raise ApiError(400, "invalid request: documents must hold at least one document")
    query = fitted(query, model.context // 2, "END", "the query")
    most = _most(call, len(documents))
    texts = [_text(call, document, index) for index, document in enumerate(documents)]
    room = model.context - model.context // 2
    passages = [_chunks(text, room, most) if call.v1 else [_cut(text, room, most)] for text in texts]
    results = [
        _Result(index, max(_score(model.name, query, chunk) for chunk in chunks))
        for index, chunks in enumerate(passages)
    ]
    chosen = _ranked(call, results)
    echoed = call.v1 and (call.body.get("return_documents") or call.faulty(DOCUMENTS_ALWAYS))
    body: dict[str, Any] = {"id": new_id(), "results": []}
    for rank, result in enumerate(chosen):
        told: dict[str, Any] = {"index": result.index, "relevance_score": result.score}
        if echoed and not call.faulty(DOCUMENTS_IGNORED):
            other = chosen[rank - 1].index if call.faulty(DIFFERS) else result.index
            told = {"document": _document(documents[other], texts[other]), **told}
        body["results"].append(told)
    _spoil(call, body["results"])
    body["meta"] = meta(call, search_units=_units(call, sum(map(len, passages))))
    if call.faulty(VERSION):
        body["meta"]["api_version"]["version"] = "2" if call.v1 else "1"
    return JsonResponse(body)


def _units(call: Call, chunks: int) -> int:
    if call.faulty(UNITS):
        return len(call.body["documents"])
    return 1 if call.faulty(UNITS_FLAT) else max(1, math.ceil(chunks / 100))


def _text(call: Call, document: str | dict[str, Any], index: int) -> str:
    """Return what of a document is ranked (RR-R02)."""
    if isinstance(document, str):
        found = document
    else:
        fields = call.body.get("rank_fields", ["text"])
        told = [str(document[name]) for name in fields if document.get(name) is not None]
        if not told:
            raise ApiError(400, f"invalid request: document at index {index} has no {' or '.join(fields)}")
        found = "\n".join(told)
    if not found.strip() and not call.faulty(EMPTY_DOCUMENT):
        raise ApiError(400, f"invalid request: document at index {index} must not be empty")
    return found


def _most(call: Call, many: int) -> int:
    """Return into how many chunks a document is split at most on version 1, or its most tokens on version 2.

    Raises:
        ApiError: 400, there are too many documents, or nothing to rank them by.
    """
    if call.body.get("rank_fields") == []:
        raise ApiError(400, "invalid request: rank_fields must not be empty")
    chunks = whole(call, "max_chunks_per_doc", 1, None, _CHUNKS)
    # The default is not counted: documents are rarely long enough to be split at all.
    counted = chunks if "max_chunks_per_doc" in call.body else 1
    if many * counted >= MOST and not call.faulty(TOO_MANY):
        raise ApiError(
            400, f"invalid request: documents times chunks must be below {MOST}, got {many} x {counted}"
        )
    return chunks if call.v1 else whole(call, "max_tokens_per_doc", 1, None, _DOCUMENT_TOKENS)


def _cut(text: str, room: int, most: int) -> str:
    return fitted(text, min(most, room), "END", "a document")


def _chunks(text: str, room: int, most: int) -> list[str]:
    """Return the pieces of a document that are scored each on its own."""
    if len(text) * 4 <= room:
        return [text]
    pieces = tokens.pieces(text)
    parts = [pieces[start : start + room] for start in range(0, len(pieces), room)][:most]
    return [b"".join(part).decode("utf-8", "ignore") for part in parts] or [text]


@lru_cache(maxsize=4096)
def _score(model: str, query: str, text: str) -> float:
    """Return how well a text answers a query, from 0 to 1, whatever else is ranked.

    Most of it is how much of the query the text mentions; a text that says little else is a bit better. What
    depends on the model and on nothing that can be understood only tells apart what would be equal otherwise.
    """
    asked, found = bag(query), bag(text)
    whole_query = sum(weight(word) for word in asked)
    mentioned = sum(weight(word) for word in asked if word in found) / whole_query if whole_query else 0.0
    fit = 0.7 * mentioned + 0.3 * likeness(asked, found)
    chance = number("rerank", model, query, text) / 2**64
    return round(0.0005 + 0.99 * math.pow(fit, 1.5) + 0.0005 * chance, 8)


def _ranked(call: Call, results: list[_Result]) -> list[_Result]:
    if call.faulty(POSITION):
        results = [_Result(one.index, round(one.score / (1 + 0.1 * one.index), 8)) for one in results]
    if call.faulty(NEIGHBOURS):
        results = [_Result(one.index, round(one.score / (1 + 0.1 * len(results)), 8)) for one in results]
    if call.faulty(RANDOM):
        again = number(new_id()) / 2**64
        results = [_Result(one.index, round(one.score * (0.5 + again / 2), 8)) for one in results]
    if call.faulty(OFF_TOPIC):
        results = [_Result(one.index, round(1 - one.score, 8)) for one in results]
    if call.faulty(DUPLICATE):
        sent = call.body["documents"]
        results = [
            _Result(one.index, one.score / 2) if sent[one.index] in sent[: one.index] else one
            for one in results
        ]
    if call.faulty(VERSIONS) and call.v1:
        results = [
            _Result(one.index, round(0.2 - one.score, 8)) if one.score < 0.2 else one for one in results
        ]
    results = sorted(results, key=lambda one: (-one.score, one.index))
    most = call.body.get("top_n")
    if most is not None and most > len(results) and call.faulty(TOP_N_REFUSED):
        raise ApiError(400, f"invalid request: top_n must be between 1 and {len(results)}")
    if most is not None and not call.faulty(TOP_N_IGNORED):
        start = 1 if call.faulty(TOP_N_OTHER) and most < len(results) else 0
        results = results[start : start + int(most)]
    if call.faulty(UNSORTED):
        results = [*results[1:], *results[:1]]
    if call.faulty(ASCENDING):
        results = results[::-1]
    return results[:-1] if call.faulty(ONE_MISSING) else results


def _document(document: str | dict[str, Any], text: str) -> dict[str, Any]:
    """Return a document as it comes back: whole, and with the text that must be there in any case."""
    return {"text": text} if isinstance(document, str) else {"text": text, **document}


def _spoil(call: Call, results: list[dict[str, Any]]) -> None:
    """Make results wrong in what a schema or a look at one result can see."""
    if not results:
        return
    if call.faulty(OUT_OF_RANGE):
        for result in results:
            result["index"] += 1
    if call.faulty(REPEATED) and len(results) > 1:
        results[-1]["index"] = results[0]["index"]
    if call.faulty(ABOVE_ONE):
        results[0]["relevance_score"] += 1
    if call.faulty(NEGATIVE):
        results[-1]["relevance_score"] -= 1
