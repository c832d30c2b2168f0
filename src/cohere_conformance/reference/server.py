"""A reference server on a port: in a thread, or in the foreground for `serve`."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

import uvicorn

from cohere_conformance.client.listening import address, listen
from cohere_conformance.errors import UsageError
from cohere_conformance.reference import transport_faults
from cohere_conformance.reference.app import application
from cohere_conformance.reference.protocols import loop_factory, protocol
from cohere_conformance.reference.relay import Relay

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType

    from starlette.types import ASGIApp

    from cohere_conformance.reference.state import ServerState

_LOOPBACK = "127.0.0.1"
_PATIENCE = 30.0
"""The maximum time in seconds to stop a server in a thread; usually it takes less than one."""


class _Server(uvicorn.Server):
    """The application behind a socket, and a relay between them if the transport is to be faulty."""

    def __init__(self, state: ServerState, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            interface="asgi3",
            http=protocol(),
            ws="none",
            # Logging belongs to the process, of which the server may be a small part.
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._strategy = transport_faults.switched_on(state.faults)
        self._relay: Relay | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop serving; from any thread, and from a signal handler."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal."""
        super().handle_exit(sig, frame)
        self.stop()

    async def main_loop(self) -> None:
        """Wait until the server is stopped, instead of looking ten times a second whether it is."""
        self._loop = asyncio.get_running_loop()
        if not await self.on_tick(0):
            await self._stopping.wait()

    async def serve_on(self, listening: socket.socket) -> None:
        """Serve until the server is stopped; the socket is closed then."""
        if self._strategy is not None:
            behind = listen(_LOOPBACK, 0)
            self._relay = Relay(self._strategy, behind.getsockname()[1])
            self._relay.start(listening)
            listening = behind
        await self.serve([listening])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the connections of the relay first, which may never end by themselves."""
        if self._relay is not None:
            await self._relay.close()
        for one in self.servers:
            one.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)  # in which an idle one ends
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)  # waits a tenth of a second each time it looks

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again at its end, and the process die of them."""
        yield


def serve(state: ServerState, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM comes; for the main thread.

    Args:
        state: the server's memory.
        listening: where to; closed at the end.
        ready: called as soon as signals stop the server cleanly.

    Raises:
        UsageError: several faults of the transport are on.
    """
    server = _Server(state, application(state))
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(server.serve_on(listening))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ServerThread:
    """A reference server in a thread of this process, on a free port of the loopback interface.

    It runs inside a `with` block, and can be started again by another one, with the same state.

    Args:
        state: what the server stores.
        app: the application to serve; the reference server's own for this state by default.

    Attributes:
        url: where it listens; a second `with` block listens at the same address if it is still free.

    Raises:
        UsageError: more than one fault of the transport is on.
        RuntimeError: it runs already when it is started, or does not stop within 30 seconds.
    """

    def __init__(self, state: ServerState, app: ASGIApp | None = None) -> None:
        self._state = state
        self._app = app or application(state)
        self._server = _Server(state, self._app)
        self._socket = listen(_LOOPBACK, 0)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.url = address(self._socket)

    def _run(self) -> None:
        asyncio.run(self._server.serve_on(self._socket))

    def __enter__(self) -> Self:
        with self._starting:
            if self._thread is not None:
                raise RuntimeError(
                    f"expected a server that is not running, got one that is, at {self.url}: "
                    "use it inside the `with` block that started it, or create another one"
                )
            if self._server.should_exit:
                self._renew()
            self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _renew(self) -> None:
        self._server = _Server(self._state, self._app)
        try:
            self._socket = listen(_LOOPBACK, int(self.url.rpartition(":")[2]))
        except UsageError:
            self._socket = listen(_LOOPBACK, 0)
        self.url = address(self._socket)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        if (thread := self._thread) is None:
            return
        thread.join(_PATIENCE)
        if thread.is_alive():
            raise RuntimeError(
                f"expected the server at {self.url} to end within {_PATIENCE:g} s, it is still running: "
                "an answer hangs; please report it"
            ) from error
        self._socket.close()
        self._thread = None
