"""The pytest fixtures for other people's tests; pytest loads this module in every project.

There are only fixtures: no options, no markers, no hooks, and nothing is imported before a test uses one.
While a test uses `conformance_transport`, a hook for this test decides whether it fails.
The suites have a plugin of their own, `pytest_plugin`, which is never loaded by itself.

PYTEST_DONT_REWRITE: there are no assertions here, and pytest warns of modules that were imported before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cohere_conformance import ReferenceServer
    from cohere_conformance.testing import ConformanceJudge, ConformanceTransport


@pytest.fixture(scope="session")
def conformance_servers() -> Sequence[str]:
    """Base URLs that count as the Cohere API besides api.cohere.com and loopback addresses; override it."""
    return ()


@pytest.fixture(scope="session")
def cohere_server_options() -> Mapping[str, Any]:
    """Arguments of the server behind cohere_server, such as {"profile": "live-2026"}; override it."""
    return {"step": 0.0}


@pytest.fixture(scope="session")
def _running_cohere_server(cohere_server_options: Mapping[str, Any]) -> Iterator[ReferenceServer]:
    from cohere_conformance import ReferenceServer

    with ReferenceServer(**cohere_server_options) as server:
        yield server


@pytest.fixture
def cohere_server(_running_cohere_server: ReferenceServer) -> ReferenceServer:
    """A mock of the Cohere API with url, key, requests, fail_next() and reset(); empty for each test."""
    _running_cohere_server.reset()
    return _running_cohere_server


@pytest.fixture
def conformance_judge(conformance_servers: Sequence[str]) -> ConformanceJudge:
    """Assert that a response of httpx or requests, or an Exchange, conforms: conformance_judge(response)."""
    from cohere_conformance.testing import ConformanceJudge

    return ConformanceJudge(conformance_servers)


@pytest.fixture
def conformance_transport(
    request: pytest.FixtureRequest, conformance_servers: Sequence[str]
) -> Iterator[ConformanceTransport]:
    """A transport for clients of httpx that fails the test if a response does not conform."""
    from cohere_conformance.testing import ConformanceTransport
    from cohere_conformance.testing.call_phase import CallPhase

    transport = ConformanceTransport(servers=conformance_servers)
    phase = CallPhase(request.node, transport.problem)
    request.config.pluginmanager.register(phase)
    yield transport
    request.config.pluginmanager.unregister(phase)
    transport.close()
    # What fixtures call after the test, and tests that get this fixture by request.getfixturevalue().
    phase.check()
