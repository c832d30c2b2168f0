"""Reference servers in this process without a socket, in place of a target that has an address."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

import httpx

from cohere_conformance.client import sender
from cohere_conformance.reference import inprocess
from cohere_conformance.reference.app import application
from cohere_conformance.reference.inprocess import InProcess
from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.reference import ServerState
    from cohere_conformance.reference.app import Application

URL = "http://127.0.0.1:8765"
"""Where such a server seems to listen."""


@contextmanager
def within(
    state: ServerState, around: Callable[[Application], Application] = lambda inner: inner
) -> Iterator[httpx.Client]:
    """Have whatever this process sends to any address reach a server, as if it listened there.

    Args:
        state: of the server.
        around: returns what is called in place of its application.

    Yields:
        A client that reaches it with a key, as somebody else does.
    """

    def transport(*_: object) -> InProcess:
        return InProcess(state)

    with (
        mock.patch.object(inprocess, "application", lambda state: around(application(state))),
        mock.patch.object(sender, "Wire", transport),
        httpx.Client(
            transport=transport(), base_url=URL, headers={"authorization": f"Bearer {PRODUCTION}"}
        ) as client,
    ):
        yield client
