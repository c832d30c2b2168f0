"""Golden cassettes: recorded exchanges, their origin, and whether they are stale."""

from cohere_conformance.golden.cassette import Cassette, Origin, Provenance
from cohere_conformance.golden.store import (
    IMPORTED,
    OWN,
    clear_begun,
    counts,
    find,
    load,
    own_or_shipped,
    save,
)

__all__ = [
    "IMPORTED",
    "OWN",
    "Cassette",
    "Origin",
    "Provenance",
    "clear_begun",
    "counts",
    "find",
    "load",
    "own_or_shipped",
    "save",
]
