"""Sockets that a server of this package listens on, and their URLs."""

from __future__ import annotations

import socket

from cohere_conformance.errors import UsageError

USUAL_PORT = 8765
"""The port of a reference server, unless another one is named."""


def listen(host: str, port: int, *, remedy: str = "name another one with --host and --port") -> socket.socket:
    """Return a listening socket.

    Args:
        host: a name or an address, IPv4 or IPv6.
        port: 0 for any free port.
        remedy: what to do where the address is not free, for the message.

    Raises:
        UsageError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        # The socket module appends the address to the reason.
        reason = str(getattr(error, "strerror", None) or error).partition(" (")[0]
        raise UsageError(
            f"expected a free address to listen on, got {host}:{port} ({reason}); "
            f"{remedy} (0 takes any free port)"
        ) from error
    # asyncio sets TCP_NODELAY only on sockets with an explicit protocol; without it the body of each response
    # waits 40 ms for the client to acknowledge the head.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listening.detach())


def address(listening: socket.socket) -> str:
    """Return the URL of a listening socket, without a slash at its end."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
