"""Rerank: each check of relevant spans finds its violation and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from builders import UUID, exchange
from violations import looked_at, violated

RERANK = "POST /v2/rerank"
PLUMS = "🍑 Plums are ripe in August. They keep for a week."
DOCUMENTS = [PLUMS, "The museum is closed on Mondays."]
ENABLED = {"mode": "enabled"}
Span = tuple[float, float, float]
FIRST, SECOND = (2, 27, 0.93), (28, 49, 0.2)


def request(settings: Any = ENABLED, **further: Any) -> dict[str, Any]:
    sent = {"model": "rerank-v5.0-pro", "query": "When are plums ripe?", "documents": DOCUMENTS}
    return sent | ({} if settings is None else {"relevant_spans": settings}) | further


def answer(*spans: Span, **further: Any) -> dict[str, Any]:
    reported = [dict(zip(("start", "end", "score"), span, strict=True)) for span in spans]
    first = {"index": 0, "relevance_score": 0.9, **({"relevant_spans": reported} if spans else {}), **further}
    return {"id": UUID, "results": [first, {"index": 1, "relevance_score": 0.02}]}


CONFORMING = [
    (request(), answer(FIRST, SECOND)),
    (request(), answer()),
    (request(), answer(relevant_spans=[])),
    (request(None), answer()),
    (request({"mode": "disabled"}), answer()),
    (request(), answer(FIRST, (2, 49, 0.93))),  # no source says that spans do not overlap
    (request(), answer((0, len(PLUMS), 1.0000001), (28.0, 49.0, 0.0999999))),
    (request(ENABLED | {"threshold": 0}), answer(FIRST, (28, 49, 0.0))),
    (request(ENABLED | {"threshold": 0.2}), answer(FIRST, SECOND)),
    (request(ENABLED | {"max_spans": 2, "threshold": None}), answer(FIRST, SECOND)),
    (request({"mode": "strict"}), answer(FIRST)),  # a mode that is newer than the contract
    (request(documents=["[REDACTED]", "x"]), answer(FIRST)),
    (request(documents=None), answer((2, 9000, 0.5))),
    (None, answer(FIRST, SECOND)),
]
VIOLATING = [
    ("spans-asked-for", request(None), answer(FIRST)),
    ("spans-asked-for", request(None), answer(relevant_spans=[])),
    ("spans-asked-for", request({"mode": "disabled"}), answer(FIRST)),
    ("spans-sorted", request(), answer(SECOND, FIRST)),
    ("spans-in-document", request(), answer((28, len(PLUMS) + 1, 0.93))),
    ("spans-in-document", request(), answer((28, 28, 0.93))),
    ("spans-in-document", request(), answer((28, 27, 0.93))),
    ("spans-in-document", request(), answer((-1, 27, 0.93))),
    ("spans-in-document", request(documents=None), answer((27, 2, 0.93))),
    ("spans-threshold", request(), answer(FIRST, (28, 49, 0.09))),
    ("spans-threshold", request(ENABLED | {"threshold": 0.5}), answer(FIRST, SECOND)),
    ("spans-count", request(ENABLED | {"max_spans": 1}), answer(FIRST, SECOND)),
    ("spans-count", request(ENABLED | {"max_spans": 0}), answer(FIRST)),
    ("spans-score-range", request(), answer((2, 27, 1.1), SECOND)),
    ("spans-score-range", request(ENABLED | {"threshold": -1}), answer(FIRST, (28, 49, -0.2))),
]


@pytest.mark.parametrize(("sent", "body"), CONFORMING)
def test_valid_spans_violate_nothing(sent: Any, body: Any) -> None:
    assert violated(exchange(RERANK, body, request=sent), "rerank") == []


@pytest.mark.parametrize(("name", "sent", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, sent: Any, body: Any) -> None:
    assert violated(exchange(RERANK, body, request=sent), "rerank") == [name]


def test_every_check_has_a_violation() -> None:
    checks = {name for name in looked_at("rerank") if name.startswith("spans-")}
    assert {row[0] for row in VIOLATING} == checks
