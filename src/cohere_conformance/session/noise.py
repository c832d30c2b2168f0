"""Whether two requests differ in their responses, where responses to one request differ as well."""

from __future__ import annotations

from itertools import combinations, product
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, TypeVar

from cohere_conformance.session.api_response import InconclusiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Value = TypeVar("_Value")
_SPREADS = 1.5
"""How many standard deviations of the distances of one request the mean distance of two has to exceed theirs.

Of four values each, that is about four standard errors.
"""


def need_beyond_noise(
    first: Sequence[_Value],
    second: Sequence[_Value],
    distance: Callable[[_Value, _Value], float],
    tolerance: float,
) -> None:
    """End the test without a verdict, if values of two requests are no farther apart than those of each.

    Args:
        first: what the first request got each time; at least two values.
        second: likewise of the second one.
        distance: of two values.
        tolerance: up to which distance values count as equal.

    Raises:
        InconclusiveError: they are not.
    """
    within = [[distance(*pair) for pair in combinations(values, 2)] for values in (first, second)]
    if max(map(max, within)) <= tolerance:
        return
    noise = fmean(map(fmean, within))
    apart = fmean(distance(*pair) for pair in product(first, second))
    if apart - noise <= _SPREADS * max(map(pstdev, within)):
        raise InconclusiveError(
            f"not testable: expected equal responses to equal requests, got a distance of {noise:.4g}"
        )
