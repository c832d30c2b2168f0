"""Unique names for the resources of a request."""

from __future__ import annotations

import random
import secrets

_DIGITS = 3
"""Bytes, each of two hexadecimal digits."""


class Unique:
    """Generates short unique names.

    Args:
        seed: generates the same names in every run with it; random names if not given.
    """

    def __init__(self, seed: int | str | None = None) -> None:
        self._random = None if seed is None else random.Random(f"unique {seed}")

    def __call__(self) -> str:
        """Return the next one: six hexadecimal digits."""
        if self._random is None:
            return secrets.token_hex(_DIGITS)
        return self._random.randbytes(_DIGITS).hex()
