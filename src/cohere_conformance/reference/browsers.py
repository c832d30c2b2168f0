"""Cross-origin requests of browsers (CORS): preflight requests, and headers of responses.

Starlette's middleware is not used: it changes the header `vary`, which the live API sends, in different ways
from version to version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference.http_messages import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.reference.http_messages import HttpRequest

_REQUESTED = "access-control-request-"
_ALLOWED = "access-control-allow-"
_DAY = 86_400


def preflight(request: HttpRequest) -> HttpResponse | None:
    """Return the response to a preflight request, `None` for any other request.

    A preflight request has no key, and is allowed for every path: only the call itself can be an error.
    """
    headers = request.headers
    if request.method != "OPTIONS" or "origin" not in headers or f"{_REQUESTED}method" not in headers:
        return None
    allowed = {
        f"{_ALLOWED}origin": "*",
        f"{_ALLOWED}methods": headers[f"{_REQUESTED}method"],
        "access-control-max-age": str(_DAY),
        "vary": f"Origin, {_REQUESTED}method, {_REQUESTED}headers",
    }
    # By name: a star does not include `authorization`.
    if f"{_REQUESTED}headers" in headers:
        allowed[f"{_ALLOWED}headers"] = headers[f"{_REQUESTED}headers"]
    if headers.get(f"{_REQUESTED}private-network") == "true":
        allowed[f"{_ALLOWED}private-network"] = "true"
    fields = [(name.encode(), text.encode("latin-1")) for name, text in allowed.items()]
    return HttpResponse(204, fields)


def readable(response: HttpResponse, requested: Mapping[str, str]) -> HttpResponse:
    """Return a response that pages of any origin may read."""
    if "origin" in requested:
        response.fields.append((f"{_ALLOWED}origin".encode(), b"*"))
    return response
