"""The file of accepted drift: reading it, and editing it without touching what people have written."""

from cohere_conformance.baseline.edit import append, remove
from cohere_conformance.baseline.load import DEFAULT_FILE, in_force, load_baseline

__all__ = ["DEFAULT_FILE", "append", "in_force", "load_baseline", "remove"]
