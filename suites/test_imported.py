"""Every imported cassette: a recorded exchange without a written case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def test_imported(cassette: str, run_cassette: Callable[[str], None]) -> None:
    """The recorded exchange conforms to the contract, and so does the response to the same request now."""
    run_cassette(cassette)
