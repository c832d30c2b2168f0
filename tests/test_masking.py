"""One violated requirement and one schema error elsewhere: both are reported."""

from __future__ import annotations

from collections import Counter

from masking import pairs, shown


def test_both_errors_of_a_pair_are_reported() -> None:
    """A sample of what the benchmark draws: none is masked, and few depend on each other."""
    answers = shown(["rerank", "classify"])
    assert len(answers) > 15
    outcomes = Counter(one.outcome for one in pairs(answers, 60, seed=7))
    assert outcomes["masked"] == 0
    assert outcomes["both"] >= 45
