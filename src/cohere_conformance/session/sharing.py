"""Responses that several cases of a night share: a request is not sent again for another case.

Only operations that compute are shared, because their responses do not depend on what the run creates. A case
that sends one request several times compares the responses, so only its first may be that of another case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.edge import EXCUSES
from cohere_conformance.contract.tiers import Effect, shipped_policies

if TYPE_CHECKING:
    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.model import Exchange


def shareable(operation: str, exchange: Exchange) -> bool:
    """Return whether another case may use a response: it is conclusive, and of an operation that computes.

    Args:
        operation: its label; it may be one that the contract does not declare.
        exchange: with the response.
    """
    policy, response = shipped_policies().get(operation), exchange.response
    computes = policy is not None and policy.effect is Effect.COMPUTES
    return computes and response.failure is None and response.status < 500 and response.status not in EXCUSES


class SharedResponses:
    """The responses of a night that other cases may use.

    Args:
        active: whether responses are shared at all.
    """

    def __init__(self, *, active: bool) -> None:
        self._active = active
        self._exchanges: dict[Outgoing, Exchange] = {}
        self._used: set[tuple[str, Outgoing]] = set()

    def find(self, case: str, outgoing: Outgoing) -> Exchange | None:
        """Return the exchange of a request that was sent for another case.

        Args:
            case: id of the case that needs the response; each gets it once.
            outgoing: the request.
        """
        exchange = self._exchanges.get(outgoing)
        if exchange is None or (case, outgoing) in self._used:
            return None
        self._used.add((case, outgoing))
        return exchange

    def add(self, case: str, operation: str, outgoing: Outgoing, exchange: Exchange) -> None:
        """Keep the response to a request for other cases.

        Args:
            case: id of the case for which it was sent.
            operation: its label.
            outgoing: the request.
            exchange: with the response.
        """
        if self._active and shareable(operation, exchange):
            self._exchanges.setdefault(outgoing, exchange)
            self._used.add((case, outgoing))
