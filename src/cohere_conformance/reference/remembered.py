"""Bodies that were validated once, with what was made of them, for calls with the same body."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from cohere_conformance.reference.profile import Profile

LONGEST = 4096
"""The maximum size in bytes of a body that is remembered."""
_MOST = 512
"""The maximum number of bodies; the oldest one is forgotten first."""


class ValidBody(msgspec.Struct):
    """A JSON body that fulfils the contract. Nobody changes it: calls with the same body share it.

    Attributes:
        value: without the nulls at its top, which count as absent (G-17).
        warnings: of the response.
        results: by the function that made them, results that depend on nothing but the body.
    """

    value: dict[str, Any]
    warnings: tuple[str, ...] = ()
    results: dict[object, Any] = {}


class Remembered:
    """The bodies of one server, which has no faults: a fault may change how any of them is understood."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[str, Profile, bytes], ValidBody] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of results."""
        return sum(len(body.results) for body in self._bodies.values())

    def find(self, label: str, profile: Profile, content: bytes) -> ValidBody | None:
        """Return the body with a text, if it is remembered.

        Args:
            label: of the operation.
            profile: of the server.
            content: the text of the body.
        """
        return self._bodies.get((label, profile, content))

    def add(self, label: str, profile: Profile, content: bytes, body: ValidBody) -> None:
        """Remember a body, if it is not too long."""
        if len(content) > LONGEST:
            return
        with self._lock:
            self._bodies[label, profile, content] = body
            if len(self._bodies) > _MOST:
                del self._bodies[next(iter(self._bodies))]
