"""From findings to causes: the mistakes of a server, of which each explains several findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.causes.seen import NOTHING_KNOWN, Background, Correction, SeenFinding

if TYPE_CHECKING:
    from collections.abc import Collection

    from cohere_conformance.report.causes.find import CauseEffects
    from cohere_conformance.report.coverage import Coverage
    from cohere_conformance.report.header import Header
    from cohere_conformance.report.shape import Cause

__all__ = ["NOTHING_KNOWN", "Background", "Correction", "SeenFinding", "find_causes"]


def find_causes(
    sightings: Collection[SeenFinding],
    coverage: Coverage,
    background: Background,
    header: Header,
    effects: CauseEffects,
) -> tuple[Cause, ...]:
    """Return the causes of findings, as `find.find_causes` does; it is imported when there is a finding."""
    if not sightings:
        return ()
    from cohere_conformance.report.causes import find

    return find.find_causes(sightings, coverage, background, header, effects)
