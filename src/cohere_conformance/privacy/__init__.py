"""Keeps keys, persons and organisations out of everything that is written or shown."""
