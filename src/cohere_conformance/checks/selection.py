"""The findings that are kept of one exchange: the distinct ones, and of very many the most severe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Finding, Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 50
"""Distinct findings that are kept of one exchange."""
_ENOUGH = 50_000
"""So many findings of one exchange, one of them breaking, settle its verdict: no others are looked for."""
_COUNTED = 100_000
"""Distinct findings that are told apart where they are only counted."""
_ORDER = (Severity.BREAKING, Severity.ADDITIVE, Severity.NOTICE)


class Selection:
    """Collects findings of one exchange in memory that does not grow with their number."""

    def __init__(self) -> None:
        self._kept: dict[Severity, dict[tuple[object, ...], Finding]] = {one: {} for one in _ORDER}
        self._others: set[int] = set()
        self._omitted = 0
        self._seen = 0

    def take(self, findings: Iterable[Finding]) -> None:
        """Take in findings, until there is no need for more."""
        for finding in findings:
            self._seen += 1
            self._add(finding)
            if self._seen >= _ENOUGH and self.is_breaking:
                self._omitted += 1  # at least: nobody has looked
                return

    @property
    def is_breaking(self) -> bool:
        """Whether the response is wrong by its schema."""
        return bool(self._kept[Severity.BREAKING])

    def _add(self, finding: Finding) -> None:
        self._omitted += finding.omitted
        # What tells findings of one exchange apart, cheaper than their fingerprints.
        key = (finding.kind, finding.requirement, finding.location, finding.value_class)
        kept = self._kept[finding.severity]
        if key in kept or len(kept) < MOST:
            kept[key] = finding
        elif len(self._others) < _COUNTED:
            self._others.add(hash((finding.severity, *key)))

    def findings(self) -> list[Finding]:
        """Return what is kept; the first one says how many there are beside."""
        every = [finding for severity in _ORDER for finding in self._kept[severity].values()]
        kept = every[:MOST]
        omitted = self._omitted + len(self._others) + len(every) - len(kept)
        if not omitted:
            return [msgspec.structs.replace(one, omitted=0) if one.omitted else one for one in kept]
        # Not what may be left out again, because it is about what we have sent ourselves.
        first = next((index for index, one in enumerate(kept) if one.kind is not Kind.REQUEST_INVALID), 0)
        return [
            msgspec.structs.replace(one, omitted=omitted if index == first else 0)
            for index, one in enumerate(kept)
        ]
