"""Looks for secrets in what is about to be written: the last door before the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.exchanges.secret import Secret


def leaks(data: bytes, keys: Iterable[Secret] = ()) -> list[str]:
    """Return what kinds of secrets stand in the data, in words that do not quote them.

    Args:
        data: what is about to be written.
        keys: known ones, looked for in every form that a server can give them back in.
    """
    return ["the key of the run"] if any(key.scrub(data) != data for key in keys) else []
