"""Which model a request names, and whether it is not found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from cohere_conformance.report.causes.seen import SeenFinding

_OF_A_STATUS = frozenset({Kind.STATUS_UNEXPECTED, Kind.REQUIREMENT_VIOLATED})
_NAME = re.compile(r'(?<!\\)"model"\s*:\s*"([^"\\]{1,100})"|\A\S+ \S*/v1/models/([^\s/?#]{1,100})')


def not_found(one: SeenFinding) -> bool:
    """Return whether a request got the status 404 instead of another one, such as that of a success."""
    return one.row.kind in _OF_A_STATUS and one.row.status == 404 and not one.row.location


def model_of(one: SeenFinding) -> str | None:
    """Return the model that the request of the example names in its body or path; `None` if it names none."""
    found = _NAME.search(one.row.example.request_text)
    return (found[1] or found[2]) if found else None
