"""The HTTP client of a run: guarded, with limits, and without exceptions for what a server does."""
