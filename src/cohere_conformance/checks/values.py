"""What checks of requirements read out of answers and queries that may be odd: times and numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohere_conformance.checks.evidence import Evidence

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def moment(value: object) -> datetime | None:
    """Return the time that a text tells; `None` where it tells none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    # Without an offset it could not be compared with others.
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def number(value: object) -> float | None:
    """Return a number of a body; `None` where it is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def asked(evidence: Evidence, name: str) -> str | None:
    """Return the value of a query parameter; `None` where it was not sent, or more than once."""
    values = evidence.query.get(name, [])
    return values[0] if len(values) == 1 else None


def asked_number(evidence: Evidence, name: str) -> float | None:
    """Return the number that a query parameter is; `None` where it is no plain one."""
    text = asked(evidence, name)
    return float(text) if text is not None and _NUMBER.fullmatch(text) else None
