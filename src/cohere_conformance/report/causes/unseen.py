"""What a cause hides: elements of an array that no response has cannot be checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Aspect
from cohere_conformance.report.causes.places import listed, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.coverage import Coverage

_EMPTY = re.compile(r"0(?: \w+)*|\[\]|none|nothing|absent|an object without it.*")
"""What a finding says of an array without elements, or of one that is not there."""


def hidden_by(members: Sequence[SeenFinding], coverage: Coverage) -> str:
    """Return a sentence about arrays of which the run has seen no element; empty if there are none.

    Args:
        members: the findings of a cause.
        coverage: of the run.
    """
    unseen = {
        (one.operation, name.partition("/*/")[0])
        for one in coverage.exercise
        if one.aspect is Aspect.PROPERTY
        for name in one.missing
        if "/*/" in name and "/" not in name.partition("/*/")[2]
    }
    arrays = {
        one.place
        for one in members
        if one.served and _EMPTY.fullmatch(one.row.observed) and (one.row.operation, one.place) in unseen
    }
    if not arrays:
        return ""
    named = listed(sorted(map(place, arrays)))
    return f" No response has an element of {named} that could be checked: more may be wrong with them."
