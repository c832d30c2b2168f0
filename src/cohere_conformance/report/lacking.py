"""Which features a server seems to do without: no response shows one, and cases that need no such pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.report.coverage import MissingFeature
from cohere_conformance.report.feature_cases import FeatureCases

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from cohere_conformance.model import Exchange
    from cohere_conformance.report.coverage import CaseOutcome

_FEWEST = 2
"""Cases from which on nobody takes a mistake in one for a missing feature."""


class CaseEvidence(NamedTuple):
    """What one case shows of features.

    Attributes:
        operation: label of its operation.
        outcome: of the case.
        lacks: ids of the features that its request needs and its response does not show.
    """

    operation: str
    outcome: CaseOutcome
    lacks: frozenset[str]


class FeatureSource(NamedTuple):
    """How features are recognised.

    Attributes:
        titles: of the features, by id.
        needs: ids of the features that the request of a case needs, by the id of the case; only cases that
            expect to be served.
        shows: returns whether a response shows a feature, by its id.
    """

    titles: Mapping[str, str]
    needs: Mapping[str, frozenset[str]]
    shows: Callable[[str, Exchange], bool]

    def lacks(self, case: str, exchange: Exchange) -> frozenset[str]:
        """Return the features that a case needs and the response to it does not show."""
        return frozenset(name for name in self.needs.get(case, ()) if not self.shows(name, exchange))


NO_FEATURES = FeatureSource({}, {}, lambda _, __: True)
"""For reports of traffic, in which no case says what it needs."""


def missing_features(cases: Mapping[str, CaseEvidence], source: FeatureSource) -> tuple[MissingFeature, ...]:
    """Return the features that are missing as a whole, that which most cases need first.

    No response to the cases that need it shows it, most of these cases fail, and of the other cases of the
    same operations more pass than fail. A feature is left out if each of its cases also needs one that is
    listed already.

    Args:
        cases: that were tried, by id.
        source: how features are recognised.
    """
    found: list[tuple[int, str, frozenset[str]]] = []
    for feature in source.titles:
        needing = frozenset(case for case in cases if feature in source.needs.get(case, ()))
        failed = sum(cases[case].outcome == "failed" for case in needing)
        absent = all(feature in cases[case].lacks for case in needing) and failed > len(needing) / 2
        if failed >= _FEWEST and absent and _others_pass(cases, needing):
            found.append((-len(needing), feature, needing))
    covered: set[str] = set()
    made = []
    for _, feature, needing in sorted(found):
        if not needing <= covered:
            made.append(_missing(feature, needing, cases, source))
        covered |= needing
    return tuple(made)


def feature_cases(cases: Mapping[str, CaseEvidence], source: FeatureSource) -> tuple[FeatureCases, ...]:
    """Return how the cases ended that need each feature; features that no case needs are left out.

    Args:
        cases: of the run, by id, also those that were skipped.
        source: how features are recognised.
    """
    found = []
    for feature, title in source.titles.items():
        needing = [one for case, one in cases.items() if feature in source.needs.get(case, ())]
        ended = Counter(one.outcome for one in needing)
        if needing:
            found.append(
                FeatureCases(
                    feature=feature,
                    title=title,
                    passed=ended["passed"],
                    failed=ended["failed"],
                    lacking=sum(one.outcome == "failed" and feature in one.lacks for one in needing),
                    inconclusive=ended["inconclusive"] + ended["error"],
                    skipped=ended["skipped"],
                )
            )
    return tuple(found)


def _missing(
    feature: str, needing: Collection[str], cases: Mapping[str, CaseEvidence], source: FeatureSource
) -> MissingFeature:
    operations = tuple(sorted({cases[case].operation for case in needing}))
    return MissingFeature(
        feature=feature, title=source.titles[feature], cases=len(needing), operations=operations
    )


def _others_pass(cases: Mapping[str, CaseEvidence], needing: Collection[str]) -> bool:
    """Return whether of the other cases of the same operations more pass than fail."""
    operations = {cases[case].operation for case in needing}
    others: Iterable[CaseEvidence] = (
        one for case, one in cases.items() if one.operation in operations and case not in needing
    )
    outcomes = [one.outcome for one in others]
    return outcomes.count("passed") > outcomes.count("failed")
