"""A server on the loopback that answers byte by byte as a test says: also wrongly, slowly, or not at all."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Talk:
    """One connection, from the side of the server."""

    def __init__(self, server: Hostile, connection: socket.socket) -> None:
        self.server = server
        self._connection = connection

    def hear(self) -> bytes:
        """Return the next request as received; nothing if the client has closed the connection."""
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self._connection.recv(65536)
            if not piece:
                return b""
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.partition(b":")[2]):
                    body += self._connection.recv(65536)
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return self.server.requests[-1]

    def say(self, data: bytes) -> None:
        self._connection.sendall(data)

    def hang(self, seconds: float | None = None) -> None:
        """Do nothing, until the test is over or for a while."""
        self.server.over.wait(seconds)

    def reset(self) -> None:
        """Close so that the client sees a reset."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


class Hostile:
    """Serves each connection by a script.

    Args:
        script: called with each connection, which is closed when it returns.

    Attributes:
        url: where it is found.
        requests: as received.
        connections: how many were made.
        over: set when the test is.
    """

    def __init__(self, script: Callable[[Talk], None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.over = threading.Event()
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        # Closing alone would not wake the thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The client may be gone before the script is through, which is what most scripts are for.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            self._script(Talk(self, connection))


def saying(*pieces: bytes, then: str = "close") -> Callable[[Talk], None]:
    """Return a script: hear a request, say the pieces, then close, `hang` or `reset`."""

    def script(talk: Talk) -> None:
        talk.hear()
        for piece in pieces:
            talk.say(piece)
        if then != "close":
            talk.hang(0.05 if then == "reset" else None)
        if then == "reset":
            talk.reset()

    return script


def answer(body: bytes = b"{}", *fields: str, status: str = "200 OK") -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def chunk(data: bytes) -> bytes:
    """Return a chunk as the transfer coding has it."""
    return b"%x\r\n%s\r\n" % (len(data), data)
