"""The HTTP client of a run: one way out, guarded and bounded, that raises nothing for what a server does."""
