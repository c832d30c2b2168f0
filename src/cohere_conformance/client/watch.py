"""Observes one response as it arrives: its time, and what the sockets read."""

from __future__ import annotations

import math
import re
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANK_LINE = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[0-9] 1[0-9]{2}[ \r\n]")


class Watch(threading.local):
    """The response that this thread waits for.

    Args:
        now: returns the time in seconds.

    Attributes:
        connected: a connection was made for it.
        received: bytes that were read from the socket.
        ended: the server closed the connection.
        behind: bytes received after the head of the response; `None` while the head is incomplete.
        tail: the last bytes received.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started = 0.0
        self._deadline = math.inf
        self.begin(math.inf)

    def begin(self, total: float) -> None:
        """Start the clock for a response that may take so many seconds in total."""
        self._started = self._now()
        self._deadline = self._started + total
        self.reset()

    def reset(self) -> None:
        """Forget what was read; the clock runs on."""
        self.connected = False
        self.listen()

    def listen(self) -> None:
        """Forget what was read: what is read from here on is the response."""
        self.received = 0
        self.ended = False
        self.behind: int | None = None
        self.tail = b""
        self._head = bytearray()

    @property
    def elapsed(self) -> float:
        """Seconds since the request was sent."""
        return round(self._now() - self._started, 6)

    @property
    def left(self) -> float:
        """Seconds that remain; not above 0 when the time is up."""
        return self._deadline - self._now()

    @property
    def stale(self) -> bool:
        """Whether nothing was read from a connection that had served before."""
        return not self.connected and not self.received

    @property
    def is_http(self) -> bool:
        """Whether what was received so far is the beginning of an HTTP response."""
        return b"HTTP/".startswith(self._head[:5])

    def note(self, data: bytes) -> None:
        """Note what a socket read; no bytes mean that the server closed it."""
        self.received += len(data)
        self.ended = not data
        self.tail = (self.tail + data[-3:])[-3:]
        if self.behind is not None:
            self.behind += len(data)
            return
        seen = max(0, len(self._head) - 2)
        self._head += data
        while blank := _BLANK_LINE.search(self._head, seen):
            if not _INTERIM.match(self._head):
                self.behind = len(self._head) - blank.end()
                return
            # `100 Continue` and other interim responses come before, each with a head of its own.
            del self._head[: blank.end()]
            seen = 0
