"""Operations that send the request back: a stub, or a proxy with nothing behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.causes.group import Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.shape import Row

RULE = "echo"
"""The rule of the cause."""
ECHO = Key(RULE, ())
_ENOUGH = 3
"""Findings that are needed to say that an operation does nothing else."""
_COMPARED = 1000
"""Characters of a body that are compared."""
_EMPTY = frozenset({"", "{}", "null"})


def echoing_operations(sightings: Sequence[SeenFinding]) -> frozenset[str]:
    """Return the operations whose successes are their requests, as far as all findings of a run show it.

    Args:
        sightings: every finding.
    """
    repeated: dict[str, list[bool]] = {}
    for one in sightings:
        if one.served and (repeats := _repeats_request(one.row)) is not None:
            repeated.setdefault(one.row.operation, []).append(repeats)
    return frozenset(label for label, those in repeated.items() if all(those) and len(those) >= _ENOUGH)


def _repeats_request(row: Row) -> bool | None:
    """Return whether a response has the body of its request; `None` if there is nothing to repeat."""
    sent, received = (_body(text) for text in (row.example.request_text, row.example.response_text))
    if sent in _EMPTY:
        return None
    # Longer ones are cut in a report, each at its own length.
    return sent[:_COMPARED] == received[:_COMPARED]


def _body(text: str) -> str:
    return text.partition("\n\n")[2].strip()
