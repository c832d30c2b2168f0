"""Rerank: every oracle on the faultless server, and every fault seen once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import Profile, ServerState, catalogue
from reference import CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

V1, V2 = "POST /v1/rerank", "POST /v2/rerank"
QUERY = "How deep is the lock at the canal entrance?"
DOCUMENTS = [
    "Barges pay by length; pleasure craft pass free of charge.",
    "The lock at the canal entrance is six metres deep and takes two barges at a time.",
    "Tickets for the museum are sold at the gate.",
    "The canal was dug in 1828 and widened twice.",
]
BASE: dict[str, Any] = {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS}


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


def scores(answer: Any) -> dict[int, float]:
    """Return the scores by index, in the order of the results."""
    return {one["index"]: one["relevance_score"] for one in answer.json()["results"]}


def test_results_are_sorted_by_score_and_relevance(server: CheckedServer) -> None:
    found = scores(server.ask(V2, BASE))
    assert sorted(found) == [0, 1, 2, 3]
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert all(0 <= score <= 1 for score in found.values())
    assert list(found)[:2] == [1, 3]
    assert scores(server.ask(V1, BASE)) == found


def test_a_score_depends_on_query_and_document_alone(server: CheckedServer) -> None:
    found = scores(server.ask(V2, BASE))
    turned = scores(server.ask(V2, BASE | {"documents": DOCUMENTS[::-1]}))
    assert {3 - index: score for index, score in turned.items()} == found
    some = scores(server.ask(V2, BASE | {"documents": [DOCUMENTS[3], DOCUMENTS[3]]}))
    assert some == {0: found[3], 1: found[3]}


@pytest.mark.parametrize("most", [1, 3, 4, 9, 2.0])
def test_top_n_is_the_beginning_of_the_list(server: CheckedServer, most: float) -> None:
    whole = list(scores(server.ask(V2, BASE)).items())
    assert list(scores(server.ask(V2, BASE | {"top_n": most})).items()) == whole[: int(most)]


def test_documents_are_returned_unchanged(server: CheckedServer) -> None:
    documents = [DOCUMENTS[0], {"text": DOCUMENTS[1], "place": "north"}]
    answer = server.ask(V1, {"query": QUERY, "documents": documents, "return_documents": True}).json()
    assert [one["document"] for one in answer["results"]] == [documents[1], {"text": documents[0]}]
    assert "document" not in server.ask(V1, BASE).json()["results"][0]


def test_fields_are_ranked_in_place_of_the_text(server: CheckedServer) -> None:
    documents = [{"text": DOCUMENTS[1], "title": "Tickets"}, {"title": "The lock is deep"}]
    body = {"query": QUERY, "documents": documents, "rank_fields": ["title"], "return_documents": True}
    best = server.ask(V1, body).json()["results"][0]
    assert (best["index"], best["document"]) == (1, {"text": "The lock is deep", "title": "The lock is deep"})


def test_version_1_scores_the_best_chunk_and_version_2_the_beginning(server: CheckedServer) -> None:
    long = "tickets " * 1500 + QUERY
    old, new = (scores(server.ask(label, BASE | {"documents": [long]}))[0] for label in (V1, V2))
    assert old > new
    one = server.ask(V1, BASE | {"documents": [long], "max_chunks_per_doc": 1})
    assert scores(one)[0] < old


@pytest.mark.parametrize(("many", "units"), [(1, 1), (100, 1), (101, 2), (250, 3)])
def test_a_hundred_documents_are_a_search_unit(server: CheckedServer, many: int, units: int) -> None:
    answer = server.ask(V2, BASE | {"documents": [f"canal {n}" for n in range(many)]})
    assert answer.json()["meta"]["billed_units"] == {"search_units": units}


@pytest.mark.parametrize(
    ("label", "change", "message"),
    [
        (V2, {"query": " \n"}, "query"),
        (V2, {"documents": [*DOCUMENTS, ""]}, "index 4"),
        (V2, {"documents": []}, "at least one document"),
        (V2, {"documents": ["a"] * 10_000}, "below 10000"),
        (V1, {"documents": ["a"] * 1000, "max_chunks_per_doc": 10}, "below 10000"),
        (V1, {"rank_fields": []}, "rank_fields"),
        (V1, {"documents": [{"title": "x"}]}, "index 0"),
        (V2, {"max_tokens_per_doc": 0}, "at least 1"),
        (V2, {"model": "embed-v4.0"}, "not supported"),
    ],
)
def test_invalid_requests_are_rejected(
    server: CheckedServer, label: str, change: dict[str, Any], message: str
) -> None:
    assert message in server.ask(label, BASE | change, status=400).json()["message"]


def test_the_live_service_wants_a_model_to_be_named() -> None:
    with checked_server(ServerState(profile=Profile.LIVE_2026)) as live:
        refused = live.ask(V1, {"query": QUERY, "documents": DOCUMENTS}, status=400)
        assert "model parameter is required" in refused.json()["message"]
        assert live.ask(V2, BASE).json()["meta"]["api_version"] == {"version": "2"}


def results(server: CheckedServer, **change: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask(V1, BASE | change).json()["results"]
    return found


def sent_scores(server: CheckedServer, **change: Any) -> list[float]:
    return [one["relevance_score"] for one in results(server, **change)]


def units(server: CheckedServer, documents: list[str]) -> int:
    answer = server.ask(V2, BASE | {"documents": documents})
    return int(answer.json()["meta"]["billed_units"]["search_units"])


ECHO = {"return_documents": True}
SEEN: dict[str, Callable[[CheckedServer], bool]] = {
    "unsorted": lambda server: sent_scores(server) == sorted(sent_scores(server), reverse=True),
    "ascending": lambda server: sent_scores(server)[0] > sent_scores(server)[-1],
    "index-out-of-range": lambda server: max(one["index"] for one in results(server)) < 4,
    "index-repeated": lambda server: len({one["index"] for one in results(server)}) == 4,
    "score-above-one": lambda server: max(sent_scores(server)) <= 1,
    "score-negative": lambda server: min(sent_scores(server)) >= 0,
    "top-n-ignored": lambda server: len(results(server, top_n=1)) == 1,
    "top-n-refused": lambda server: server.ask(V2, BASE | {"top_n": 5}, status=None).is_success,
    "one-missing": lambda server: len(results(server)) == 4,
    "document-differs": lambda server: all(
        one["document"]["text"] == DOCUMENTS[one["index"]] for one in results(server, **ECHO)
    ),
    "position-dependent": lambda server: len(set(sent_scores(server, documents=["lock", "lock"]))) == 1,
    "neighbour-dependent": lambda server: (
        sent_scores(server, documents=DOCUMENTS[1:2])[0] == sent_scores(server, documents=DOCUMENTS)[0]
    ),
    "not-deterministic": lambda server: sent_scores(server) == sent_scores(server),
    "off-topic-first": lambda server: results(server)[0]["index"] == 1,
    "return-documents-ignored": lambda server: "document" in results(server, **ECHO)[0],
    "documents-always": lambda server: "document" not in results(server)[0],
    "search-units-wrong": lambda server: (
        server.ask(V2, BASE).json()["meta"]["billed_units"]["search_units"] == 1
    ),
    "search-units-flat": lambda server: units(server, ["canal"] * 101) == 2,
    "too-many-accepted": lambda server: (
        server.ask(V1, BASE | {"documents": ["a"] * 101, "max_chunks_per_doc": 100}, status=None).is_error
    ),
    "version-differs": lambda server: server.ask(V2, BASE).json()["meta"]["api_version"] == {"version": "2"},
    "top-n-other": lambda server: results(server, top_n=1)[0]["index"] == 1,
    "duplicate-punished": lambda server: len(set(sent_scores(server, documents=["lock", "lock"]))) == 1,
    "versions-differ": lambda server: scores(server.ask(V1, BASE)) == scores(server.ask(V2, BASE)),
    "blank-query-accepted": lambda server: server.ask(V2, BASE | {"query": " "}, status=None).is_error,
    "empty-document-accepted": lambda server: (
        server.ask(V2, BASE | {"documents": ["a", ""]}, status=None).is_error
    ),
}


def test_every_fault_is_tested() -> None:
    declared = {name for name in catalogue() if name.startswith("rerank.")}
    # Those of relevant spans are tested in test_rerank_spans.py.
    assert {f"rerank.{name}" for name in SEEN} == {one for one in declared if ".spans-" not in one}


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_fault_changes_the_response(server: CheckedServer, name: str) -> None:
    assert SEEN[name](server)
    with server.fault(f"rerank.{name}"):
        assert not SEEN[name](server)
