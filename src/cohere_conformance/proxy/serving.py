"""Runs the proxy: in the foreground until a signal, or in a thread."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, Self

from cohere_conformance.client.listening import address, listen
from cohere_conformance.proxy.forwarding import ClientConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import TracebackType

    from cohere_conformance.proxy.forwarding import Watcher
    from cohere_conformance.proxy.upstream import Upstream

_CHUNK = 64 * 1024


class ProxyServer:
    """Accepts clients on a socket and passes their requests on.

    Args:
        upstream: where requests go.
        watcher: takes copies of the exchanges.
    """

    def __init__(self, upstream: Upstream, watcher: Watcher) -> None:
        self._upstream = upstream
        self._watcher = watcher
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; connections are closed then, and so is the socket."""
        server = await asyncio.start_server(self._client, sock=listening, limit=_CHUNK)
        async with server:
            await stop.wait()
            server.close()
            for task in self._clients:
                task.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - a coroutine runs in a task
            return
        self._clients.add(task)
        try:
            await ClientConnection(self._upstream, self._watcher, reader, writer).run()
        except asyncio.CancelledError:
            pass  # the proxy stops
        finally:
            self._clients.discard(task)


def serve_until_signal(server: ProxyServer, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; for the main thread.

    Args:
        server: the proxy.
        listening: where to; closed at the end.
        ready: called as soon as signals stop the proxy cleanly.
    """

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        ready()
        await server.serve(listening, stop)

    asyncio.run(serve())


class ProxyThread:
    """A proxy in a thread of this process, on a free port of the loopback interface, inside a `with` block.

    Args:
        upstream: where requests go.
        watcher: takes copies of the exchanges.

    Attributes:
        url: where it listens.
    """

    def __init__(self, upstream: Upstream, watcher: Watcher) -> None:
        self._server = ProxyServer(upstream, watcher)
        self._socket = listen("127.0.0.1", 0)
        self.url = address(self._socket)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.serve(self._socket, self._stop))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
