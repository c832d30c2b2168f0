"""Rerank: scores and order stay the same when the request changes in a way that must not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.session.api import Api, ApiResponse

V1, V2 = LABELS = "POST /v1/rerank", "POST /v2/rerank"
pytestmark = pytest.mark.operations(*LABELS)
either = pytest.mark.parametrize("label", LABELS, ids=["v1", "v2"])
QUERY = "How often should a bicycle chain be oiled?"
DOCUMENTS = [
    "Oil the chain of a bicycle every few hundred kilometres, and after rain.",
    "The museum is closed on Mondays.",
    "A worn chain should be replaced before it damages the sprockets.",
    "Bicycle tyres lose some pressure every week.",
]
TOLERANCE = 1e-3
SCORES = "/results/*/relevance_score"


class Result(TypedDict):
    """The properties of a result that the tests read."""

    index: int
    relevance_score: float


def ranked(
    api: Api, label: str, documents: list[str], *, status: int | tuple[int, ...] = 200, **further: object
) -> ApiResponse:
    """Rerank documents for the same query."""
    body = {"model": api.models["rerank"], "query": QUERY, "documents": documents, **further}
    return api.call(label, body=body, status=status)


def scores(response: ApiResponse, documents: list[str]) -> dict[str, float]:
    """Return the scores by document, the best one first: the order of the results is judged by itself."""
    found = {
        documents[result["index"]]: result["relevance_score"]
        for result in sorted(results(response), key=lambda result: -result["relevance_score"])
        if 0 <= result["index"] < len(documents)
    }
    if not found:
        raise InconclusiveError("not testable: expected a result of one of the documents, got none")
    return found


def results(response: ApiResponse) -> list[Result]:
    """Return the results of a response, in whichever order they are."""
    return response.at("/results", list[Result], despite_requirements=True)


def changed_scores(before: dict[str, float], after: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Return the documents whose score differs, with both scores."""
    both = before.keys() & after.keys()
    return {text: (before[text], after[text]) for text in both if abs(before[text] - after[text]) > TOLERANCE}


def misplaced(order: list[str], score: dict[str, float]) -> list[str]:
    """Return the documents that are ranked behind one with a clearly lower score."""
    order = [text for text in order if text in score]
    return [
        text
        for rank, text in enumerate(order)
        if any(score[text] > score[other] + TOLERANCE for other in order[:rank])
    ]


def require_same_scores(api: Api, label: str, documents: list[str], order: Sequence[int]) -> None:
    """Require that documents in another order keep their scores."""
    moved = [documents[index] for index in order]
    first, second = ranked(api, label, documents), ranked(api, label, moved)
    changed = changed_scores(scores(first, documents), scores(second, moved))
    api.require(
        "rerank.permutation",
        not changed,
        second,
        location=SCORES,
        expected="the scores of the same documents in another order",
        observed=changed,
    )


def require_beginning(api: Api, label: str, documents: list[str], top_n: int) -> None:
    """Require that the results with `top_n` are the best of the complete list."""
    complete = scores(ranked(api, label, documents), documents)
    response = ranked(api, label, documents, top_n=top_n)
    found = scores(response, documents)
    api.need(found.keys() <= complete.keys(), "the same documents in the list without top_n")
    worst = min(complete[text] for text in found)
    missing = [text for text in complete if text not in found and complete[text] > worst + TOLERANCE]
    api.require(
        "rerank.top-n-prefix",
        not missing,
        response,
        location="/results",
        expected=f"the first {top_n} results of the list without top_n",
        observed=f"without {missing}",
    )


def require_pointwise(api: Api, label: str, documents: list[str], number: int) -> None:
    """Require that the first documents have the same scores with and without the others."""
    first = documents[:number]
    many, few = ranked(api, label, documents), ranked(api, label, first)
    changed = changed_scores(scores(many, documents), scores(few, first))
    api.require(
        "rerank.pointwise",
        not changed,
        few,
        location=SCORES,
        expected="the scores that the documents have with further documents",
        observed=changed,
    )


def require_equal_copies(api: Api, label: str, documents: list[str]) -> None:
    """Require that documents that are sent twice in one request have the same score twice."""
    number = len(documents)
    response = ranked(api, label, [*documents, *documents])
    found = {result["index"]: result["relevance_score"] for result in results(response)}
    api.need(set(range(2 * number)) <= found.keys(), "a score of both copies")
    copies = [(found[index], found[number + index]) for index in range(number)]
    differing = [list(pair) for pair in copies if abs(pair[0] - pair[1]) > TOLERANCE]
    api.require(
        "rerank.duplicates",
        not differing,
        response,
        location=SCORES,
        expected="the same score twice",
        observed=differing[:1],
    )


def require_repeatable(api: Api, label: str, documents: list[str]) -> None:
    """Require that the same request, sent twice, gets the same scores."""
    first, second = ranked(api, label, documents), ranked(api, label, documents)
    changed = changed_scores(scores(first, documents), scores(second, documents))
    api.require(
        "rerank.repeatable",
        not changed,
        second,
        location=SCORES,
        expected="the scores of the first response",
        observed=changed,
    )


def require_versions_agree(api: Api, documents: list[str]) -> None:
    """Require that versions 1 and 2 of the API rank the same documents in the same order."""
    old, new = ranked(api, V1, documents), ranked(api, V2, documents)
    order = list(scores(new, documents))
    behind = misplaced(order, scores(old, documents))
    api.require(
        "rerank.versions-agree",
        not behind,
        new,
        location="/results/*/index",
        expected="the order of version 1",
        observed=order,
    )


def require_on_topic(api: Api, label: str, others: list[str], place: int) -> None:
    """Require that the only document about the subject of the query is ranked first."""
    documents = [*others[:place], DOCUMENTS[0], *others[place:]]
    response = ranked(api, label, documents)
    first = next(iter(scores(response, documents)))
    api.require(
        "rerank.on-topic",
        first == DOCUMENTS[0],
        response,
        location="/results/0/index",
        expected="the index of the document about chains",
        observed=f"that of {first!r}",
    )


def require_search_units(api: Api, label: str, number: int) -> None:
    """Require that many short documents are ranked, and billed by the hundred."""
    # The billed units are judged by the requirement rerank.search-units.
    response = ranked(api, label, [f"chain {index}" for index in range(number)])
    api.need(len(results(response)) == number, f"{number} results")


def require_chunks_refused(api: Api, number: int) -> None:
    """Require that documents of up to 100 chunks each that exceed the limit of 10,000 chunks are rejected."""
    # Whether it has to be rejected is judged by the requirement rerank.documents-most.
    ranked(api, V1, ["chain"] * number, max_chunks_per_doc=100, status=(200, 400))


@either
def test_permuted_documents_keep_their_scores(api: Api, label: str) -> None:
    """The documents are sent in reverse order: each keeps its score."""
    require_same_scores(api, label, DOCUMENTS, [3, 2, 1, 0])


@either
def test_top_n_is_the_beginning_of_the_whole_list(api: Api, label: str) -> None:
    """With `top_n` 2 the results are the two best of the complete list."""
    require_beginning(api, label, DOCUMENTS, 2)


@either
def test_a_score_does_not_depend_on_other_documents(api: Api, label: str) -> None:
    """Documents have the same scores with and without further documents: clients merge results of batches."""
    require_pointwise(api, label, DOCUMENTS, 2)


@either
def test_a_document_that_is_sent_twice_has_one_score(api: Api, label: str) -> None:
    """Documents that are in the list twice have the same score twice."""
    require_equal_copies(api, label, DOCUMENTS[:2])


@either
def test_the_same_request_has_the_same_scores(api: Api, label: str) -> None:
    """The same request, sent twice, gets the same scores."""
    require_repeatable(api, label, DOCUMENTS)


def test_both_versions_rank_alike(api: Api) -> None:
    """Versions 1 and 2 of the API rank the same documents in the same order."""
    require_versions_agree(api, DOCUMENTS)


@either
def test_what_answers_the_query_comes_first(api: Api, label: str) -> None:
    """The only document about the subject of the query is ranked first."""
    others = [DOCUMENTS[1], "Wheat is sown in autumn.", "The opera begins at eight."]
    require_on_topic(api, label, others, 2)


@either
def test_a_hundred_and_one_documents_are_two_search_units(api: Api, label: str) -> None:
    """101 documents are ranked and billed as two search units of up to 100 documents."""
    require_search_units(api, label, 101)


def test_too_many_chunks_are_refused(api: Api) -> None:
    """101 documents of up to 100 chunks each exceed the limit of 10,000 chunks: the request is rejected."""
    require_chunks_refused(api, 101)
