"""Responses of intermediaries in front of the API: a proxy, a gateway, a login page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.parsed import ParsedExchange

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

EXCUSES = frozenset({401, 402, 403, 429})
"""Statuses that a service returns for reasons that have nothing to do with the request."""


def edge(exchange: Exchange) -> str:
    """Return why a response says nothing about the API; empty if it does or may do so.

    The API itself refuses with a JSON object. A status with many other possible reasons and another body is
    from an intermediary.
    """
    response = exchange.response
    status, body = response.status, response.body
    if (status not in EXCUSES and status < 500) or body is None or response.failure is not None:
        return ""
    if not body.strip():
        return f"status {status} with an empty body"
    refuses = isinstance(ParsedExchange(exchange).response[0], dict)
    return "" if refuses else f"status {status} with a body that is not JSON"
