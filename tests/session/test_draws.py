"""What is sent must not depend on whether the package is installed or a checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from cohere_conformance.session.draws import COLLECTOR, independent_of_installation

if TYPE_CHECKING:
    from types import ModuleType

    from hypothesis.internal.constants_ast import Constants


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[ModuleType]:
    """Return the modules whose constants Hypothesis collects from now on, as if it had seen none before."""
    modules: list[ModuleType] = []
    original = providers.constants_from_module

    def collect(module: ModuleType) -> Constants:
        modules.append(module)
        return original(module)

    monkeypatch.setattr(providers, "constants_from_module", collect)
    monkeypatch.setattr(providers, "_seen_modules", set())
    monkeypatch.setattr(providers, "_sys_modules_len", None)
    return modules


def draw() -> list[int]:
    drawn: list[int] = []
    several = settings(max_examples=200, derandomize=True, database=None, phases=[Phase.generate])

    def take(number: int) -> None:
        drawn.append(number)

    several(given(st.integers())(take))()
    return drawn


def test_constants_of_a_checkout_are_not_collected(collected: list[ModuleType]) -> None:
    with independent_of_installation():
        assert len(draw()) == 200
    assert collected == []


def test_other_tests_draw_as_before(collected: list[ModuleType]) -> None:
    with independent_of_installation():
        pass
    draw()
    assert "cohere_conformance.session.draws" in {module.__name__ for module in collected}


def test_a_version_without_the_function_draws_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(providers, COLLECTOR)
    with independent_of_installation():
        assert not hasattr(providers, COLLECTOR)
