"""Which findings come together: in the same exchanges, and in the same cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from cohere_conformance.report.entry import RowKey


class Together:
    """Stores, of each finding, the findings that every exchange with it had, and the cases that show it.

    Merging is associative and commutative. What is stored is bounded by the distinct findings, the findings
    of one exchange, and the cases of a run.
    """

    def __init__(self) -> None:
        self._companions: dict[RowKey, frozenset[RowKey]] = {}
        self._by_case: dict[str, set[RowKey]] = {}

    def add(self, found: Collection[RowKey], case: str = "") -> None:
        """Add the findings of one exchange.

        Args:
            found: the findings.
            case: id of the case that sent it, if its exchanges are about one thing.
        """
        if case:
            self._by_case.setdefault(case, set()).update(found)
        every = frozenset(found)
        for key in found:
            known = self._companions.setdefault(key, every)
            if not known <= every:
                self._companions[key] = known & every

    def merge(self, other: Together) -> None:
        """Add everything that `other` stores; `other` is not changed."""
        for key, companions in other._companions.items():
            self._companions[key] = self._companions.get(key, companions) & companions
        for case, found in other._by_case.items():
            self._by_case.setdefault(case, set()).update(found)

    def cases(self) -> dict[RowKey, frozenset[str]]:
        """Return the cases that show each finding."""
        shown: dict[RowKey, set[str]] = {}
        for case, found in self._by_case.items():
            for key in found:
                shown.setdefault(key, set()).add(case)
        return {key: frozenset(cases) for key, cases in shown.items()}

    def companions(self) -> dict[RowKey, frozenset[RowKey]]:
        """Return the findings that are in all exchanges, or in all cases, with each finding."""
        in_cases: dict[RowKey, set[RowKey]] = {}
        for found in self._by_case.values():
            for key in found:
                in_cases[key] = in_cases[key] & found if key in in_cases else set(found)
        return {
            key: (companions | in_cases.get(key, set())) - {key}
            for key, companions in self._companions.items()
        }
