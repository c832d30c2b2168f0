"""Which features a server seems to do without: no response shows one, and requests without it are served."""

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
        shown: ids of the features that its request needs and its response shows. A response that says nothing
            about a feature neither lacks nor shows it.
        served: whether the response to its request was a success.
    """

    operation: str
    outcome: CaseOutcome
    lacks: frozenset[str]
    shown: frozenset[str] = frozenset()
    served: bool = False


class FeatureSource(NamedTuple):
    """How features are recognised.

    Attributes:
        titles: of the features, by id.
        needs: ids of the features that the request of a case needs, by the id of the case; only cases that
            expect to be served.
        shows: returns whether a response shows a feature, by its id; `None` if it says nothing about it.
        requirements: ids of the requirements that are about a feature, by the id of the feature.
    """

    titles: Mapping[str, str]
    needs: Mapping[str, frozenset[str]]
    shows: Callable[[str, Exchange], bool | None]
    requirements: Mapping[str, frozenset[str]]

    def evidence(self, case: str, exchange: Exchange) -> tuple[frozenset[str], frozenset[str]]:
        """Return the features that a case needs: those that the response lacks, and those that it shows."""
        shown = {name: self.shows(name, exchange) for name in self.needs.get(case, ())}
        return (
            frozenset(name for name, found in shown.items() if found is False),
            frozenset(name for name, found in shown.items() if found),
        )


NO_FEATURES = FeatureSource({}, {}, lambda _, __: None, {})
"""For reports of traffic, in which no case says what it needs."""


def missing_features(cases: Mapping[str, CaseEvidence], source: FeatureSource) -> tuple[MissingFeature, ...]:
    """Return the features that are missing as a whole, that which most cases need first.

    No response shows it, most cases with a response that lacks it fail, and most other valid requests of the
    same operations are served, whatever else is wrong with the responses. A feature is left out if each of
    its cases also needs one that is listed already.

    Args:
        cases: that were tried, by id.
        source: how features are recognised.
    """
    found: list[tuple[int, int, str, frozenset[str]]] = []
    shown = frozenset[str]().union(*(one.shown for one in cases.values()))
    for feature in source.titles:
        needing = _without(feature, cases, source)
        failed = sum(cases[case].outcome == "failed" for case in needing)
        absent = feature not in shown and failed > len(needing) / 2
        if failed >= _FEWEST and absent and _others_are_served(cases, needing, source):
            # Of two that the same cases need, the one that fewer other cases need says more.
            everywhere = sum(feature in needs for needs in source.needs.values())
            found.append((-len(needing), everywhere, feature, needing))
    covered: set[str] = set()
    made = []
    for _, _, feature, needing in sorted(found):
        if not needing <= covered:
            made.append(_missing(feature, needing, cases, source))
        covered |= needing
    return tuple(made)


def _without(feature: str, cases: Mapping[str, CaseEvidence], source: FeatureSource) -> frozenset[str]:
    """Return the ids of the cases with a response that lacks a feature.

    A refusal may be about anything else that the request has: it says nothing where other requests for the
    feature are served, with responses that are too wrong to show it.
    """
    lacking = {case: one for case, one in cases.items() if feature in one.lacks}
    is_served = any(
        one.served and feature in source.needs.get(case, ()) and case not in lacking
        for case, one in cases.items()
    )
    return frozenset(case for case, one in lacking.items() if one.served or not is_served)


def cases_of_missing(missing: Iterable[MissingFeature], source: FeatureSource) -> dict[str, frozenset[str]]:
    """Return the ids of the cases that need each missing feature, by its id.

    Args:
        missing: features that the target seems to do without.
        source: how features are recognised.
    """
    return {
        one.feature: frozenset(case for case, needs in source.needs.items() if one.feature in needs)
        for one in missing
    }


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


def _others_are_served(
    cases: Mapping[str, CaseEvidence], needing: Collection[str], source: FeatureSource
) -> bool:
    """Return whether most other requests of the same operations that should be served are."""
    operations = {cases[case].operation for case in needing}
    others = [
        one.served
        for case, one in cases.items()
        if one.operation in operations and case in source.needs and case not in needing
    ]
    return 2 * sum(others) > len(others)
