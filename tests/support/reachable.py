"""Reference servers that are reached in unusual ways: below a path, by a Unix socket, with TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import trustme
import uvicorn

from cohere_conformance.client.listening import listen
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.app import application

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reachable(NamedTuple):
    """A server.

    Attributes:
        url: as `--url` takes it.
        seen: method, path and header fields of each request.
    """

    url: str
    seen: list[tuple[str, str, dict[str, str]]]


class Certificates:
    """An authority with a certificate for this machine and one for a client, as files.

    Attributes:
        authority: certificate of the authority.
        client: certificate of a client, with its key.
        key: the key by itself.
    """

    def __init__(self, home: Path) -> None:
        made = trustme.CA()
        self._authority = made
        self._server = made.issue_cert("127.0.0.1", "localhost")
        client = made.issue_cert("client@conformance.test")
        self.authority, self.client, self.key = (home / f"{name}.pem" for name in ("ca", "client", "key"))
        made.cert_pem.write_to_path(str(self.authority))
        client.private_key_and_cert_chain_pem.write_to_path(str(self.client))
        client.private_key_pem.write_to_path(str(self.key))

    def context(self, *, asks: bool) -> ssl.SSLContext:
        """Return the TLS context of the server, which may ask for the certificate of a client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.configure_cert(context)
        if asks:
            self._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@contextmanager
def reachable(
    app: Any = None,
    *,
    host: str = "127.0.0.1",
    base: str = "",
    unix: bool = False,
    tls: ssl.SSLContext | None = None,
    keyless: bool = False,
    field: tuple[str, str] | None = None,
) -> Iterator[Reachable]:
    """Run a server on the loopback interface.

    Args:
        app: the application; a reference server if not given.
        host: in the URL; everything but a name of the loopback interface counts as another host.
        base: path below which the API is; everything else is 404.
        unix: listen on a Unix socket.
        tls: of the server.
        keyless: requests without a key are answered as well.
        field: a header field without which every request is 403.
    """
    inner = app or application(ServerState(step=0.01))
    seen: list[tuple[str, str, dict[str, str]]] = []

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        path = scope["raw_path"].decode("latin-1")
        fields = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        seen.append((scope["method"], path, fields))
        if not path.startswith(f"{base}/"):
            await _refuse(send, 404)
        elif field is not None and fields.get(field[0]) != field[1]:
            await _refuse(send, 403)
        else:
            raw = scope["raw_path"][len(base) :]
            headers = list(scope["headers"])
            if keyless and "authorization" not in fields:
                headers.append((b"authorization", b"Bearer reference-key"))
            stripped = {**scope, "raw_path": raw, "path": scope["path"][len(base) :], "headers": headers}
            await inner(stripped, receive, send)

    with tempfile.TemporaryDirectory(prefix="s-") as folder:
        path = str(Path(folder, "server.sock"))
        listening = _unix(path) if unix else listen("127.0.0.1", 0)
        scheme = "https" if tls else "http"
        url = f"unix://{path}" if unix else f"{scheme}://{host}:{listening.getsockname()[1]}{base}"
        if unix and base:
            url = f"http+unix://{path.replace('/', '%2F')}{base}"
        with _serving(outer, listening, tls):
            yield Reachable(url, seen)


def _unix(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(path)
    listening.listen(64)
    return listening


@contextmanager
def _serving(app: Any, listening: socket.socket, tls: ssl.SSLContext | None) -> Iterator[None]:
    config = uvicorn.Config(
        app, interface="asgi3", http="h11", ws="none", log_config=None, log_level="critical", lifespan="off",
        server_header=False, date_header=False, proxy_headers=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    config.load()
    config.ssl = tls
    server.capture_signals = _left_alone  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


@contextmanager
def _left_alone() -> Iterator[None]:
    """Leave signals to the process."""
    yield


async def _refuse(send: Any, status: int) -> None:
    body = b'{"message": "not here"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
