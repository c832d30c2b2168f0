"""From what was found to one exit code and one line of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Totals

CONFORMS = 0
DEVIATES = 1
INTERRUPTED = 2
UNREADABLE = 3
NOTHING_JUDGED = 5

RANK: dict[Severity, int] = {Severity.BREAKING: 0, Severity.ADDITIVE: 1, Severity.NOTICE: 2}
"""Worst first."""


class Outcome(Protocol):
    """What an exit code depends on; a report and a tally both have it."""

    @property
    def exchanges_judged(self) -> int:
        """Return how many exchanges were judged."""

    @property
    def inputs_unreadable(self) -> int:
        """Return how many inputs could not be read."""

    @property
    def open_severities(self) -> frozenset[Severity]:
        """Return the severities of the findings that no amendment explains."""


def exit_code(outcome: Outcome, fail_on: Severity = Severity.ADDITIVE) -> int:
    """Return what the command returns: 3, 5, 1 or 0, whichever holds first in this order.

    An unreadable input outranks a finding: a judgement of half the evidence is not a judgement.
    """
    if outcome.inputs_unreadable:
        return UNREADABLE
    if not outcome.exchanges_judged:
        return NOTHING_JUDGED
    if any(RANK[severity] <= RANK[fail_on] for severity in outcome.open_severities):
        return DEVIATES
    return CONFORMS


def quantity(number: int, noun: str) -> str:
    """Return `1 exchange`, `2 exchanges`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def words(totals: Totals, code: int, fail_on: Severity, inputs: int) -> str:
    """Return the verdict in one line, the word that matters first."""
    scope = f"{quantity(totals.exchanges, 'exchange')} of {quantity(totals.operations, 'operation')}"
    if code == CONFORMS:
        below = _found(totals, Severity.NOTICE)
        return f"CONFORMS: {scope}" + (f"; below --fail-on {fail_on}: {below}" if below else "")
    least = max(Severity.ADDITIVE, fail_on, key=RANK.__getitem__)
    found = _found(totals, least) or "no breaking or additive findings"
    if code == DEVIATES:
        return f"DEVIATES: {found} in {scope}"
    if code == UNREADABLE:
        return f"INCOMPLETE: {quantity(totals.unreadable, 'input')} unreadable; so far {found} in {scope}"
    if code == NOTHING_JUDGED:
        others = [
            quantity(totals.foreign, "foreign exchange") if totals.foreign else "",
            quantity(totals.unrouted, "exchange") + " of unknown routes" if totals.unrouted else "",
            quantity(totals.skipped, "skipped file") if totals.skipped else "",
        ]
        rest = ", ".join(other for other in others if other) or "no exchange at all"
        return f"NOTHING JUDGED: no exchange of a declared operation in {quantity(inputs, 'input')} ({rest})"
    if code == INTERRUPTED:
        return f"INTERRUPTED: so far {found} in {scope}"
    return f"NO VERDICT (exit code {code}): so far {found} in {scope}"


def _found(totals: Totals, least: Severity) -> str:
    """Return `3 breaking, 2 additive findings`, or nothing where there is none down to `least`."""
    numbers = {
        "breaking": totals.breaking,
        "additive": totals.additive,
        "notice": totals.notice if least is Severity.NOTICE else 0,
        "client-side": totals.client if least is Severity.NOTICE else 0,
    }
    parts = [f"{number} {name}" for name, number in numbers.items() if number]
    if not parts:
        return ""
    return ", ".join(parts) + (" finding" if sum(numbers.values()) == 1 else " findings")
