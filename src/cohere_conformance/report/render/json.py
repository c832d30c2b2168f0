"""The report as JSON: stable bytes, so that two reports can be compared line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.report.render.safe import json_visible

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Report


def render(report: Report) -> bytes:
    """Return the report as indented UTF-8 with sorted maps.

    The parts keep their declared order, because the footer must be the last thing in the file. Characters
    that a terminal would obey are escaped: people look at this file with `cat` and `diff`.
    """
    encoded = msgspec.json.encode(report, order="deterministic")
    text = msgspec.json.format(encoded, indent=2).decode("utf-8")
    return json_visible(text).encode("utf-8") + b"\n"
