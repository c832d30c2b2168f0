"""What tells the things of one request apart from those of all others."""

from __future__ import annotations

import random
import secrets

_DIGITS = 3
"""Bytes, each of two hexadecimal digits."""


class Unique:
    """Makes short names that no other thing has.

    Args:
        seed: of a run that has to send the same requests as another one; with it the names are the same, too.
    """

    def __init__(self, seed: int | str | None = None) -> None:
        self._random = None if seed is None else random.Random(f"unique {seed}")

    def __call__(self) -> str:
        """Return the next one: six hexadecimal digits."""
        if self._random is None:
            return secrets.token_hex(_DIGITS)
        return self._random.randbytes(_DIGITS).hex()
