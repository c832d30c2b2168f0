"""Findings that one defect may have caused, told together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.model import Kind
from cohere_conformance.report.render import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.shape import Row

_BY_INPUT = frozenset({Kind.SERVER_ERROR, Kind.VALID_REFUSED, Kind.RULE_UNENFORCED})
"""What is told of the place in the request that was changed: a server without validation fails at each."""


class Alike(NamedTuple):
    """Findings that look like one defect: the one with the shortest request, and the others."""

    row: Row
    others: tuple[Row, ...]


def alike(rows: Sequence[Row], limit: int) -> tuple[list[Alike], str]:
    """Return findings with those together that one defect may have caused, and a line that says what is cut.

    A server that crashes on everything is told of once, not at every place that was changed. Each is still a
    finding of its own in every count and in the baseline.

    Args:
        rows: worst first.
        limit: most that are told one by one.
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
    """Return the places of the others, each with the fingerprint by which more is told about it."""
    told = [f"{row.location or parts.WHOLE_BODY} ({row.fingerprint})" for row in one.others]
    more = len(told) - limit
    return ", ".join(told[:limit]) + (f" and {more} more" if more > 0 else "")
