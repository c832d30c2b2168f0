"""The renderers: pure functions from a report to bytes, text or a console."""
