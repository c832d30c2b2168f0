"""A reference server that is another host for whoever calls it: a name, TLS, and a proxy that leads there."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import trustme
import uvicorn

from cohere_conformance.client.listening import listen
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import shipped_policies
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.app import application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "api.conformance.test"
"""A name that nobody resolves; the proxy leads there."""
URL = f"https://{HOST}"
_CONTRACT = load_contract()
_POLICIES = shipped_policies()
_READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
UNDECLARED = "undeclared"


class Counted:
    """What a server got.

    Attributes:
        tiers: how many requests of each tier; what no operation declares counts as `UNDECLARED` unless it
            only reads.
        sent: method and path of each request.
        environment: variables with which a process finds the server.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.tiers: Counter[str] = Counter()
        self.sent: list[tuple[str, str]] = []
        self.environment = environment

    def note(self, method: str, path: str) -> None:
        """Count a request."""
        label = _CONTRACT.route(method, f"http://localhost{path}").operation
        tier = _POLICIES[label].tier if label is not None else "free-read" if method in _READS else UNDECLARED
        self.tiers[tier] += 1
        self.sent.append((method, path))

    def above(self, *tiers: str) -> dict[str, int]:
        """Return how many requests there were of other tiers than these."""
        return {tier: number for tier, number in self.tiers.items() if tier not in tiers}


@contextmanager
def hosted(
    home: Path, state: ServerState | None = None, around: Callable[[Any], Any] = lambda app: app
) -> Iterator[Counted]:
    """Run the server, and yield what it gets.

    Args:
        home: where the certificate of its authority is written.
        state: of the server.
        around: wraps the application of the server.
    """
    authority = trustme.CA()
    pem = home / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    inner: Any = around(application(state or ServerState(step=0.01)))
    counted = Counted({})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            counted.note(scope["method"], scope["raw_path"].decode("latin-1"))
        await inner(scope, receive, send)

    config = uvicorn.Config(
        app, http="h11", ws="none", log_config=None, log_level="warning", lifespan="off",
        server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    config.load()
    config.ssl = context
    served, proxied = listen("127.0.0.1", 0), listen("127.0.0.1", 0)

    async def serve() -> None:
        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _tunnel(reader, writer, served.getsockname()[1])

        async with await asyncio.start_server(lead, sock=proxied):
            await server.serve([served])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    server.capture_signals = _left_alone  # type: ignore[method-assign]
    thread.start()
    counted.environment |= {
        "HTTPS_PROXY": f"http://127.0.0.1:{proxied.getsockname()[1]}",
        "NO_PROXY": "",
        "SSL_CERT_FILE": str(pem),
    }
    try:
        yield counted
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def _left_alone() -> Iterator[None]:
    """Leave signals to the process."""
    yield


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Lead a CONNECT for the name of the server to the server, and nothing else anywhere."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(f"CONNECT {HOST}:443 ".encode()):
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        writer.close()
        return
    behind, ahead = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await asyncio.gather(_copied(reader, ahead), _copied(behind, writer))


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.CancelledError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
