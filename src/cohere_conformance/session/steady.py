"""What the responses of one operation must have in common over a whole run."""

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
_PLACES = ("meta", "usage")


class Steady:
    """Remembers which operations say what is billed, and finds the responses that do not.

    Args:
        contract: says which operation an exchange calls.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._telling: set[str] = set()
        self._lacking: set[str] = set()

    def findings(self, exchange: Exchange) -> Iterator[Finding]:
        """Yield that a response says what is billed where others do not, or the other way round."""
        response, request = exchange.response, exchange.request
        if response.failure is not None or not 200 <= response.status < 300:
            return
        clause = shipped_requirements().requirements[REQUIREMENT]
        label = self._contract.route(request.method, request.url).operation
        if label is None or label not in clause.operations or (says := _says(exchange)) is None:
            return
        contradicts = label in (self._lacking if says else self._telling)
        if says:
            self._telling.add(label)
            self._lacking.discard(label)  # found once, for all that came before
        elif not contradicts:
            self._lacking.add(label)
        if not contradicts:
            return
        location = "/usage/billed_units" if label == "POST /v2/chat" else "/meta/billed_units"
        expected = "what is billed, as other responses of this operation say"
        observed = "nothing" if not says else "it here, and nothing in an earlier response"
        yield violation(clause, Frame(label, response.status), Breach(location, expected, observed))


def _says(exchange: Exchange) -> bool | None:
    """Tell whether a response says what is billed; `None` where it is no JSON object."""
    kind = next((value for name, value in exchange.response.headers if name == "content-type"), "")
    if not kind.startswith("application/json"):
        return None
    try:
        body = msgspec.json.decode(exchange.response.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(body, dict):
        return None
    parts = [body[name] for name in _PLACES if isinstance(body.get(name), dict)]
    return any(isinstance(part.get("billed_units"), dict) for part in parts)
