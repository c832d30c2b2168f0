"""Rerank: sorts documents by their relevance to a query."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import tokens
from cohere_conformance.reference.common import fitted, integer, model_of
from cohere_conformance.reference.groups import rerank_faults as faults
from cohere_conformance.reference.groups.rerank_score import relevance
from cohere_conformance.reference.groups.rerank_spans import requested_spans
from cohere_conformance.reference.handling import ApiError, JsonResponse, meta, new_id, operation
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

MOST = 10_000
"""The number of documents times the number of chunks has to be below this limit (RR-R04)."""
_DOCUMENT_TOKENS = 4096
_CHUNKS = 10


@operation("POST /v1/rerank", "POST /v2/rerank", in_thread="large")
def rerank(call: Call) -> JsonResponse:
    """Return the documents' indexes, the most relevant document first."""
    results, units = call.once(_ranked)
    return JsonResponse(
        {
            "id": new_id(),
            "results": inject(call, faults.RESULTS, results),
            "meta": inject(call, faults.VERSION, meta(call, search_units=units)),
        }
    )


def _ranked(call: Call) -> tuple[Any, int]:
    """Return the results and the billed search units.

    Raises:
        ApiError: the request is invalid.
    """
    model = model_of(call, "rerank")
    documents: list[str | dict[str, Any]] = call.body["documents"]
    query: str = call.body["query"]
    if not query.strip() and not call.faulty(faults.BLANK):
        raise ApiError(400, "invalid request: query must not be empty or blank")
    if not documents:
        raise ApiError(400, "invalid request: documents must hold at least one document")
    query = fitted(query, model.context // 2, "END", "the query")
    most = _most(call, len(documents))
    texts = [_text(call, document, index) for index, document in enumerate(documents)]
    room = model.context - model.context // 2
    spans = requested_spans(call, model)
    passages = [_chunks(text, room, most) if call.v1 else [_cut(text, room, most)] for text in texts]
    scores = {
        index: max(relevance(model.name, query, chunk) for chunk in chunks)
        for index, chunks in enumerate(passages)
    }
    ranked = sorted(inject(call, faults.SCORES, scores).items(), key=lambda one: (-one[1], one[0]))
    top_n = inject(call, faults.TOP_N, call.body.get("top_n"))
    best = inject(call, faults.RANKED, ranked)[: None if top_n is None else int(top_n)]
    returned = inject(call, faults.RETURN_DOCUMENTS, bool(call.body.get("return_documents")))
    results = [
        {
            **({"document": _document(documents[index], texts[index])} if call.v1 and returned else {}),
            "index": index,
            "relevance_score": score,
            **spans(query, passages[index][0]),
        }
        for index, score in best
    ]
    # One search unit is a query with up to 100 chunks.
    units = inject(call, faults.UNITS, max(1, math.ceil(sum(map(len, passages)) / 100)))
    return call.part(results), units


def _text(call: Call, document: str | dict[str, Any], index: int) -> str:
    """Return the text of a document: of an object, the fields that `rank_fields` names (RR-R02)."""
    if isinstance(document, str):
        found = document
    else:
        fields = call.body.get("rank_fields", ["text"])
        texts = [str(document[name]) for name in fields if document.get(name) is not None]
        if not texts:
            raise ApiError(400, f"invalid request: document at index {index} has no {' or '.join(fields)}")
        found = "\n".join(texts)
    if not found.strip() and not call.faulty(faults.EMPTY_DOCUMENT):
        raise ApiError(400, f"invalid request: document at index {index} must not be empty")
    return found


def _most(call: Call, many: int) -> int:
    """Return the maximum number of chunks of a document (version 1), or of its tokens (version 2).

    Raises:
        ApiError: 400, there are too many documents, or `rank_fields` is empty.
    """
    if call.body.get("rank_fields") == []:
        raise ApiError(400, "invalid request: rank_fields must not be empty")
    chunks = integer(call, "max_chunks_per_doc", 1, None, _CHUNKS)
    # The default is not counted: documents are rarely long enough to be split at all.
    counted = chunks if "max_chunks_per_doc" in call.body else 1
    if many * counted >= MOST and not call.faulty(faults.TOO_MANY):
        raise ApiError(
            400, f"invalid request: documents times chunks must be below {MOST}, got {many} x {counted}"
        )
    return chunks if call.v1 else integer(call, "max_tokens_per_doc", 1, None, _DOCUMENT_TOKENS)


def _cut(text: str, room: int, most: int) -> str:
    return fitted(text, min(most, room), "END", "a document")


def _chunks(text: str, room: int, most: int) -> list[str]:
    """Return a document in chunks, each of which is scored separately."""
    if len(text) * 4 <= room:
        return [text]
    pieces = tokens.pieces(text)
    parts = [pieces[start : start + room] for start in range(0, len(pieces), room)][:most]
    return [b"".join(part).decode("utf-8", "ignore") for part in parts] or [text]


def _document(document: str | dict[str, Any], text: str) -> dict[str, Any]:
    """Return a document as the response repeats it: complete, and always with a `text`."""
    return {"text": text} if isinstance(document, str) else {"text": text, **document}
