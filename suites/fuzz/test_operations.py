"""Every operation: requests that keep each rule, break exactly one, or are odd below all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.fuzz.candidate import GenerationMode


def test_operation(
    label: str, mode: GenerationMode, fuzz_operation: Callable[[str, GenerationMode], None]
) -> None:
    fuzz_operation(label, mode)
