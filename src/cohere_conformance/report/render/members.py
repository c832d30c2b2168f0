"""Lines about the findings and cases of a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.render.parts import WHOLE_BODY
from cohere_conformance.report.shape import Blame
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.shape import Cause, Row


def head(row: Row) -> str:
    """Return kind, operation, status, location and requirement of a finding in one line."""
    required = f" ({row.requirement})" if row.requirement else ""
    return f"{row.kind}  {row.operation}  {row.status}  {row.location or WHOLE_BODY}{required}"


def cause_extent(cause: Cause) -> str:
    """Return where a cause shows, and how many cases pass once it is mended."""
    others = len(cause.operations) - 1
    first = cause.operations[0] if cause.operations else "requests"
    texts = [f"{first} and {others} more" if others > 0 else first]
    texts.append(quantity(len(cause.findings), "finding"))
    if cause.cases:
        texts.append(f"{quantity(cause.cases, 'case')} would pass")
    return "; ".join(texts)


def blame_line(cause: Cause) -> str:
    """Return who has to act on a cause, and why; nothing for a cause of an older report."""
    return f"{cause.blame}: {cause.blame_reason}" if cause.blame_reason else ""


def blame_unless_server(cause: Cause) -> str:
    """Return the same, and nothing for a cause on which the server has to act, as one expects."""
    return "" if cause.blame is Blame.SERVER else blame_line(cause)


def blamed_unless_server(cause: Cause) -> list[str]:
    """Return who has to act on a cause, without the reason, if it is not the server."""
    return [f"blame: {cause.blame}"] if blame_unless_server(cause) else []


def shown_cases(cases: Sequence[str], limit: int = 3) -> str:
    """Return the first of some cases, and how many more there are."""
    more = len(cases) - limit
    return ", ".join(cases[:limit]) + (f" and {more} more" if more > 0 else "")
