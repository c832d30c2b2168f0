"""What earlier runs of a target have found: stored in one SQLite file, and compared with a new report."""

from cohere_conformance.history.compare import compare
from cohere_conformance.history.past import PastRun, past_run, target_name
from cohere_conformance.history.store import StoredRun, last_exercised, prune, remember, stored_runs

__all__ = [
    "PastRun",
    "StoredRun",
    "compare",
    "last_exercised",
    "past_run",
    "prune",
    "remember",
    "stored_runs",
    "target_name",
]
