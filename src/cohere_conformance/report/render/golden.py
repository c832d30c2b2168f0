"""The lines of a report about what responses were compared with: golden cassettes and observed shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from cohere_conformance.report.header import GoldenCounts, Header


def observed_lines(header: Header) -> list[str]:
    """Return what is known about the observed shapes that responses were compared with, a line for each."""
    return [
        f"observed shapes {plain(one.source)}: {quantity(one.responses, 'response')} in "
        f"{quantity(one.scenarios, 'scenario')}{f', {one.first} to {one.last}' if one.first else ''}"
        for one in header.observed
    ]


def golden_line(golden: GoldenCounts) -> str:
    """Return how many golden cassettes there are, by where they were recorded."""
    numbers = [f"{golden.reference} reference", f"{golden.live} live"]
    further = {"other": golden.other, "imported": golden.imported, "broken": golden.broken}
    numbers += [f"{number} {name}" for name, number in further.items() if number]
    line = f"golden: {quantity(golden.interactions, 'interaction')}, {', '.join(numbers)}"
    if golden.shape_only:
        line += "; only status and shape are compared with those of the reference server, values with others"
    return line
