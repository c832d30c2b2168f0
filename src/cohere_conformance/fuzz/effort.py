"""How much a run of the fuzzer does, and its options."""

from __future__ import annotations

import enum
from typing import NamedTuple


class FuzzProfile(enum.StrEnum):
    """How much a run of the fuzzer does."""

    SMOKE = "smoke"
    """A few requests of each kind: does anything break at all?"""
    GATE = "gate"
    """Every place of every request with every value that its rules suggest, and some combinations."""
    DEEP = "deep"
    """The same with many combinations: for a night."""


class FuzzOptions(NamedTuple):
    """How a run fuzzes.

    Attributes:
        profile: how much.
        max_examples: combinations of several changes for each operation; by profile if not given.
        database: where failing examples are kept: a folder, or `redis://host:port/number`; `None` keeps none.
    """

    profile: FuzzProfile
    max_examples: int | None = None
    database: str | None = None


class Effort(NamedTuple):
    """How much is done for one operation.

    Attributes:
        candidates: requests of each mode with one change; all of them where it is `None`.
        examples: requests with several changes.
        overlaid: requests with properties that schemathesis draws.
        relations: inputs of each relation between several responses.
    """

    candidates: int | None
    examples: int
    overlaid: int
    relations: int


EFFORTS = {
    FuzzProfile.SMOKE: Effort(12, 5, 0, 1),
    FuzzProfile.GATE: Effort(None, 40, 5, 4),
    FuzzProfile.DEEP: Effort(None, 1000, 250, 100),
}
