"""Keeps out of everything that is written or shown what nobody may read: keys, people, organisations."""
