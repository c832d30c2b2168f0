"""Differences between two requests beside those of one."""

from __future__ import annotations

import random

import pytest

from cohere_conformance.session.api_response import InconclusiveError
from cohere_conformance.session.noise import need_beyond_noise

TOLERANCE = 0.01


def apart(one: float, other: float) -> float:
    return abs(one - other)


def test_what_two_requests_differ_in_counts_where_each_is_steady() -> None:
    need_beyond_noise([1.0, 1.0, 1.001], [1.02, 1.02, 1.02], apart, TOLERANCE)


def test_what_two_requests_differ_in_counts_beyond_what_each_differs_in() -> None:
    need_beyond_noise([1.0, 1.1, 0.9, 1.05], [2.0, 1.9, 2.1, 2.05], apart, TOLERANCE)


def test_one_noise_of_both_requests_is_no_difference() -> None:
    with pytest.raises(InconclusiveError, match="expected equal responses to equal requests"):
        need_beyond_noise([1.0, 1.4, 0.6, 1.2], [1.3, 0.7, 1.1, 0.9], apart, TOLERANCE)


def test_noise_hardly_ever_counts_as_a_difference() -> None:
    chance = random.Random(7)

    def noisy(offset: float) -> list[list[float]]:
        vectors = [[chance.gauss(0, 1) for _ in range(256)] for _ in range(4)]
        return [[offset, *vector] for vector in vectors]

    def distance(one: list[float], other: list[float]) -> float:
        return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5

    def told(difference: float) -> int:
        found = 0
        for _ in range(200):
            try:
                need_beyond_noise(noisy(0), noisy(difference), distance, TOLERANCE)
            except InconclusiveError:
                continue
            found += 1
        return found

    assert told(0) <= 2
    assert told(12) >= 198
