"""A report in the formats of other tools; each is a pure function of the report."""

from cohere_conformance.report.formats.convert import FORMATS, convert
from cohere_conformance.report.formats.sources import NOWHERE, SourceLine

__all__ = ["FORMATS", "NOWHERE", "SourceLine", "convert"]
