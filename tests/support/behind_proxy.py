"""A plugin of pytest that places the proxy in front of every reference server that tests start in a thread.

pytest tests/sdk -p behind_proxy
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from scripted import Witness

from cohere_conformance.client.address import Address
from cohere_conformance.proxy.serving import ProxyThread
from cohere_conformance.proxy.upstream import Upstream
from cohere_conformance.reference import server as module

if TYPE_CHECKING:
    import pytest

_WITNESS = Witness(most_body=2**26)


class ProxiedServer:
    """A reference server whose URL is that of a proxy in front of it."""

    def __init__(self, *arguments: Any) -> None:
        self._server = _Original(*arguments)
        self._open = ExitStack()
        self.url = ""

    def __enter__(self) -> Self:
        server = self._open.enter_context(self._server)
        self.url = self._open.enter_context(ProxyThread(Upstream(Address(server.url)), _WITNESS)).url
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()


_Original = module.ServerThread
module.ServerThread = ProxiedServer  # type: ignore[assignment,misc]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    broken = [one for one in _WITNESS.seen if one.failure is not None or one.unreachable]
    terminalreporter.write_line(f"behind the proxy: {len(_WITNESS.seen)} exchanges, {len(broken)} broken")
