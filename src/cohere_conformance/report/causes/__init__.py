"""From findings to causes: the mistakes of a server, of which each explains several findings."""

from cohere_conformance.report.causes.find import find_causes
from cohere_conformance.report.causes.seen import NOTHING_KNOWN, Background, Correction, SeenFinding

__all__ = ["NOTHING_KNOWN", "Background", "Correction", "SeenFinding", "find_causes"]
