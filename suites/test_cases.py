"""Every written case: send it, judge the answer, compare it with what the case expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.cases import Case


def test_case(case: Case, run_case: Callable[[Case], None]) -> None:
    run_case(case)
