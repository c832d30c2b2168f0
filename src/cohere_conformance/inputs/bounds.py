"""Limits for input: without them a small file could use all memory, or run for a day.

Each limit is far above what recorders write. Input above it is rejected, and the message names the limit.
"""

from __future__ import annotations

_MEBI = 2**20

DEEPEST = 500
"""Levels of nested lists and mappings."""

LONGEST = 48 * _MEBI
"""Bytes of one text or number, of one line of JSON Lines, of all text of one YAML interaction, and of one
body when it is decoded."""

LONGEST_NUMBER = 4_000
"""Characters of one number: Python does not convert more than 4,300 digits, and parsers crash on them."""

MOST_VALUES = 500_000
"""Values in one recorded exchange or document; what a YAML alias repeats counts each time."""

MOST_BODY_VALUES = 5_000_000
"""JSON values in one body."""

MOST_BODY_CONTAINERS = 1_000_000
"""JSON arrays and objects in one body: an empty one needs three bytes there, and sixty in memory."""

MOST_EVENTS = 200_000
"""Events of one stream."""

MOST_LINES = 1_000_000
"""Lines of one body that is not JSON; also consecutive blank lines in a JSON Lines file."""

MOST_CODINGS = 5
"""Content codings that are applied to one body."""

LARGEST_DOCUMENT = 16 * _MEBI
"""Bytes of a document that is read into memory, such as a contract or a file of cases."""

TOO_DEEP = f"nested more than {DEEPEST} levels deep"
TOO_LONG = f"a text, a number or a gap of more than {LONGEST // _MEBI} MiB"
TOO_LONG_NUMBER = f"a number of more than {LONGEST_NUMBER:,} characters"
TOO_LARGE = f"more than {LONGEST // _MEBI} MiB of text in one value, with what aliases repeat"
TOO_MANY = f"more than {MOST_VALUES:,} values in one exchange or document"
TOO_MANY_REPEATED = f"{TOO_MANY}, with what aliases repeat"
