"""Where a history is stored if nothing else is said."""

HISTORY_FILE = "history.sqlite"
"""Its name in the folder of the report."""
NO_HISTORY = "none"
"""What is named instead of a file by who wants no history."""
