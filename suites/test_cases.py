"""Every written case (`suites/*/cases.yaml`): one request, and what its response must be like."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.cases import Case


def test_case(case: Case, run_case: Callable[[Case], None]) -> None:
    """The request of the case gets a response that conforms to the contract and to what the case expects."""
    run_case(case)
