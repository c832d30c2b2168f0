"""What many tests read: the shipped documents, and the contracts made of them."""

from __future__ import annotations

import gc
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx._transports.default as transports
import pytest
from compiling import CompiledOnce
from cputime import CpuTime, longest_first, measured
from hypothesis import HealthCheck, settings
from warm import WARM

from cohere_conformance.checks import Explainer
from cohere_conformance.contract import load_contract, load_declarations
from cohere_conformance.sdk.parsers import VARIABLE

if TYPE_CHECKING:
    import ssl

    from cohere_conformance.contract import Contract, Declarations

# What is imported and collected stays; to look for garbage in it takes a fifth of the time.
gc.disable()

# Hypothesis collects the constants of a checkout's modules; whatever the tests start need not do it anew.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(__file__).parents[1] / ".hypothesis")

create_ssl_context = transports.create_ssl_context


@lru_cache
def trusting(_: tuple[str | None, ...], *arguments: Any, **named: Any) -> ssl.SSLContext:
    return create_ssl_context(*arguments, **named)


# A client reads every certificate that the machine, or a variable, trusts: as long as forty requests take.
transports.create_ssl_context = lambda *arguments, **named: trusting(
    tuple(map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))), *arguments, **named
)

# No output depends on whether the official SDK is installed here; tests about it ask for it.
os.environ[VARIABLE] = "0"

# The same examples in every run, and none that fails because the machine is busy.
settings.register_profile(
    "tests",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("tests")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are cores: some tests wait, for the disk or until a time limit ends."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CpuTime(config), "cpu-time")
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(CompiledOnce(), "compiled-once")
    elif config.getoption("numprocesses", None):
        WARM.start()  # for all processes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, measured())


def pytest_collection_finish() -> None:
    """Collect garbage rarely, and none of the tests themselves: it takes a sixth of the time."""
    from cohere_conformance.session.garbage import freeze_for_good  # the controller needs nothing of it

    gc.collect()  # what is garbage by now is freed, not frozen
    freeze_for_good()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session")
def declarations() -> Declarations:
    return load_declarations()


@pytest.fixture(scope="session")
def published() -> Contract:
    return load_contract(as_published=True)


@pytest.fixture(scope="session")
def amended() -> Contract:
    return load_contract()


@pytest.fixture(scope="session")
def explainer(declarations: Declarations) -> Explainer:
    return Explainer(declarations)
