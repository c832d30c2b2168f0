"""A gateway as people write them: it collects each response, and passes on the fields that it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]


def collecting_gateway(upstream: str, kept: set[str]) -> Starlette:
    """Return the application of a gateway.

    Args:
        upstream: base URL of the server behind it.
        kept: names of the header fields of responses that it passes on.
    """

    async def forward(request: Request) -> Response:
        sent = {name: value for name, value in request.headers.items() if name not in {"host", "connection"}}
        query = f"?{request.url.query}" if request.url.query else ""
        async with httpx.AsyncClient(base_url=upstream, trust_env=False, verify=False, timeout=60) as client:
            received = await client.request(
                request.method, f"{request.url.path}{query}", headers=sent, content=await request.body()
            )
        passed = {name: value for name, value in received.headers.items() if name in kept}
        return Response(received.content, received.status_code, passed)

    return Starlette(routes=[Route("/{path:path}", forward, methods=METHODS)])
