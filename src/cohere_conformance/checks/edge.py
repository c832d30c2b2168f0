"""Answers of what stands before the API: a proxy, a gateway, a page that asks for a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohere_conformance.checks.parsed import ParsedExchange

EXCUSES = frozenset({401, 402, 403, 429})
"""Statuses that a service answers with for reasons that have nothing to do with what was asked."""


def edge(parsed: ParsedExchange) -> str:
    """Return why an answer says nothing about the API; empty where it does, or may do so.

    The API itself refuses with an object of JSON. Where a status that has many other reasons comes with
    anything else, something before the API has answered.
    """
    response = parsed.exchange.response
    status, body = response.status, response.body
    if (status not in EXCUSES and status < 500) or body is None or response.failure is not None:
        return ""
    if not body.strip():
        return f"status {status} with an empty body"
    return "" if isinstance(parsed.response[0], dict) else f"status {status} with a body that is not JSON"
