"""Unknown names are answered with a suggestion or a list that a person reads."""

from __future__ import annotations

from cohere_conformance.names import unknown

NAMES = [f"case-{number:03}" for number in range(200)]


def test_the_nearest_names_are_suggested() -> None:
    message = unknown("--case", "case-0111", NAMES)
    assert message.startswith("--case case-0111: unknown name; did you mean case-")
    assert "case-011" in message.split("did you mean")[1]


def test_a_long_list_of_names_is_cut() -> None:
    message = unknown("--case", "xyz", NAMES)
    assert message.endswith("case-049 and 150 more")
    assert message.count("case-0") == 50


def test_a_short_list_of_names_is_complete() -> None:
    assert unknown("--only", "xyz", ["rerank", "embed"]).endswith("choose one of embed, rerank")
