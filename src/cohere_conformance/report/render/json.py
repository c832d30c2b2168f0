"""The report as JSON: stable bytes, so that two reports can be compared line by line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Report

_INVISIBLE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def render(report: Report) -> bytes:
    """Return the report as indented UTF-8 with sorted maps.

    The parts keep their declared order, because the footer must be the last thing in the file. Characters
    that a terminal would obey are escaped: people look at this file with `cat` and `diff`.
    """
    encoded = msgspec.json.encode(report, order="deterministic")
    text = msgspec.json.format(encoded, indent=2).decode("utf-8")
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match.group()):04x}", text).encode("utf-8") + b"\n"
