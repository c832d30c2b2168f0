"""Collects garbage rarely where much is created and nearly nothing of it is in cycles."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECTS = 100_000
"""New objects after which garbage is collected, instead of 700."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Collect garbage rarely, and leave out of it what exists already, such as the contract.

    Exchanges have hardly any cycles, and looking for them took a fifth of the time of a check.
    """
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    if not frozen:
        gc.freeze()
    gc.set_threshold(OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not frozen:
            gc.unfreeze()
