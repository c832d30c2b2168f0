"""Fuzzing: generated requests to each operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.fuzz.candidate import GenerationMode


def test_operation(
    label: str, mode: GenerationMode, fuzz_operation: Callable[[str, GenerationMode], None]
) -> None:
    """Requests that are valid, or invalid in exactly one way, get the responses that the contract allows."""
    fuzz_operation(label, mode)
