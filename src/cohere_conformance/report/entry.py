"""What a tally stores of one distinct finding, and how two sightings are merged."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Finding, Kind, Severity
from cohere_conformance.report.example import Quality, Rank, clean, order
from cohere_conformance.report.shape import Example, Row
from cohere_conformance.report.verdict import RANK

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange
    from cohere_conformance.report.sdk_effect import SdkEffect

Moment = tuple[datetime, str]
"""A time in UTC, with the text it was parsed from."""
RowKey = tuple[str, str | None, str]
"""Fingerprint, amendment and expectation.

A known spec defect must not hide the same finding where it is none, and an unexpected status is a finding
for each case: each expects it for a reason of its own.
"""

_FOR_ALL_ALIKE = frozenset({0, 401, 403, 404, 405, 429, 501, 502, 503, 504})
"""Statuses that do not depend on what a request contains: cases that receive them are one finding."""
MOST_CASES = 20
"""Ids of further cases that show a finding are not stored."""


class DistinctFinding(msgspec.Struct):
    """One distinct finding with its example."""

    finding: Finding
    example: Example
    order: Rank
    severity: Severity
    status: int
    count: int = 1
    first: Moment | None = None
    last: Moment | None = None
    cases: tuple[str, ...] = ()

    def is_better(self, quality: Quality, exchange: Exchange) -> bool:
        """Return whether its example is better than an exchange of this quality."""
        mine = self.order[:3]
        # The order is compared last, and hardly ever: making it takes the longest.
        return mine < quality or (mine == quality and self.order[3] < order(exchange))

    def precedence(self) -> tuple[object, ...]:
        """Return a total order, so that the chosen example does not depend on the order of exchanges."""
        shown, finding = self.example, self.finding
        words = (finding.expected, finding.observed, finding.status)
        texts = (shown.request, shown.curl or "", shown.request_text, shown.response_text)
        return (self.order, *texts, *words)

    def absorb(self, other: DistinctFinding) -> None:
        """Count another sighting of the same finding; keep the smaller example."""
        if other.order < self.order or (other.order == self.order and other.precedence() < self.precedence()):
            self.finding, self.example, self.order = other.finding, other.example, other.order
        self.note(other.severity, other.status, other.first, other.last, other.count)
        self.name(other.cases)

    def note(
        self, severity: Severity, status: int, first: Moment | None, last: Moment | None, count: int
    ) -> None:
        """Count sightings that do not change the example."""
        if RANK[severity] < RANK[self.severity]:
            self.severity = severity
        self.status = min(self.status, status)
        self.count += count
        if first is not None and (self.first is None or first < self.first):
            self.first = first
        if last is not None and (self.last is None or last > self.last):
            self.last = last

    def name(self, cases: tuple[str, ...]) -> None:
        """Add ids of cases; the smallest ones are stored, so that the order of exchanges does not matter."""
        if cases and not set(cases) <= set(self.cases):
            self.cases = tuple(sorted({*self.cases, *cases})[:MOST_CASES])

    def row(self, fingerprint: str, sdk_effects: tuple[SdkEffect, ...] = ()) -> Row:
        """Return the row of the report."""
        finding = self.finding
        return Row(
            fingerprint=fingerprint,
            kind=finding.kind,
            severity=self.severity,
            operation=clean(finding.operation),
            status=self.status,
            location=clean(finding.location),
            expected=clean(finding.expected),
            observed=clean(finding.observed),
            requirement=finding.requirement,
            amendment=finding.amendment,
            count=self.count,
            example=self.example,
            first_seen=self.first[1] if self.first else None,
            last_seen=self.last[1] if self.last else None,
            cases=tuple(map(clean, self.cases)),
            omitted=finding.omitted,
            correction=finding.correction,
            sdk_effects=sdk_effects,
        )


def key_of(finding: Finding, case: str = "") -> RowKey:
    """Return what identifies a row of a report.

    Args:
        finding: of one exchange.
        case: id of the case that sent it.
    """
    return finding.fingerprint, finding.amendment, _expectation(finding, case)


def _expectation(finding: Finding, case: str) -> str:
    """Return what distinguishes statuses that are unexpected for different reasons: each case has its own."""
    if finding.kind is not Kind.STATUS_UNEXPECTED:
        return ""
    return finding.expected if finding.status in _FOR_ALL_ALIKE else f"{finding.expected}\x1f{case}"


def fingerprint(key: RowKey) -> str:
    """Return the identity of a row: that of its finding, and of what its case expected."""
    if not key[2]:
        return key[0]
    return hashlib.sha256(f"{key[0]}\x1f{key[2]}".encode()).hexdigest()[: len(key[0])]


def moment_of(recorded_at: str | None) -> Moment | None:
    """Return a time in UTC, with the text it was parsed from."""
    if not recorded_at:
        return None
    try:
        moment = datetime.fromisoformat(recorded_at)
        # A time without an offset is taken as UTC: recorders that omit it mean it.
        return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC), clean(recorded_at))
    except (ValueError, OverflowError):
        return None
