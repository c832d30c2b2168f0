"""Lines about the findings and cases of a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.render.parts import WHOLE_BODY

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Cause, Row


def head(row: Row) -> str:
    """Return kind, operation, status, location and requirement of a finding in one line."""
    required = f" ({row.requirement})" if row.requirement else ""
    return f"{row.kind}  {row.operation}  {row.status}  {row.location or WHOLE_BODY}{required}"


def cause_cases(cause: Cause) -> str:
    """Return the first cases that show a cause."""
    more = len(cause.case_ids) - 3
    return ", ".join(cause.case_ids[:3]) + (f" and {more} more" if more > 0 else "")
