"""Selects the findings of one exchange that are stored: distinct ones, and the most severe of very many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Finding, Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 50
"""Maximum number of distinct findings that are stored for one exchange."""
_ENOUGH = 50_000
"""Number of findings, one of them breaking, after which the search in one exchange ends."""
_COUNTED = 100_000
"""Maximum number of distinct findings that are counted."""
_ORDER = (Severity.BREAKING, Severity.ADDITIVE, Severity.NOTICE)


class Selection:
    """Collects findings of one exchange in bounded memory."""

    def __init__(self) -> None:
        self._kept: dict[Severity, dict[tuple[object, ...], Finding]] = {}
        self._others: set[int] = set()
        self._omitted = 0
        self._seen = 0

    def take(self, findings: Iterable[Finding]) -> None:
        """Add findings until the verdict is certain."""
        for finding in findings:
            self._seen += 1
            self._add(finding)
            if self._seen >= _ENOUGH and self.is_breaking:
                self._omitted += 1  # at least one more: the rest was not looked at
                return

    @property
    def is_breaking(self) -> bool:
        """Whether any finding is breaking."""
        return Severity.BREAKING in self._kept

    def _add(self, finding: Finding) -> None:
        self._omitted += finding.omitted
        # Distinguishes findings of one exchange, cheaper than their fingerprints.
        key = (finding.kind, finding.requirement, finding.location, finding.value_class)
        kept = self._kept.setdefault(finding.severity, {})
        if key in kept or len(kept) < MOST:
            kept[key] = finding
        elif len(self._others) < _COUNTED:
            self._others.add(hash((finding.severity, *key)))

    def findings(self) -> list[Finding]:
        """Return the stored findings; the first one has the number of omitted ones."""
        if not self._seen:
            return []
        every = [finding for severity in _ORDER for finding in self._kept.get(severity, {}).values()]
        kept = every[:MOST]
        omitted = self._omitted + len(self._others) + len(every) - len(kept)
        if not omitted:
            return [msgspec.structs.replace(one, omitted=0) if one.omitted else one for one in kept]
        # Not a finding about our own request, which may be dropped later.
        first = next((index for index, one in enumerate(kept) if one.kind is not Kind.REQUEST_INVALID), 0)
        return [
            msgspec.structs.replace(one, omitted=omitted if index == first else 0)
            for index, one in enumerate(kept)
        ]
