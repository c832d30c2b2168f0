"""The exit code and the verdict of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cohere_conformance.model import BodyState, Severity

if TYPE_CHECKING:
    from cohere_conformance.report.coverage import CaseCoverage
    from cohere_conformance.report.shape import Report, Totals

CONFORMS = 0
DEVIATES = 1
INTERRUPTED = 2
INCOMPLETE = 3
WRONG_CALL = 4
NOTHING_JUDGED = 5

RANK: dict[Severity, int] = {Severity.BREAKING: 0, Severity.ADDITIVE: 1, Severity.NOTICE: 2}
"""Worst first."""


class VerdictInputs(Protocol):
    """What an exit code depends on; a report has it, too."""

    @property
    def exchanges_judged(self) -> int:
        """Return how many exchanges were judged."""

    @property
    def bodies_unjudged(self) -> int:
        """Return how many of them were judged without their response body."""

    @property
    def exchanges_unrouted(self) -> int:
        """Return how many exchanges with the judged API no operation matches."""

    @property
    def inputs_unreadable(self) -> int:
        """Return how many inputs could not be read."""

    @property
    def open_severities(self) -> frozenset[Severity]:
        """Return the severities of the findings that are not known spec defects."""

    @property
    def untestable_unexplained(self) -> int:
        """Return how many requirements were not testable for no reason that a finding gives."""

    @property
    def inconclusive(self) -> int:
        """Return how many recorded exchanges say nothing about the API."""

    @property
    def baseline_errors(self) -> int:
        """Return how many entries of the baseline are expired or match nothing."""

    @property
    def cases(self) -> CaseCoverage | None:
        """Return how the cases of a run ended; `None` where traffic was read and nothing was sent."""


@dataclass(frozen=True)
class VerdictValues:
    """What an exit code depends on, as plain values."""

    exchanges_judged: int
    bodies_unjudged: int
    inputs_unreadable: int
    open_severities: frozenset[Severity]
    cases: CaseCoverage | None = None
    exchanges_unrouted: int = 0
    untestable_unexplained: int = 0
    inconclusive: int = 0
    baseline_errors: int = 0


def exit_code(outcome: VerdictInputs, fail_on: Severity = Severity.ADDITIVE) -> int:
    """Return what the command returns.

    Of recorded traffic: 3, 5, 1 or 0, whichever holds first in this order. An unreadable input outranks a
    finding: a judgement of half the evidence is not a judgement. A requirement that was not testable although
    no finding says why makes a 0 a 3, and so does a response that says nothing about the API. Where no body
    was recorded at all, what is left of the exchanges can show a deviation, but not that there is none: 5
    instead of 0.

    Of a run: 2 where it was stopped or has not ended; 3 where a worker was killed or the harness failed; then
    1, because other cases cannot take a finding back; 5 where nothing was sent; 3 where cases
    did not run or showed nothing; 5 and 0. Without a single exchange there is no 0.
    """
    found = any(RANK[severity] <= RANK[fail_on] for severity in outcome.open_severities)
    # An entry that is out of date is mended as a finding is, and must not wait until somebody looks.
    found |= outcome.baseline_errors > 0
    if outcome.cases is not None:
        exchanges = outcome.exchanges_judged + outcome.exchanges_unrouted
        return _run_code(
            outcome.cases,
            found,
            unreadable=outcome.inputs_unreadable,
            exchanges=exchanges,
            untested=outcome.untestable_unexplained,
        )
    if outcome.inputs_unreadable:
        return INCOMPLETE
    if not outcome.exchanges_judged:
        return NOTHING_JUDGED
    if found:
        return DEVIATES
    if outcome.untestable_unexplained or outcome.inconclusive:
        return INCOMPLETE
    return NOTHING_JUDGED if outcome.bodies_unjudged == outcome.exchanges_judged else CONFORMS


def _run_code(cases: CaseCoverage, found: bool, *, unreadable: int, exchanges: int, untested: int) -> int:
    """Return the code of a run; the order of the table is the order of precedence."""
    table = (
        (INTERRUPTED, cases.interrupted),
        (INCOMPLETE, bool(cases.unclosed or unreadable or cases.failures)),
        (DEVIATES, found or cases.failed_bare > 0 or bool(cases.deviations)),
        (NOTHING_JUDGED, exchanges + cases.inconclusive + cases.error == 0),
        (INCOMPLETE, cases.not_run + cases.inconclusive + cases.error + untested > 0),
        (NOTHING_JUDGED, cases.run == 0),
    )
    return next((code for code, holds in table if holds), CONFORMS)


def process_code(report: Report | None, status: int) -> int:
    """Return the exit code of a process that ran the suites.

    Args:
        report: what the run found; `None` where it has left no report.
        status: what pytest returned.
    """
    if report is not None:
        return report.footer.exit_code
    # Without a report nothing is shown: what pytest calls a success, or a test that failed, is no verdict.
    return {0: NOTHING_JUDGED, 2: INTERRUPTED, 4: WRONG_CALL, 5: NOTHING_JUDGED}.get(status, INCOMPLETE)


def quantity(number: int, noun: str) -> str:
    """Return `1 exchange`, `2 exchanges`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def words(
    totals: Totals, code: int, fail_on: Severity, inputs: int, cases: CaseCoverage | None = None
) -> str:
    """Return the verdict in one line, the word that matters first."""
    scope = f"{quantity(totals.exchanges, 'exchange')} of {quantity(totals.operations, 'operation')}"
    if cases is not None:
        scope = f"{quantity(cases.run, 'case')}, {scope}"
    if code == CONFORMS:
        below = _found(totals, Severity.NOTICE)
        below = f"; below --fail-on {fail_on}: {below}" if below else ""
        below += f"; accepted: {quantity(totals.accepted, 'finding')}" if totals.accepted else ""
        return f"CONFORMS: {scope}{_without_body(totals)}{below}"
    least = max(Severity.ADDITIVE, fail_on, key=RANK.__getitem__)
    found = _found(totals, least)
    if totals.baseline_problems:
        entries = _entries(totals.baseline_problems)
        found = f"{found}, {entries}" if found else entries
    if cases is not None and cases.failed_bare:
        bare = f"{quantity(cases.failed_bare, 'failed case')} without a finding"
        found = f"{found} and {bare}" if found else bare
    if cases is not None and cases.deviations:
        found = "; ".join(filter(None, (found, *cases.deviations)))
    open_ends = _open_ends(totals, cases) if cases is not None else ""
    if code == DEVIATES:
        return f"DEVIATES: {found} in {scope}{_without_body(totals)}" + (
            f"; {open_ends}" if open_ends else ""
        )
    found = found or "no breaking or additive findings"
    if code == INCOMPLETE:
        lack = open_ends or _lack(totals)
        return f"INCOMPLETE: {lack}; so far {found} in {scope}"
    if code == NOTHING_JUDGED and cases is not None:
        rest = f", {quantity(cases.not_run, 'planned case')} not run" if cases.not_run else ""
        return f"NOTHING RUN: no case was sent ({cases.skipped} skipped{rest})"
    if code == NOTHING_JUDGED and totals.exchanges:
        return f"NOTHING JUDGED: no response body in {scope}{_without_body(totals)}"
    if code == NOTHING_JUDGED:
        others = [
            quantity(totals.other_hosts, "exchange") + " with other hosts" if totals.other_hosts else "",
            quantity(totals.unrouted, "exchange") + " of unknown routes" if totals.unrouted else "",
            quantity(totals.skipped, "skipped file") if totals.skipped else "",
        ]
        rest = ", ".join(other for other in others if other) or "no exchange at all"
        return f"NOTHING JUDGED: no exchange of a declared operation in {quantity(inputs, 'input')} ({rest})"
    if code == INTERRUPTED and cases is not None and cases.stopped:
        lack = f"{cases.stopped}, {open_ends}" if open_ends else cases.stopped
        return f"INCOMPLETE: {lack}; so far {found} in {scope}"
    if code == INTERRUPTED:
        return f"INTERRUPTED: so far {found} in {scope}" + (f"; {open_ends}" if open_ends else "")
    return f"NO VERDICT (exit code {code}): so far {found} in {scope}"


def _entries(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'} of the baseline to correct"


def unjudged(totals: Totals) -> list[tuple[BodyState, int]]:
    """Return how many exchanges were judged without their response body, by the reason."""
    numbers = ((BodyState.NOT_RECORDED, totals.unrecorded), (BodyState.NOT_DECODED, totals.undecoded))
    return [(state, number) for state, number in numbers if number]


def _without_body(totals: Totals) -> str:
    return "".join(f"; {state}: {number}" for state, number in unjudged(totals))


def _lack(totals: Totals) -> str:
    """Return what is missing for a verdict about recorded traffic."""
    parts = (
        (totals.unreadable, f"{quantity(totals.unreadable, 'input')} unreadable"),
        (totals.inconclusive, f"{quantity(totals.inconclusive, 'exchange')} inconclusive"),
    )
    found = ", ".join(text for number, text in parts if number)
    return found or f"{quantity(totals.untestable, 'requirement')} not testable"


def _open_ends(totals: Totals, cases: CaseCoverage) -> str:
    """Return what is missing for a verdict about a run: killed workers, cases without a result."""
    parts = (
        *((1, failure) for failure in cases.failures[:1]),
        (len(cases.failures) > 1, f"{len(cases.failures) - 1} more failed outside of any case"),
        (len(cases.unclosed), f"{quantity(len(cases.unclosed), 'worker')} did not end"),
        (totals.unreadable, f"{quantity(totals.unreadable, 'line')} of the journal unreadable"),
        (cases.not_run, f"{quantity(cases.not_run, 'planned case')} not run"),
        (cases.error, f"{quantity(cases.error, 'case')} could not be completed"),
        (cases.inconclusive, f"{quantity(cases.inconclusive, 'case')} inconclusive"),
    )
    return ", ".join(text for number, text in parts if number)


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
