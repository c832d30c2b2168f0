"""Golden cassettes: what was recorded once, where it came from, and whether it still holds."""

from cohere_conformance.golden.cassette import Cassette, Origin, Provenance
from cohere_conformance.golden.store import find, load, save

__all__ = ["Cassette", "Origin", "Provenance", "find", "load", "save"]
