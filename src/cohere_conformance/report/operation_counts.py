"""Counts the exchanges of each operation: how they were judged, with which statuses and media types."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.model import BodyState, Kind, Severity
from cohere_conformance.report.coverage import OperationCoverage, RequestCoverage
from cohere_conformance.report.example import clean
from cohere_conformance.report.latency import Latencies

if TYPE_CHECKING:
    from collections.abc import KeysView, Sequence

    from cohere_conformance.model import Finding, Response

STREAM_MEDIA_TYPES = frozenset(
    {"text/event-stream", "application/stream+json", "application/x-ndjson", "application/jsonl"}
)
_DEVIATING = frozenset({Severity.BREAKING, Severity.ADDITIVE})


class OperationCounts:
    """Counts by operation; merging is associative and commutative, as that of a tally."""

    def __init__(self) -> None:
        self._numbers: dict[str, Counter[str]] = {}
        self._statuses: dict[str, Counter[str]] = {}
        self._media_types: dict[str, Counter[str]] = {}
        self._latencies = Latencies()

    @property
    def labels(self) -> KeysView[str]:
        """Labels of the operations that were seen."""
        return self._numbers.keys()

    def add(
        self,
        operation: str,
        response: Response,
        findings: Sequence[Finding],
        media_type: str,
        *,
        request_judged: bool,
        body: BodyState,
        of_a_case: bool,
        inconclusive: bool,
    ) -> None:
        """Count one judged exchange.

        Args:
            operation: its label.
            response: that was judged.
            findings: what the checks said.
            media_type: of the response, without parameters.
            request_judged: whether the recording has a request that could be judged.
            body: whether the body of the response could be judged.
            of_a_case: whether it is the exchange of a case.
            inconclusive: whether the response says nothing about the API.
        """
        numbers = self._numbers.setdefault(operation, Counter())
        explained, refused, severities = False, False, set[Severity]()
        for finding in findings:
            if finding.amendment is not None:
                explained = True
            elif finding.kind is Kind.REQUEST_INVALID:
                refused = True
            else:
                severities.add(finding.severity)
        numbers["judged"] += 1
        # Only what is true is added: most of it is not, and each takes a while.
        if not inconclusive and body is BodyState.JUDGED and severities.isdisjoint(_DEVIATING):
            numbers["clean"] += 1
        if body is BodyState.NOT_RECORDED:
            numbers["unrecorded"] += 1
        if body is BodyState.NOT_DECODED:
            numbers["undecoded"] += 1
        if explained:
            numbers["known defects"] += 1
        if response.events is not None or media_type.lower() in STREAM_MEDIA_TYPES:
            numbers["streams"] += 1
        if request_judged:
            numbers["requests judged"] += 1
        if of_a_case:
            numbers["cases"] += 1
        if refused:
            numbers["requests deviating"] += 1
        for severity in severities:
            numbers[severity.value] += 1
        self._latencies.add(operation, response)
        self._statuses.setdefault(operation, Counter())[str(response.status)] += 1
        self._media_types.setdefault(operation, Counter())[clean(media_type) or "(none)"] += 1

    def merge(self, other: OperationCounts) -> None:
        """Add everything that `other` has counted; `other` is not changed."""
        for mine_by_label, other_by_label in (
            (self._numbers, other._numbers),
            (self._statuses, other._statuses),
            (self._media_types, other._media_types),
        ):
            for label, numbers in other_by_label.items():
                mine_by_label.setdefault(label, Counter()).update(numbers)
        self._latencies.merge(other._latencies)

    def total(self, name: str) -> int:
        """Return a number summed over all operations."""
        return sum(numbers[name] for numbers in self._numbers.values())

    def coverage(self) -> tuple[OperationCoverage, ...]:
        """Return the numbers of all operations, by label."""
        return tuple(self._of(label) for label in sorted(self._numbers))

    def _of(self, label: str) -> OperationCoverage:
        numbers = self._numbers[label]
        return OperationCoverage(
            operation=clean(label),
            judged=numbers["judged"],
            clean=numbers["clean"],
            breaking=numbers["breaking"],
            additive=numbers["additive"],
            notice=numbers["notice"],
            known_defects=numbers["known defects"],
            statuses=dict(self._statuses[label]),
            media_types=dict(self._media_types[label]),
            streams=numbers["streams"],
            requests=RequestCoverage(
                judged=numbers["requests judged"], deviating=numbers["requests deviating"]
            ),
            cases=numbers["cases"],
            unrecorded=numbers["unrecorded"],
            undecoded=numbers["undecoded"],
            latency=self._latencies.of(label),
        )
