"""What `verify` compares with cassettes of the reference server."""

import enum


class ReferenceComparison(enum.StrEnum):
    """What `verify` compares with cassettes of the reference server; with all others it compares values."""

    SHAPE = "shape"
    """Status, properties, types and kinds of events."""
    VALUES = "values"
    """Values as well."""
