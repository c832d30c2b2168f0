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
    """Collect garbage rarely.

    Exchanges have hardly any cycles, and looking for them took a fifth of the time of a check.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


_lasting = False
"""Whether what is frozen lasts as long as the process."""


def freeze_for_good() -> None:
    """Take what exists out of all collections until the process ends."""
    global _lasting
    gc.freeze()
    _lasting = True


@contextmanager
def frozen_until_the_end() -> Iterator[None]:
    """At the end, let collections look again at what is frozen meanwhile, unless it is for good."""
    try:
        yield
    finally:
        if not _lasting:
            gc.unfreeze()
