"""Compares a response with what earlier ones have shown: what has vanished, and what was never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.frame import Frame
from cohere_conformance.model import Kind, Severity
from cohere_conformance.observed.evidence import HEADERS
from cohere_conformance.observed.expected import FIRM, Pools, UnbrokenRow
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from cohere_conformance.model import Finding
    from cohere_conformance.observed.evidence import Evidence
    from cohere_conformance.observed.expected import Pool, Presence
    from cohere_conformance.observed.response import Sample


PRESENT = "present"
"""The class of values of what was never there, and is now."""


class ObservedShapes:
    """What is known about responses, ready to be compared with.

    Args:
        evidence: of real traffic.
        hints: whether every finding is only a notice, because the evidence is about another server.
    """

    def __init__(self, evidence: Evidence, *, hints: bool = False) -> None:
        self._pools = Pools(evidence)
        self._hints = hints

    def expected(self, sample: Sample) -> Iterator[Presence]:
        """Yield what a response should have, where it could have that."""
        pool = self._pools.of(sample.scenario)
        for presence in () if pool is None else pool.expected(sample.scenario):
            if sample.chances(presence.location) and _is_later(sample, presence):
                yield presence

    def findings(self, sample: Sample, reported: Collection[str] = ()) -> Iterator[Finding]:
        """Yield what has vanished from a response, and what is new in it.

        Args:
            sample: of the response.
            reported: locations at which something else was found.
        """
        frame = Frame(sample.scenario.operation, sample.scenario.status)
        walk = sample.walk
        for presence in self.expected(sample):
            here = presence.location
            if here not in reported and walk.there.get(here, 0) < sample.chances(here):
                yield self._vanished(frame, presence, dated=bool(sample.day))
        pool = self._pools.of(sample.scenario)
        for location in () if pool is None else sorted(walk.types):
            if pool is not None and location not in reported:
                yield from _new(frame, pool, sample, location)

    def knows(self, sample: Sample, finding: Finding) -> bool:
        """Return whether the evidence has what a finding of other shapes says was never seen.

        Args:
            sample: of the response.
            finding: about it.
        """
        pool = self._pools.of(sample.scenario)
        known = None if pool is None else pool.whole.locations.get(finding.location)
        if pool is None or known is None:
            return False
        if finding.kind is Kind.SHAPE_VANISHED:
            return not pool.never_lacked(finding.location)
        if finding.value_class == PRESENT:
            return bool(known.types)
        return finding.value_class in {*known.types, *known.values}

    def _vanished(self, frame: Frame, presence: Presence, *, dated: bool) -> Finding:
        row = presence.row
        since = f" since {row.broken}" if row.broken else ""
        # A response without a date may be older than the property; proxies remove header fields.
        firm = presence.firm and dated and not self._hints and not presence.location.startswith(HEADERS)
        return frame.finding(
            Kind.SHAPE_VANISHED,
            location=presence.location,
            expected=f"present, as in all {quantity(row.exchanges, 'earlier response')} "
            f"of {quantity(row.days, 'day')}{since}",
            observed="absent",
            severity=Severity.ADDITIVE if firm else Severity.NOTICE,
        )


def _is_later(sample: Sample, presence: Presence) -> bool:
    """Return whether a response is not older than those that had a property.

    What has not always been there says nothing about responses without a date.
    """
    row = presence.row
    return sample.day >= row.begun if sample.day else row.broken is None


def _new(frame: Frame, pool: Pool, sample: Sample, location: str) -> Iterator[Finding]:
    """Yield what was never seen at a location that was seen often."""
    known = pool.whole.locations.get(location)
    if known is None:
        return
    if (absent := pool.never(sample.scenario, location)) is not None:
        yield _finding(frame, location, f"absent, as in {_times(absent.exchanges)} to such requests", PRESENT)
        return
    types = sample.walk.types[location] - known.types.keys()
    values = sample.walk.values.get(location, set()) - known.values.keys() if known.values else set()
    if not types and not values:
        return
    times = sum(counts.present for counts in known.days.values())
    if not FIRM.reached(UnbrokenRow(times, len(known.days))):
        return
    for kind in sorted(types):
        expected = f"{' or '.join(sorted(known.types))}, as in {_times(times)}"
        yield _finding(frame, location, expected, kind, kind)
    for value in sorted(values):
        expected = f"one of {', '.join(sorted(known.values))}, as in {_times(times)}"
        yield _finding(frame, location, expected, value, value)


def _times(count: int) -> str:
    return f"all {quantity(count, 'earlier response')}"


def _finding(
    frame: Frame, location: str, expected: str, observed: str, value_class: str = PRESENT
) -> Finding:
    return frame.finding(
        Kind.SHAPE_NEW, location=location, expected=expected, observed=observed, value_class=value_class
    )
