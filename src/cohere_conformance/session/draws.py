"""What Hypothesis draws: the same values in a checkout as in an installed package."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

if TYPE_CHECKING:
    from collections.abc import Iterator

COLLECTOR = "_get_local_constants"
"""The function of Hypothesis that parses every module outside `site-packages` for constants to draw from."""


@contextmanager
def independent_of_installation() -> Iterator[None]:
    """Keep constants of imported modules out of what Hypothesis draws.

    It takes them from a checkout only, so the same seed would send other requests than from a wheel, after
    parsing hundreds of modules. No public setting turns that off. A version of Hypothesis without this
    function draws as it does by itself.
    """
    collector = getattr(providers, COLLECTOR, None)
    if collector is None:
        yield
        return
    nothing = Constants()
    setattr(providers, COLLECTOR, lambda: nothing)
    try:
        yield
    finally:
        setattr(providers, COLLECTOR, collector)
