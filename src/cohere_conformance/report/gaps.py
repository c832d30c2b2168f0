"""What a report has to say about what could not be judged: requirements, and whole exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Kind, Severity
from cohere_conformance.report.coverage import Inconclusive, UntestableCoverage
from cohere_conformance.report.example import LONGEST_PATH, Order, clean, order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cohere_conformance.model import Exchange, Finding, Untestable


class _Untested(msgspec.Struct):
    """What is kept of a requirement that some exchanges could not show."""

    reason: str = ""
    exchanges: int = 0
    unexplained: int = 0

    def note(self, reason: str, exchanges: int, unexplained: int) -> None:
        """Count exchanges; of their reasons the first in alphabetical order is kept."""
        self.reason = min(self.reason or reason, reason)
        self.exchanges += exchanges
        self.unexplained += unexplained


class _Excused(msgspec.Struct):
    """What is kept of answers that say nothing about the API."""

    order: Order
    file: str
    position: str
    exchanges: int = 1

    def absorb(self, other: _Excused) -> None:
        """Count other exchanges; the first one by file and position is kept."""
        if other.order < self.order:
            self.order, self.file, self.position = other.order, other.file, other.position
        self.exchanges += other.exchanges


class Gaps:
    """Counts what could not be judged; merging is associative and commutative, as that of a tally."""

    def __init__(self) -> None:
        self._untestable: dict[tuple[str, str], _Untested] = {}
        self._excused: dict[tuple[str, int, str], _Excused] = {}

    @property
    def unexplained(self) -> int:
        """Return how many requirements were not testable for no reason that a finding gives."""
        return sum(1 for one in self._untestable.values() if one.unexplained)

    @property
    def inconclusive(self) -> int:
        """Return how many exchanges say nothing about the API."""
        return sum(one.exchanges for one in self._excused.values())

    def add_untestable(self, untestable: Sequence[Untestable], findings: Iterable[Finding]) -> None:
        """Count requirements that one exchange could not show.

        Args:
            untestable: the requirements.
            findings: about the exchange.
        """
        if not untestable:
            return
        explained = any(map(_explains, findings))
        for one in untestable:
            known = self._untestable.setdefault((one.operation, one.requirement), _Untested())
            known.note(clean(one.reason), 1, 0 if explained else 1)

    def add_inconclusive(self, exchange: Exchange, operation: str, reason: str) -> None:
        """Count an exchange whose answer says nothing about the API."""
        source, key = exchange.source, (operation, exchange.response.status, reason)
        found = _Excused(order(exchange), clean(source.file, LONGEST_PATH), clean(source.position))
        if (known := self._excused.get(key)) is not None:
            known.absorb(found)
        else:
            self._excused[key] = found

    def merge(self, other: Gaps) -> None:
        """Take over everything that `other` has counted; `other` is not changed."""
        for one, untested in other._untestable.items():
            known = self._untestable.setdefault(one, _Untested())
            known.note(untested.reason, untested.exchanges, untested.unexplained)
        for key, excused in other._excused.items():
            if key in self._excused:
                self._excused[key].absorb(excused)
            else:
                self._excused[key] = msgspec.structs.replace(excused)

    def untestable(self) -> tuple[UntestableCoverage, ...]:
        """Return the requirements that could not be shown, in order."""
        return tuple(
            UntestableCoverage(
                operation=clean(operation),
                requirement=requirement,
                exchanges=one.exchanges,
                unexplained=one.unexplained,
                reason=one.reason,
            )
            for (operation, requirement), one in sorted(self._untestable.items())
        )

    def excused(self) -> tuple[Inconclusive, ...]:
        """Return the answers that say nothing about the API, in order."""
        return tuple(
            Inconclusive(
                operation=clean(operation),
                status=status,
                reason=clean(reason),
                exchanges=one.exchanges,
                file=one.file,
                position=one.position,
            )
            for (operation, status, reason), one in sorted(self._excused.items())
        )


def _explains(finding: Finding) -> bool:
    """Tell whether a finding says why a requirement cannot be checked on its exchange."""
    broken = finding.severity is Severity.BREAKING and finding.kind is not Kind.REQUIREMENT_VIOLATED
    return finding.amendment is None and (broken or finding.kind is Kind.REQUEST_INVALID)
