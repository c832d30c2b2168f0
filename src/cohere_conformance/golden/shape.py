"""The shape of an exchange, regardless of values: of several of one shape, one is worth keeping."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from cohere_conformance.checks.exercised import exercised
from cohere_conformance.checks.requested import requested
from cohere_conformance.checks.shapes import response_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Element, Exchange, Finding

_DIGITS = 8


def shape_key(contract: Contract, label: str, exchange: Exchange, findings: Iterable[Finding]) -> str:
    """Return a digest of the shape of an exchange (8 hex digits).

    Exchanges of one shape have the same operation and status, the same elements of the contract in request
    and response (properties, enum values, branches by JSON type, events, parameters, parts of a form), the
    same further locations in the response, and the same findings.

    Args:
        contract: that the exchange is judged by.
        label: of its operation.
        exchange: with a complete response.
        findings: of the exchange, known spec defects included.
    """
    answer = response_shape(contract, exchange)
    shape = [
        label,
        exchange.response.status,
        _names(requested(contract, exchange)),
        _names(exercised(contract, exchange)),
        [] if answer is None else [answer.media_type, sorted(answer.parts)],
        sorted({(finding.fingerprint, finding.amendment or "") for finding in findings}),
    ]
    # All in ASCII: half a surrogate pair has no bytes in UTF-8, but an escape in JSON.
    text = json.dumps(shape, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGITS]


def _names(elements: Iterable[Element]) -> list[tuple[str, str]]:
    return sorted((element.aspect.value, element.name) for element in elements)
