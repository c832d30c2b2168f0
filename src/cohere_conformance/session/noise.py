"""Differences between responses to one request: a smaller one between two requests says nothing."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from cohere_conformance.session.api_response import InconclusiveError

if TYPE_CHECKING:
    from collections.abc import Callable

_REPEATED = 3
"""How often a request is repeated: one difference may be small by chance."""


def need_beyond_noise(measure: Callable[[], tuple[float, float]], tolerance: float) -> None:
    """End the test without a verdict, if responses to one request differ about as much as those compared do.

    A difference counts if it is twice that of one request, or nearer to 1 than to it.

    Args:
        measure: sends the second of two compared requests again; returns how much the new response differs
            from that to the first request, and from the earlier response, each from 0 to 1.
        tolerance: up to which responses count as equal.

    Raises:
        InconclusiveError: they do.
    """
    measured = [measure() for _ in range(_REPEATED)]
    difference, noise = (fmean(values) for values in zip(*measured, strict=True))
    if noise > tolerance and difference <= min(2 * noise, (1 + noise) / 2):
        raise InconclusiveError(
            f"not testable: expected equal responses to equal requests, got a difference of {noise:.4g}"
        )
