"""A reference server that remembers every request that it got."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

from cohere_conformance.reference import ServerState
from cohere_conformance.reference import server as module
from cohere_conformance.reference.app import application
from cohere_conformance.reference.state import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

Seen = list[tuple[str, str]]
"""Method and path of each request, as they stood on the wire."""


class Unhurried(Clock):
    """A clock that moves by so much between two requests, however long they take.

    Args:
        pace: seconds.
    """

    def __init__(self, pace: float) -> None:
        super().__init__()
        self.pace = pace
        # Ahead of the `Date` of every response, which goes by the machine: nothing made here looks old.
        self._began = datetime.now(UTC) + timedelta(hours=1)

    def now(self) -> datetime:
        return self._began + self._ahead


@contextmanager
def counted(state: ServerState) -> Iterator[tuple[str, Seen]]:
    """Run a server; yield its address and what it has got so far."""
    seen: Seen = []

    def watched(state: ServerState) -> Any:
        inner = application(state)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                seen.append((scope["method"], scope["raw_path"].decode("latin-1")))
                if isinstance(state.clock, Unhurried):
                    state.clock.advance(state.clock.pace)
            await inner(scope, receive, send)

        return app

    with mock.patch.object(module, "application", watched), module.ServerThread(state) as running:
        yield running.url, seen
