"""A requirement on all responses of an operation: either all of them report billed units, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.checks.frame import Frame
from cohere_conformance.checks.registry import Breach, violation
from cohere_conformance.contract.requirements import shipped_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Finding

REQUIREMENT = "common.billed-steady"
_LOCATIONS = ("meta", "usage")


class Steady:
    """Remembers which operations report billed units, and finds responses that differ.

    Args:
        contract: routes exchanges to operations.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._reporting: set[str] = set()
        self._lacking: set[str] = set()

    def findings(self, exchange: Exchange) -> Iterator[Finding]:
        """Yield a finding where a response reports billed units and earlier ones do not, or vice versa."""
        response, request = exchange.response, exchange.request
        if response.failure is not None or not 200 <= response.status < 300:
            return
        clause = shipped_requirements().requirements[REQUIREMENT]
        label = self._contract.route(request.method, request.url).operation
        if label is None or label not in clause.operations or (says := _reports_billing(exchange)) is None:
            return
        contradicts = label in (self._lacking if says else self._reporting)
        if says:
            self._reporting.add(label)
            self._lacking.discard(label)  # one finding for all earlier responses
        elif not contradicts:
            self._lacking.add(label)
        if not contradicts:
            return
        location = "/usage/billed_units" if label == "POST /v2/chat" else "/meta/billed_units"
        expected = "what is billed, as other responses of this operation say"
        observed = "nothing" if not says else "it here, and nothing in an earlier response"
        yield violation(clause, Frame(label, response.status), Breach(location, expected, observed))


def _reports_billing(exchange: Exchange) -> bool | None:
    """Return whether a response reports billed units; `None` if it is no JSON object."""
    kind = next((value for name, value in exchange.response.headers if name == "content-type"), "")
    if not kind.startswith("application/json"):
        return None
    try:
        body = msgspec.json.decode(exchange.response.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    parts = [body[name] for name in _LOCATIONS if isinstance(body.get(name), dict)]
    return any(isinstance(part.get("billed_units"), dict) for part in parts)
