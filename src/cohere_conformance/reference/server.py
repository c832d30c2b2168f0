"""A reference server on a port: in a thread for tests and `run`, in the foreground for `serve`."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

import uvicorn

from cohere_conformance.errors import UsageError
from cohere_conformance.reference.app import application

if TYPE_CHECKING:
    from types import TracebackType

    from cohere_conformance.reference.state import State


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        UsageError: the address cannot be used.
    """
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as error:
        raise UsageError(
            f"expected a free address to listen on, got {host}:{port} ({error.strerror or error}); "
            "name another one with --host and --port (0 takes any free port)"
        ) from error


def serve(state: State, listening: socket.socket) -> uvicorn.Server:
    """Return a server for an open socket; `run([socket])` serves until it is told to stop."""
    config = uvicorn.Config(
        application(state),
        log_level="warning",
        server_header=False,
        date_header=True,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class Running:
    """A reference server in a thread of this process, on a free port of the loopback interface.

    Args:
        state: its memory.

    Attributes:
        url: where it listens.
    """

    def __init__(self, state: State) -> None:
        self._socket = listen("127.0.0.1", 0)
        self._server = serve(state, self._socket)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
