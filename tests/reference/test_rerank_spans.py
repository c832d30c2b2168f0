"""Relevant spans of rerank: positions and scores on the faultless server, and every fault seen once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import catalogue
from reference import CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

V1, V2 = "POST /v1/rerank", "POST /v2/rerank"
QUERY = "When are plums ripe?"
PLUMS = "🍑🍑 Plums are ripe in August.  They keep for a week.\nRipe plums are sweet! Plums grow on trees."
DOCUMENTS = ["The museum is closed on Mondays.", PLUMS]
ENABLED: dict[str, Any] = {"mode": "enabled"}
BASE: dict[str, Any] = {"model": "rerank-v5.0-pro", "query": QUERY, "documents": DOCUMENTS}


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


def results(server: CheckedServer, **settings: Any) -> dict[int, dict[str, Any]]:
    """Return the results by index."""
    found = server.ask(V2, BASE | {"relevant_spans": ENABLED | settings}).json()["results"]
    return {one["index"]: one for one in found}


def spans(server: CheckedServer, **settings: Any) -> list[dict[str, Any]]:
    """Return the spans of the document about plums."""
    found: list[dict[str, Any]] = results(server, **settings)[1]["relevant_spans"]
    return found


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [PLUMS[span["start"] : span["end"]] for span in found]


def test_the_sentences_that_answer_the_query_are_spans_in_code_points(server: CheckedServer) -> None:
    found = spans(server)
    assert texts(found)[0] in {"🍑🍑 Plums are ripe in August.", "Ripe plums are sweet!"}
    assert "They keep for a week." not in texts(found)
    scores = [span["score"] for span in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0.1 < score <= 1 for score in scores)


def test_a_result_without_a_span_lacks_the_property(server: CheckedServer) -> None:
    assert "relevant_spans" not in results(server)[0]
    assert "relevant_spans" not in results(server, max_spans=0)[1]
    assert "relevant_spans" not in results(server, threshold=1)[1]


@pytest.mark.parametrize("model", ["rerank-v5.0-pro", "rerank-v5.0-fast", "rerank-v3.5"])
@pytest.mark.parametrize("settings", [None, {"mode": "disabled", "max_spans": 2}])
def test_without_being_asked_to_no_model_returns_spans(
    server: CheckedServer, model: str, settings: dict[str, Any] | None
) -> None:
    found = server.ask(V2, BASE | {"model": model, "relevant_spans": settings}).json()["results"]
    assert not any("relevant_spans" in one for one in found)


def test_each_line_of_structured_text_is_a_part_of_its_own(server: CheckedServer) -> None:
    text = "Title: Invoice\nFrom: Grace\nText: Grace sent the invoice\n"
    body = BASE | {"documents": [text], "query": "Who sent the invoice?", "relevant_spans": ENABLED}
    (result,) = server.ask(V2, body).json()["results"]
    best = result["relevant_spans"][0]
    assert text[best["start"] : best["end"]] == "Text: Grace sent the invoice"


def test_a_document_that_is_cut_has_spans_in_what_is_read_only(server: CheckedServer) -> None:
    body = BASE | {
        "documents": [PLUMS],
        "max_tokens_per_doc": 12,
        "relevant_spans": ENABLED | {"threshold": 0},
    }
    (result,) = server.ask(V2, body).json()["results"]
    assert 0 < max(span["end"] for span in result["relevant_spans"]) < len(PLUMS)


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"model": "rerank-v3.5", "relevant_spans": ENABLED}, 400, "not supported by model 'rerank-v3.5'"),
        ({"relevant_spans": ENABLED | {"threshold": 1.5}}, 400, "threshold must be from 0 to 1"),
        ({"relevant_spans": ENABLED | {"max_spans": -1}}, 400, "max_spans must be at least 0"),
        ({"relevant_spans": {"max_spans": 1}}, 400, "mode"),
        ({"relevant_spans": {"mode": "all"}}, 422, "mode"),
        ({"relevant_spans": ENABLED | {"colour": 1}}, 422, "colour"),
    ],
)
def test_invalid_settings_are_rejected(
    server: CheckedServer, change: dict[str, Any], status: int, message: str
) -> None:
    assert message in server.ask(V2, BASE | change, status=status).json()["message"]


def test_version_1_ignores_the_property_with_a_warning(server: CheckedServer) -> None:
    response = server.ask(V1, BASE | {"relevant_spans": ENABLED})
    assert "relevant_spans" in response.headers["x-api-warning"]
    assert "relevant_spans" not in response.text


def relevance(server: CheckedServer, **settings: Any) -> float:
    return float(results(server, **settings)[1]["relevance_score"])


SEEN: dict[str, Callable[[CheckedServer], bool]] = {
    "spans-unasked": lambda server: "relevant_spans" not in server.ask(V2, BASE).text,
    "spans-threshold-ignored": lambda server: min(one["score"] for one in spans(server)) > 0.1,
    "spans-max-ignored": lambda server: len(spans(server, max_spans=1)) == 1,
    "spans-max-other": lambda server: spans(server, max_spans=1) == spans(server)[:1],
    "spans-score-relative": lambda server: spans(server, threshold=0.2)[0] == spans(server)[0],
    "spans-in-utf16": lambda server: max(one["end"] for one in spans(server)) == len(PLUMS),
    "spans-in-bytes": lambda server: max(one["end"] for one in spans(server)) == len(PLUMS),
    "spans-empty": lambda server: spans(server)[0]["start"] < spans(server)[0]["end"],
    "spans-unsorted": lambda server: spans(server)[0]["score"] >= spans(server)[-1]["score"],
    "spans-score-above-one": lambda server: spans(server)[0]["score"] <= 1,
    "spans-rescored": lambda server: relevance(server) == relevance(server, mode="disabled"),
}


def test_every_fault_is_tested() -> None:
    declared = {name for name in catalogue() if name.startswith("rerank.spans-")}
    assert {f"rerank.{name}" for name in SEEN} == declared


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_fault_changes_the_response(server: CheckedServer, name: str) -> None:
    assert SEEN[name](server)
    with server.fault(f"rerank.{name}"):
        assert not SEEN[name](server)
