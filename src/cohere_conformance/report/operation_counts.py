"""Counts the exchanges of each operation: how they were judged, with which statuses and media types."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.model import BodyState, Kind, Severity
from cohere_conformance.report.coverage import OperationCoverage, RequestCoverage
from cohere_conformance.report.example import clean
from cohere_conformance.report.latency import Latencies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.model import Finding, Response

STREAM_MEDIA_TYPES = frozenset(
    {"text/event-stream", "application/stream+json", "application/x-ndjson", "application/jsonl"}
)
_DEVIATING = frozenset({Severity.BREAKING, Severity.ADDITIVE})


class _Counted(NamedTuple):
    """What exchanges that are counted alike have in common.

    Attributes:
        operation: its label.
        status: of the response.
        media_type: of the response, as it was sent.
        names: of the numbers that each of them adds 1 to.
    """

    operation: str
    status: int
    media_type: str
    names: tuple[str, ...]


class OperationCounts:
    """Counts by operation; merging is associative and commutative, as that of a tally."""

    def __init__(self) -> None:
        # One number for each exchange: they are many, of few kinds.
        self._counted: Counter[_Counted] = Counter()
        self._latencies = Latencies()

    @property
    def labels(self) -> frozenset[str]:
        """Labels of the operations that were seen."""
        return frozenset(one.operation for one in self._counted)

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
        explained, refused, severities = False, False, set[Severity]()
        for finding in findings:
            if finding.amendment is not None:
                explained = True
            elif finding.kind is Kind.REQUEST_INVALID:
                refused = True
            else:
                severities.add(finding.severity)
        names = ["judged"]
        if not inconclusive and body is BodyState.JUDGED and severities.isdisjoint(_DEVIATING):
            names.append("clean")
        if body is BodyState.NOT_RECORDED:
            names.append("unrecorded")
        if body is BodyState.NOT_DECODED:
            names.append("undecoded")
        if explained:
            names.append("known defects")
        if response.events is not None or media_type.lower() in STREAM_MEDIA_TYPES:
            names.append("streams")
        if request_judged:
            names.append("requests judged")
        if of_a_case:
            names.append("cases")
        if refused:
            names.append("requests deviating")
        names += sorted(severities)
        self._counted[_Counted(operation, response.status, media_type, tuple(names))] += 1
        self._latencies.add(operation, response)

    def merge(self, other: OperationCounts) -> None:
        """Add everything that `other` has counted; `other` is not changed."""
        self._counted.update(other._counted)
        self._latencies.merge(other._latencies)

    def total(self, name: str) -> int:
        """Return a number summed over all operations."""
        return sum(number for one, number in self._counted.items() if name in one.names)

    def coverage(self) -> tuple[OperationCoverage, ...]:
        """Return the numbers of all operations, by label."""
        return tuple(self._of(label) for label in sorted(self.labels))

    def _of(self, label: str) -> OperationCoverage:
        numbers, statuses, media_types = Counter[str](), Counter[str](), Counter[str]()
        for one, number in self._counted.items():
            if one.operation == label:
                numbers.update(dict.fromkeys(one.names, number))
                statuses[str(one.status)] += number
                media_types[clean(one.media_type) or "(none)"] += number
        return OperationCoverage(
            operation=clean(label),
            judged=numbers["judged"],
            clean=numbers["clean"],
            breaking=numbers["breaking"],
            additive=numbers["additive"],
            notice=numbers["notice"],
            known_defects=numbers["known defects"],
            statuses=dict(statuses),
            media_types=dict(media_types),
            streams=numbers["streams"],
            requests=RequestCoverage(
                judged=numbers["requests judged"], deviating=numbers["requests deviating"]
            ),
            cases=numbers["cases"],
            unrecorded=numbers["unrecorded"],
            undecoded=numbers["undecoded"],
            latency=self._latencies.of(label),
        )
