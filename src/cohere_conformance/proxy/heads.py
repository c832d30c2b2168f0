"""The head of a request as it is sent to the upstream: unchanged, apart from the host and the connection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import h11

    from cohere_conformance.client.address import Address

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"upgrade", b"http2-settings"}
)
"""Fields for this connection only (RFC 9110, 7.6.1). `te` and `trailer` are about trailers, which pass."""
_CONNECTION_OPTIONS = (b"close", b"keep-alive", b"te")
"""Options of `connection` that are true of the connection to the upstream as well."""
_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


def host_field(upstream: Address) -> bytes:
    """Return the value of `host` for an upstream."""
    return urlsplit(upstream.url).netloc.encode("idna" if not upstream.url.isascii() else "ascii")


def target_of(request: h11.Request, base: str) -> bytes:
    """Return path and query at the upstream.

    Args:
        request: as received; its target may be absolute, as for a forward proxy.
        base: path of the base URL of the upstream.
    """
    target = _ABSOLUTE.sub(b"", bytes(request.target), count=1)
    if target == b"*":
        return target
    return base.encode("ascii") + (target if target.startswith(b"/") else b"/" + target)


def head_of(request: h11.Request, target: bytes, host: bytes) -> bytes:
    """Return the head of the request to the upstream.

    Fields keep their order, their case and their repetitions.

    Args:
        request: as received.
        target: path and query at the upstream.
        host: value of the field `host`.
    """
    options = [
        one.strip().lower()
        for name, value in request.headers
        if name == b"connection"
        for one in value.split(b",")
    ]
    dropped = _HOP_BY_HOP | (set(options) - {*_CONNECTION_OPTIONS, b"te", b"host", b"content-length"})
    lines = [b"%s %s HTTP/%s" % (request.method, target, request.http_version)]
    for raw, value in request.headers.raw_items():
        name = raw.lower()
        if name == b"host":
            lines.append(b"%s: %s" % (raw, host))
        elif name not in dropped:
            lines.append(b"%s: %s" % (raw, value))
    if kept := [one for one in _CONNECTION_OPTIONS if one in options]:
        lines.append(b"Connection: " + b", ".join(kept))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def is_chunked(request: h11.Request) -> bool:
    """Return whether the body of a request is sent in chunks."""
    return any(name == b"transfer-encoding" for name, _ in request.headers)
