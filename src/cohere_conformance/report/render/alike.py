"""Groups findings that one defect may have caused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.model import Kind
from cohere_conformance.report.render import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.shape import Row

_BY_INPUT = frozenset({Kind.SERVER_ERROR, Kind.VALID_REFUSED, Kind.RULE_UNENFORCED})
"""Findings about the changed location of a request: a server without validation fails at each of them."""


class Alike(NamedTuple):
    """Findings that look like one defect: the one with the shortest request, and the others."""

    row: Row
    others: tuple[Row, ...]


def alike(rows: Sequence[Row], limit: int) -> tuple[list[Alike], str]:
    """Return findings grouped by the defect that may have caused them, and a line that says how many are cut.

    A server that crashes on everything is shown once, not at every location that was changed. Each is still a
    finding of its own in every count and in baselines.

    Args:
        rows: worst first.
        limit: maximum number of groups to return.
    """
    grouped: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        look = (row.severity, row.kind, row.operation, row.status, row.observed)
        own = (row.fingerprint, row.amendment)
        grouped.setdefault(look if row.kind in _BY_INPUT else own, []).append(row)
    shown = []
    for several in list(grouped.values())[:limit]:
        first = min(several, key=lambda row: len(row.example.curl or row.example.request_text) or math.inf)
        shown.append(Alike(first, tuple(row for row in several if row is not first)))
    return shown, parts.more(len(rows) - sum(1 + len(one.others) for one in shown))


def others_line(one: Alike, limit: int = 5) -> str:
    """Return the locations of the others, each with its fingerprint."""
    others = [f"{row.location or parts.WHOLE_BODY} ({row.fingerprint})" for row in one.others]
    more = len(others) - limit
    return ", ".join(others[:limit]) + (f" and {more} more" if more > 0 else "")
