"""Rerank: what several answers must have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, Reply

pytestmark = pytest.mark.operations("POST /v2/rerank")
MODEL, QUERY = "rerank-v3.5", "How often should a bicycle chain be oiled?"
DOCUMENTS = [
    "Oil the chain of a bicycle every few hundred kilometres, and after rain.",
    "The museum is closed on Mondays.",
    "A worn chain should be replaced before it damages the sprockets.",
    "Bicycle tyres lose some pressure every week.",
]
TOLERANCE = 1e-3


def ranked(api: Api, documents: list[str], **further: object) -> Reply:
    body = {"model": MODEL, "query": QUERY, "documents": documents, **further}
    return api.call("POST /v2/rerank", body=body)


def scores(reply: Reply, documents: list[str]) -> dict[str, float]:
    return {documents[result["index"]]: result["relevance_score"] for result in reply.answer["results"]}


def test_permuted_documents_keep_their_scores(api: Api) -> None:
    turned = DOCUMENTS[::-1]
    first, second = ranked(api, DOCUMENTS), ranked(api, turned)
    before, after = scores(first, DOCUMENTS), scores(second, turned)
    moved = {
        text: (before[text], after[text]) for text in before if abs(before[text] - after[text]) > TOLERANCE
    }
    api.require(
        "rerank.permutation",
        not moved,
        second,
        place="/results/*/relevance_score",
        expected="the scores of the same documents in another order",
        observed=moved,
    )
