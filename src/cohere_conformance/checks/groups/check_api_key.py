"""Check-api-key: the response to a valid key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence


@check("check-api-key.valid")
def valid(evidence: Evidence) -> Iterator[Breach]:
    """A response to an accepted key has valid set to true; an invalid key gets 401 (KEY-S01, KEY-O01)."""
    if evidence.response.get("valid") is False:
        yield Breach("/valid", "true, as a bad key is refused with 401", "false")
