"""Rerank: order, number and indexes of results, and billing."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_ROUNDING = 1e-6
"""Tolerance of the range of scores, which are 32-bit floats."""
_UNIT = 100
"""Number of documents in a search unit."""
_SHORT = 400
"""Number of bytes of query and document that are certainly not split: a token has at least one."""


@check("rerank.sorted")
def sorted_by_score(evidence: Evidence) -> Iterator[Breach]:
    """The results are in descending order of relevance_score (RR-O01)."""
    # A result that comes again has its score again, wherever it comes: that is about its index.
    first = {result["index"]: result["relevance_score"] for result in reversed(_results(evidence))}
    scores = [first.pop(result["index"]) for result in _results(evidence) if result["index"] in first]
    for better, worse in pairwise(scores):
        if better < worse:
            yield Breach(
                "/results/*/relevance_score", "no score above the one before", f"{worse} after {better}"
            )
            return


@check("rerank.index-unique")
def index_unique(evidence: Evidence) -> Iterator[Breach]:
    """The index of each result is unique (RR-O02)."""
    seen: set[float] = set()
    for result in _results(evidence):
        if result["index"] in seen:
            yield Breach("/results/*/index", "each index once", f"{result['index']} again")
            return
        seen.add(result["index"])


@check("rerank.index-in-range")
def index_in_range(evidence: Evidence) -> Iterator[Breach]:
    """The index of each result is that of a document in the request, counted from 0 (RR-O02)."""
    documents = _documents(evidence)
    for result in _results(evidence):
        index = result["index"]
        if index < 0 or (documents is not None and index >= len(documents)):
            limit = "0 and above" if documents is None else f"0 to {len(documents) - 1}"
            yield Breach("/results/*/index", f"the index of a document, {limit}", str(index))
            return


@check("rerank.count")
def count(evidence: Evidence) -> Iterator[Breach]:
    """The number of results is top_n, or the number of documents if that is smaller or top_n is absent.

    Source: RR-O03.
    """
    documents = _documents(evidence)
    if documents is None or not evidence.response:
        return
    most = evidence.sent.get("top_n")
    if not isinstance(most, int | float | None) or isinstance(most, bool):
        return
    wanted = len(documents) if most is None else min(most, len(documents))
    found = len(_results(evidence))
    if found != wanted:
        reported = "more" if found > wanted else "fewer"
        yield Breach("/results", f"{wanted:g} results", str(found), reported)


@check("rerank.score-range")
def score_range(evidence: Evidence) -> Iterator[Breach]:
    """The relevance_score of each result is between 0 and 1 (RR-O04)."""
    return each(_results(evidence), _score_in_range)


def _score_in_range(result: dict[str, Any]) -> Iterator[Breach]:
    score = result["relevance_score"]
    if not -_ROUNDING <= score <= 1 + _ROUNDING:
        reported = "above" if score > 1 else "below"
        yield Breach("/results/*/relevance_score", "a score from 0 to 1", str(score), reported)


@check("rerank.documents-asked-for")
def documents_asked_for(evidence: Evidence) -> Iterator[Breach]:
    """Version 1 returns documents if and only if return_documents is true (RR-O05)."""
    if _documents(evidence) is None:
        return
    wanted = evidence.sent.get("return_documents") is True
    for result in _results(evidence):
        if (result.get("document") is not None) != wanted:
            expected = "the requested document" if wanted else "no document, as none is requested"
            yield Breach(
                "/results/*/document",
                expected,
                "none" if wanted else "a document",
                "lacks" if wanted else "has",
            )
            return


@check("rerank.documents-same")
def documents_same(evidence: Evidence) -> Iterator[Breach]:
    """A returned document has every text of the document with that index; a string is returned as text.

    Source: RR-O05.
    """
    documents = _documents(evidence) or []

    def differs(result: dict[str, Any]) -> Iterator[Breach]:
        index, reported = result["index"], result.get("document")
        if not isinstance(reported, dict) or not 0 <= index < len(documents):
            return
        sent = documents[int(index)]
        fields: dict[str, Any] = sent if isinstance(sent, dict) else {"text": sent}
        # Only texts are declared; the rest of a document is undefined.
        lost = sorted(
            name for name, value in fields.items() if isinstance(value, str) and reported.get(name) != value
        )
        if lost:
            yield Breach(
                "/results/*/document",
                f"the document with index {index:g}",
                f"another {lost[0]}: {reported.get(lost[0])!r}",
            )

    yield from each(_results(evidence), differs)


@check("rerank.search-unit")
def search_unit(evidence: Evidence) -> Iterator[Breach]:
    """Up to 100 short documents are billed as one search unit (RR-O12)."""
    many = _short(evidence)
    if many and many <= _UNIT:
        yield from _billed(evidence, 1)


@check("rerank.search-units")
def search_units(evidence: Evidence) -> Iterator[Breach]:
    """Beyond 100 short documents, each further 100 or part of it is billed as one more search unit.

    Source: RR-O12.
    """
    many = _short(evidence)
    if many > _UNIT:
        yield from _billed(evidence, -(-many // _UNIT))


@check("rerank.query-blank")
def query_blank(evidence: Evidence) -> Iterator[Breach]:
    """A query of white space only is refused (RR-R07)."""
    query = evidence.sent.get("query")
    if isinstance(query, str) and not query.strip():
        yield Breach("", "a refusal of a blank query", "results")


@check("rerank.document-empty")
def document_empty(evidence: Evidence) -> Iterator[Breach]:
    """An empty document is refused (RR-R07)."""
    for index, document in enumerate(_documents(evidence) or ()):
        if document == "":
            yield Breach("", "a refusal of an empty document", f"results, though document {index} is empty")
            return


@check("rerank.documents-most")
def documents_most(evidence: Evidence) -> Iterator[Breach]:
    """More than 10000 documents are refused, on version 1 more than 10000 documents times chunks.

    Source: RR-R04, RR-R06.
    """
    documents, chunks = _documents(evidence), evidence.sent.get("max_chunks_per_doc")
    counted = chunks if isinstance(chunks, int) and " /v1/" in evidence.operation.label else 1
    # The sources disagree about the limit itself, but not about larger numbers.
    if documents and len(documents) * counted > 10_000:
        yield Breach("", "a refusal of more than 10000 documents or chunks", "results")


@check("rerank.version-told", returns="meta")
def version_matches(evidence: Evidence) -> Iterator[Breach]:
    """The api_version of a response is that of the endpoint."""
    version = ((evidence.response.get("meta") or {}).get("api_version") or {}).get("version")
    called = "1" if " /v1/" in evidence.operation.label else "2"
    if version is not None and version != called:
        yield Breach("/meta/api_version/version", called, str(version))


def _results(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the results; none if the body was not recorded."""
    found: list[dict[str, Any]] = evidence.response.get("results", [])
    return found


def _documents(evidence: Evidence) -> list[Any] | None:
    documents = evidence.sent.get("documents")
    return documents if isinstance(documents, list) and documents else None


def _short(evidence: Evidence) -> int:
    """Return the number of documents if all of them are short, otherwise 0."""
    documents, query = _documents(evidence) or [], evidence.sent.get("query")
    if not isinstance(query, str) or not all(isinstance(one, str) for one in documents):
        return 0
    room = _SHORT - _size(query)
    return len(documents) if all(_size(one) <= room for one in documents) else 0


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _billed(evidence: Evidence, wanted: int) -> Iterator[Breach]:
    units = ((evidence.response.get("meta") or {}).get("billed_units") or {}).get("search_units")
    if units is not None and units != wanted:
        reported = "more" if units > wanted else "fewer"
        yield Breach("/meta/billed_units/search_units", str(wanted), str(units), reported)
