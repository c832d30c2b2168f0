"""Gives exchanges an address whose recording has only paths, as access logs and mocks do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.model import Exchange

WITHOUT_HOST = "addresses without a host are not judged: name the server they belong to with --server URL"
"""What to say where no server is known."""


def has_host(exchange: Exchange) -> bool:
    """Tell whether the address of the request names a host."""
    return not exchange.request.url.startswith("/") or exchange.request.url.startswith("//")


def placed(exchange: Exchange, servers: Sequence[str]) -> Exchange:
    """Return the exchange with the first of the servers before an address that has none."""
    if not servers or has_host(exchange):
        return exchange
    request = exchange.request
    return replace(exchange, request=replace(request, url=servers[0].rstrip("/") + request.url))
