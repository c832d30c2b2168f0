"""Rerank: the order of the results, their number, and what they point to."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence


@check("rerank.sorted")
def sorted_by_score(evidence: Evidence) -> Iterator[Breach]:
    """RR-O01."""
    scores = [result["relevance_score"] for result in evidence.answer["results"]]
    for better, worse in pairwise(scores):
        if better < worse:
            yield Breach(
                "/results/*/relevance_score", "no score above the one before", f"{worse} after {better}"
            )
            return
