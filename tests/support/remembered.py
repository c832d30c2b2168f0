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

    from cohere_conformance.reference.app import Application

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


def watched(inner: Application, seen: Seen, clock: Clock | None = None) -> Application:
    """Return an application that remembers requests before it calls another one.

    Args:
        inner: the other one.
        seen: gets every request.
        clock: moves with each of them if it is `Unhurried`.
    """

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append((scope["method"], scope["raw_path"].decode("latin-1")))
            if isinstance(clock, Unhurried):
                clock.advance(clock.pace)
        await inner(scope, receive, send)

    return app


@contextmanager
def counted(state: ServerState) -> Iterator[tuple[str, Seen]]:
    """Run a server; yield its address and what it has got so far."""
    seen: Seen = []

    def application_of(state: ServerState) -> Application:
        return watched(application(state), seen, state.clock)

    with mock.patch.object(module, "application", application_of), module.ServerThread(state) as running:
        yield running.url, seen
