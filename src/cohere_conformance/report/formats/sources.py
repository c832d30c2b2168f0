"""The line of a file that a finding is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from cohere_conformance.report.shape import Row


class SourceLine(msgspec.Struct, frozen=True):
    """A line of a case or of the contract.

    Attributes:
        file: path from the root of the project, with forward slashes.
        line: its number, from 1.
    """

    file: str
    line: int


Locate: TypeAlias = Callable[[Row], SourceLine | None]
"""Returns the line that a finding is about; `None` if there is none."""


def NOWHERE(row: Row) -> SourceLine | None:  # noqa: N802 - a constant that happens to be a function
    """Return `None`: nothing is known about lines."""
    return None
