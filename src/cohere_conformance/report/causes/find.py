"""Finds the causes of findings: groups them by what they have in common, and lets causes explain others."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.report.causes.blame import Circumstances, blame_of
from cohere_conformance.report.causes.explained import explained
from cohere_conformance.report.causes.group import CauseGroup
from cohere_conformance.report.causes.importance import earliness, first_example, says_most
from cohere_conformance.report.causes.joining import joined, joined_versions
from cohere_conformance.report.causes.keys import Facts, key_of
from cohere_conformance.report.causes.traits import joined_crashes
from cohere_conformance.report.causes.unseen import hidden_by
from cohere_conformance.report.causes.words import words
from cohere_conformance.report.shape import Cause
from cohere_conformance.report.verdict import RANK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from cohere_conformance.model import Severity
    from cohere_conformance.report.causes.group import Key
    from cohere_conformance.report.causes.seen import Background, SeenFinding
    from cohere_conformance.report.coverage import Coverage
    from cohere_conformance.report.header import Header
    from cohere_conformance.report.sdk_effect import SdkEffect

    CauseEffects = Callable[[Collection[str]], tuple[SdkEffect, ...]]

_ABOUT_VALUES = frozenset({"declaration", "requirement"})
"""Rules of causes that are about single values."""
_MOST_CASES = 20
_BY_RANK = {rank: severity for severity, rank in RANK.items()}


def find_causes(
    sightings: Iterable[SeenFinding],
    coverage: Coverage,
    background: Background,
    header: Header,
    effects: CauseEffects = lambda _: (),
) -> tuple[Cause, ...]:
    """Return the causes of findings, the most important one first; each finding is a member of one of them.

    Args:
        sightings: the findings, in any order.
        coverage: of the run.
        background: what explains findings besides themselves.
        header: of the report; its `fail_on` is the least severity that fails a case.
        effects: gives the effects on official SDKs of findings, by their fingerprints.
    """
    circumstances = Circumstances(header, coverage, background.corrections)
    ordered = sorted(sightings, key=lambda one: one.row.fingerprint)
    facts = Facts(ordered, coverage, background)
    grouped: dict[Key, CauseGroup] = {}
    for one in ordered:
        key = key_of(one, facts)
        grouped.setdefault(key, CauseGroup(key)).members.append(one)
    groups = joined_versions(explained(joined_crashes(joined(list(grouped.values()), facts)), facts))
    failing = _failing(ordered, header.fail_on)
    shares = _shares(groups, failing)
    made = [
        _cause(group, share, failing, background, circumstances, effects)
        for group, share in zip(groups, shares, strict=True)
    ]
    unsure = _unsure(groups, facts)
    titles = Counter(cause.title for _, cause in made)
    made = [(order, _distinct(cause) if titles[cause.title] > 1 else cause) for order, cause in made]
    ranked = [((order[0], number in unsure, *order[1:]), cause) for number, (order, cause) in enumerate(made)]
    return tuple(cause for _, cause in sorted(ranked, key=lambda one: one[0]))


def _distinct(cause: Cause) -> Cause:
    """Return a cause with its first operation in the title, because another one has the same title."""
    where = cause.operations[0]
    return cause if where in cause.title else replace(cause, title=f"{cause.title} ({where})")


def _unsure(groups: Sequence[CauseGroup], facts: Facts) -> set[int]:
    """Return the places of groups of what only cases expect, where something else is wrong in the API group.

    They may follow from it.
    """
    apis = [{facts.group(label) for label in group.operations} for group in groups]
    expected = {number for number, group in enumerate(groups) if group.key.rule == "expectation"}
    wrong = set().union(*(one for number, one in enumerate(apis) if number not in expected))
    return {number for number in expected if apis[number] <= wrong}


def _failing(sightings: Iterable[SeenFinding], fail_on: Severity) -> dict[str, set[str]]:
    """Return the findings that fail each case, by fingerprint."""
    failing: dict[str, set[str]] = {}
    for one in sightings:
        if RANK[one.row.severity] <= RANK[fail_on]:
            for case in one.cases:
                failing.setdefault(case, set()).add(one.row.fingerprint)
    return failing


def _shares(groups: Sequence[CauseGroup], failing: Mapping[str, set[str]]) -> list[float]:
    """Return how many cases each group fails; a case that several groups fail counts for each in part.

    What else a response shows that should have been refused for its key follows from that, so such a case
    counts for the key only.
    """
    blamed: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        fingerprints = {one.row.fingerprint for one in group.every}
        for case in {case for one in group.every for case in one.cases}:
            if failing.get(case, set()) & fingerprints:
                blamed.setdefault(case, []).append(number)
    shares = [0.0] * len(groups)
    for numbers in blamed.values():
        about_key = [number for number in numbers if groups[number].key.rule == "key"]
        for number in about_key or numbers:
            shares[number] += 1 / len(about_key or numbers)
    return [round(share, 6) for share in shares]


def _cause(
    group: CauseGroup,
    share: float,
    failing: Mapping[str, set[str]],
    background: Background,
    circumstances: Circumstances,
    effects: CauseEffects,
) -> tuple[tuple[object, ...], Cause]:
    """Return a cause, after what orders it."""
    members = [*sorted(group.members, key=says_most), *sorted(group.followers, key=says_most)]
    fingerprints = {one.row.fingerprint for one in members}
    shown = {case for one in members for case in one.cases}
    green = {case for case in shown if case in failing and failing[case] <= fingerprints}
    title, change = words(group, members, background)
    if group.key.rule in _ABOUT_VALUES:
        change += hidden_by(members, circumstances.coverage)
    early = min(map(earliness, members))
    judged = blame_of([one.row for one in members], circumstances)
    cause = Cause(
        id=_id(group.key),
        rule=group.key.rule,
        title=title,
        severity=_BY_RANK[group.severity],
        change=change,
        operations=tuple(_operations(members)),
        findings=tuple(one.row.fingerprint for one in members),
        cases=len(green),
        case_ids=tuple(sorted(shown, key=lambda case: (case not in green, case))[:_MOST_CASES]),
        example=first_example(group.members).row.example,
        feature=group.key.feature,
        framework=group.key.framework,
        blame=judged.blame,
        blame_reason=judged.reason,
        sdk_effects=effects([one.row.fingerprint for one in members]),
    )
    exchanges = max(one.row.count for one in members)
    return (group.severity, -share, early, -len(shown), -exchanges, cause.id), cause


def _id(key: Key) -> str:
    return hashlib.sha256("\x1f".join((key.rule, *key.parts)).encode("utf-8", "surrogatepass")).hexdigest()[
        :8
    ]


def _operations(members: Sequence[SeenFinding]) -> Iterable[str]:
    return dict.fromkeys(one.row.operation for one in sorted(members, key=earliness))
