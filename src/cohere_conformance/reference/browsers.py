"""What browsers ask for before a page of another origin may call the server, and while it does (CORS).

Starlette's middleware is not used: what it makes of `vary`, which is part of what the live API sends, changes
from version to version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

_ASKED = "access-control-request-"
_ALLOWED = "access-control-allow-"
_DAY = 86_400


def preflight(request: Request) -> Response | None:
    """Return the answer to a preflight, `None` to any other request.

    A preflight has no key, and is answered for every path: the call itself is refused where it has to be.
    """
    asked = request.headers
    if request.method != "OPTIONS" or "origin" not in asked or f"{_ASKED}method" not in asked:
        return None
    allowed = {
        f"{_ALLOWED}origin": "*",
        f"{_ALLOWED}methods": asked[f"{_ASKED}method"],
        "access-control-max-age": str(_DAY),
        "vary": f"Origin, {_ASKED}method, {_ASKED}headers",
    }
    # By name: a star would leave out `authorization`.
    if f"{_ASKED}headers" in asked:
        allowed[f"{_ALLOWED}headers"] = asked[f"{_ASKED}headers"]
    if asked.get(f"{_ASKED}private-network") == "true":
        allowed[f"{_ALLOWED}private-network"] = "true"
    return Response(status_code=204, headers=allowed)


def readable(response: Response, asked: Headers) -> Response:
    """Return a response that the page which asked for it may read, whatever its origin."""
    if "origin" in asked:
        response.raw_headers.append((f"{_ALLOWED}origin".encode(), b"*"))
    return response
