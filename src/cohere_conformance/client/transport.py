"""What carries the requests of a sender to a server."""

from __future__ import annotations

import httpx


class TargetTransport(httpx.BaseTransport):
    """A transport that takes path and query of a request from the extension `target`, as they are sent.

    The URL of the request names the server only: to parse a URL takes as long as the rest of a request.
    """
