"""Where earlier runs have seen what; a long history has far more findings than those that matter tonight."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, KeysView, Sequence

    from cohere_conformance.history.past import PastCause, PastRun


class Sightings:
    """The findings of earlier runs, by the runs that have shown each.

    Args:
        past: the runs, the oldest first.
        now: the findings of the new run.
    """

    def __init__(self, past: Sequence[PastRun], now: KeysView[str]) -> None:
        self._past = past
        self._covered = bool(past) and all(past[-1].covers(one) for one in past)
        # Bit n is run n. Of a long history this is known for what is seen tonight or was seen last.
        self._shown_by: dict[str, int] = {}
        wanted = now | past[-1].findings.keys() if past else now
        for at, one in enumerate(past):
            for name in one.findings.keys() & wanted:
                self._shown_by[name] = self._shown_by.get(name, 0) | 1 << at

    def shown_by(self, finding: str) -> int:
        """Return the runs that have shown a finding: bit n is set for run n."""
        if finding not in self._shown_by:
            runs = (1 << at for at, one in enumerate(self._past) if finding in one.findings)
            self._shown_by[finding] = sum(runs)
        return self._shown_by[finding]

    def last(self, finding: str) -> PastRun | None:
        """Return the last run that has shown a finding."""
        runs = self.shown_by(finding)
        return self._past[runs.bit_length() - 1] if runs else None

    def would_show(self, run: PastRun, findings: Collection[str]) -> bool:
        """Return whether a run would have shown all of some findings, as far as they were ever seen."""
        return all(
            run.would_show(seen_in.findings[one], seen_in)
            for one in findings
            if (seen_in := self.last(one)) is not None
        )

    def open_findings(self) -> Iterator[tuple[str, PastRun]]:
        """Yield findings with the last run that showed them, unless the last run of all shows them gone."""
        latest = self._past[-1] if self._past else None
        for one in self._past:
            if latest is not None and one is not latest and latest.covers(one):
                shown = (finding.operation for finding in one.findings.values())
                if latest.operations.issuperset(shown):
                    continue
            yield from ((name, one) for name in one.findings if self.last(name) is one)

    def was_gone(self, cause: PastCause, seen_in: PastRun) -> bool:
        """Return whether the last run of all shows a cause gone; false if that takes a closer look."""
        latest = self._past[-1]
        return (
            seen_in is not latest
            and self._covered
            and latest.operations.issuperset(cause.operations)
            and latest.findings.keys().isdisjoint(cause.findings)
        )
