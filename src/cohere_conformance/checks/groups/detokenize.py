"""Detokenize: billing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence


@check("detokenize.free")
def free(evidence: Evidence) -> Iterator[Breach]:
    """Detokenizing bills nothing (DET-S01)."""
    units = (evidence.response.get("meta") or {}).get("billed_units") or {}
    billed = sorted(name for name, many in units.items() if many)
    if billed:
        yield Breach("/meta/billed_units", "nothing billed", ", ".join(billed))
