"""What the proxy itself responds: its report, and errors that are not the upstream's."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING, Literal

from cohere_conformance.client.address import is_loopback
from cohere_conformance.errors import ConformanceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import h11

_JSON = "application/json"
PAGES: dict[str, tuple[Literal["json", "html"], str]] = {
    "/_conformance": ("json", _JSON),
    "/_conformance.html": ("html", "text/html; charset=utf-8"),
}
"""Paths that are not passed on, with the form of the report and its media type."""
_REASONS = {200: "OK", 400: "Bad Request", 405: "Method Not Allowed", 500: "Internal Server Error"}
_REASONS |= {403: "Forbidden", 502: "Bad Gateway"}


async def own_page(
    request: h11.Request, page: Callable[[Literal["json", "html"]], Awaitable[bytes]]
) -> bytes | None:
    """Return the response to a request for a page of the proxy; `None` for all other requests.

    Args:
        request: of a client.
        page: makes the report so far in a form.
    """
    path = bytes(request.target).decode("latin-1").partition("?")[0]
    if path not in PAGES:
        return None
    if not _is_direct(request):
        said = "expected the address of the proxy as host, got a name that any web page can have"
        return _response(403, _message(said, "name its IP address in the URL"), _JSON)
    if request.method != b"GET":
        return _response(405, _message("expected GET", "this path is the proxy's own"), _JSON)
    form, media_type = PAGES[path]
    try:
        return _response(200, await page(form), media_type, close=False)
    except ConformanceError as error:
        return _response(500, _message(str(error), "restart the proxy"), _JSON)


def _is_direct(request: h11.Request) -> bool:
    """Return whether a request names this machine or a host of the local network.

    A web page could give its own name the address of the proxy, and then read the report (DNS rebinding).
    Such a name has a dot.
    """
    named = next((value.decode("latin-1") for name, value in request.headers if name == b"host"), "")
    host = named.rpartition("]")[0].lstrip("[") if named.startswith("[") else named.partition(":")[0]
    if "." not in host.strip("."):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return is_loopback(host)
    return True


def bad_request(reason: str) -> bytes:
    """Return the response to a request that cannot be passed on."""
    said = f"expected an HTTP/1.1 request, got another one: {reason}"
    return _response(400, _message(said, "send it to the upstream directly"), _JSON)


def unreachable(upstream: str, reason: str) -> bytes:
    """Return the response where the upstream gives none.

    Args:
        upstream: its address.
        reason: why there is no response.
    """
    said = f"expected a response from the upstream {upstream}, got none: {reason}"
    return _response(502, _message(said, "start the upstream, or correct --upstream"), _JSON)


def _message(said: str, remedy: str) -> bytes:
    text = f"cohere-conformance proxy: {said}; {remedy}"
    return json.dumps({"message": text}).encode("ascii")


def _response(status: int, body: bytes, media_type: str, *, close: bool = True) -> bytes:
    head = [
        f"HTTP/1.1 {status} {_REASONS[status]}",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Conformance-Proxy: own response",
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body
