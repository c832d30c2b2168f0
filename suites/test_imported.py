"""Every cassette that was imported: no case is written for it, but the contract has to accept it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def test_imported(cassette: str, run_cassette: Callable[[str], None]) -> None:
    run_cassette(cassette)
