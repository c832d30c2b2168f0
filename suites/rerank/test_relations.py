"""Rerank: what several answers must have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

V1, V2 = LABELS = "POST /v1/rerank", "POST /v2/rerank"
pytestmark = pytest.mark.operations(*LABELS)
either = pytest.mark.parametrize("label", LABELS, ids=["v1", "v2"])
MODEL, QUERY = "rerank-v3.5", "How often should a bicycle chain be oiled?"
DOCUMENTS = [
    "Oil the chain of a bicycle every few hundred kilometres, and after rain.",
    "The museum is closed on Mondays.",
    "A worn chain should be replaced before it damages the sprockets.",
    "Bicycle tyres lose some pressure every week.",
]
TOLERANCE = 1e-3
PLACE = "/results/*/relevance_score"


class Result(TypedDict):
    """What is read of a result."""

    index: int
    relevance_score: float


def ranked(
    api: Api, label: str, documents: list[str], *, status: int | tuple[int, ...] = 200, **further: object
) -> ApiResponse:
    body = {"model": MODEL, "query": QUERY, "documents": documents, **further}
    return api.call(label, body=body, status=status)


def scores(response: ApiResponse, documents: list[str]) -> dict[str, float]:
    """Return the scores by document, in the order of the results; there is one at least."""
    found = {
        documents[result["index"]]: result["relevance_score"]
        for result in results(response)
        if 0 <= result["index"] < len(documents)
    }
    if not found:
        raise InconclusiveError("not testable: expected a result of one of the documents, got none")
    return found


def results(response: ApiResponse) -> list[Result]:
    return response.at("/results", list[Result])


def moved(before: dict[str, float], after: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Return what both have scored, but not alike."""
    both = before.keys() & after.keys()
    return {text: (before[text], after[text]) for text in both if abs(before[text] - after[text]) > TOLERANCE}


def strays(order: list[str], known: dict[str, float]) -> list[str]:
    """Return what stands after something that is known to be clearly worse."""
    order = [text for text in order if text in known]
    return [
        text
        for rank, text in enumerate(order)
        if any(known[text] > known[other] + TOLERANCE for other in order[:rank])
    ]


@either
def test_permuted_documents_keep_their_scores(api: Api, label: str) -> None:
    turned = DOCUMENTS[::-1]
    first, second = ranked(api, label, DOCUMENTS), ranked(api, label, turned)
    changed = moved(scores(first, DOCUMENTS), scores(second, turned))
    api.require(
        "rerank.permutation",
        not changed,
        second,
        location=PLACE,
        expected="the scores of the same documents in another order",
        observed=changed,
    )


@either
def test_top_n_is_the_beginning_of_the_whole_list(api: Api, label: str) -> None:
    whole = scores(ranked(api, label, DOCUMENTS), DOCUMENTS)
    response = ranked(api, label, DOCUMENTS, top_n=2)
    found = scores(response, DOCUMENTS)
    api.need(found.keys() <= whole.keys(), "the same documents in the list without top_n")
    worst = min(whole[text] for text in found)
    missing = [text for text in whole if text not in found and whole[text] > worst + TOLERANCE]
    api.require(
        "rerank.top-n-prefix",
        not missing,
        response,
        location="/results",
        expected="the first two results of the list without top_n",
        observed=f"without {missing}",
    )


@either
def test_a_score_does_not_depend_on_other_documents(api: Api, label: str) -> None:
    many, few = ranked(api, label, DOCUMENTS), ranked(api, label, DOCUMENTS[:2])
    changed = moved(scores(many, DOCUMENTS), scores(few, DOCUMENTS[:2]))
    api.require(
        "rerank.pointwise",
        not changed,
        few,
        location=PLACE,
        expected="the scores that the documents have among others",
        observed=changed,
    )


@either
def test_a_document_that_is_sent_twice_has_one_score(api: Api, label: str) -> None:
    documents = [DOCUMENTS[0], DOCUMENTS[1], DOCUMENTS[0]]
    response = ranked(api, label, documents)
    found = {result["index"]: result["relevance_score"] for result in results(response)}
    api.need({0, 2} <= found.keys(), "a score of both")
    api.require(
        "rerank.duplicates",
        abs(found[0] - found[2]) <= TOLERANCE,
        response,
        location=PLACE,
        expected="the same score twice",
        observed=[found[0], found[2]],
    )


@either
def test_the_same_request_has_the_same_scores(api: Api, label: str) -> None:
    first, second = ranked(api, label, DOCUMENTS), ranked(api, label, DOCUMENTS)
    changed = moved(scores(first, DOCUMENTS), scores(second, DOCUMENTS))
    api.require(
        "rerank.repeatable",
        not changed,
        second,
        location=PLACE,
        expected="the scores of the answer before",
        observed=changed,
    )


def test_both_versions_rank_alike(api: Api) -> None:
    old, new = ranked(api, V1, DOCUMENTS), ranked(api, V2, DOCUMENTS)
    order = list(scores(new, DOCUMENTS))
    out = strays(order, scores(old, DOCUMENTS))
    api.require(
        "rerank.versions-agree",
        not out,
        new,
        location="/results/*/index",
        expected="the order of version 1",
        observed=order,
    )


@either
def test_what_answers_the_query_comes_first(api: Api, label: str) -> None:
    documents = [DOCUMENTS[1], "Wheat is sown in autumn.", DOCUMENTS[0], "The opera begins at eight."]
    response = ranked(api, label, documents)
    first = next(iter(scores(response, documents)))
    api.require(
        "rerank.on-topic",
        first == DOCUMENTS[0],
        response,
        location="/results/0/index",
        expected="the index of the document about chains",
        observed=first,
    )


@either
def test_a_hundred_and_one_documents_are_two_search_units(api: Api, label: str) -> None:
    # The check over one exchange looks at the bill: rerank.search-units.
    response = ranked(api, label, [f"chain {number}" for number in range(101)])
    api.need(len(results(response)) == 101, "101 results")


def test_too_many_chunks_are_refused(api: Api) -> None:
    # The check over one exchange looks at what is answered all the same: rerank.documents-most.
    ranked(api, V1, ["chain"] * 101, max_chunks_per_doc=100, status=(200, 400))
