"""Adds a server to exchanges whose recording has only paths, such as access logs and mocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.model import Exchange

WITHOUT_HOST = "URLs without a host are not judged: name their server with --server URL"
"""The note for a recording without a known server."""


def has_host(exchange: Exchange) -> bool:
    """Return whether the URL of the request has a host."""
    return not exchange.request.url.startswith("/") or exchange.request.url.startswith("//")


def placed(exchange: Exchange, servers: Sequence[str]) -> Exchange:
    """Return the exchange with the first of the servers prepended to a URL without a host."""
    if not servers or has_host(exchange):
        return exchange
    request = exchange.request
    return replace(exchange, request=replace(request, url=servers[0].rstrip("/") + request.url))
