"""Learns observed shapes from recorded traffic, and from the journals of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.client.address import is_vendors
from cohere_conformance.errors import ReportError, TrafficError, UsageError
from cohere_conformance.model import Exchange, Finding, Kind, Severity
from cohere_conformance.observed.compare import ObservedShapes
from cohere_conformance.observed.evidence import Evidence, ScenarioEvidence, merged, together
from cohere_conformance.observed.file import exclusive, load_observed, write_observed
from cohere_conformance.observed.response import Sample, sample_of
from cohere_conformance.recordings import SkippedFile, discover, parse_recording
from cohere_conformance.recordings.hosts import placed
from cohere_conformance.report import Record, read_journals
from cohere_conformance.session.shapes import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.observed.evidence import Scenario
    from cohere_conformance.session.judging import Judge

OTHER_HOST = "with another host"
UNSUCCESSFUL = "without a complete successful response that the contract declares"
INVALID = "of a request that breaks the contract"
DEVIATING = "with a breaking finding"
LACKING = "without something that was always there; add --accept-absent if it is gone for good"
_BATCH = 200
"""Exchanges whose evidence is merged at once: one at a time would sum the same figures again and again."""


class Learner:
    """Collects the evidence of exchanges that may be learned from.

    Only successful responses to valid requests are: a negative test, a mutated request or a deviating
    response shows what a server does when something is wrong.

    Args:
        judge: judges each exchange by the contract, not by observed shapes.
        known: what was learned earlier. A response that lacks what was always there is left out, so that one
            bad run does not teach that it may be absent.
        own: whether all exchanges are with the target, so that its host does not matter.

    Attributes:
        learned: number of exchanges that were learned from.
        left_out: number of exchanges that were not, by reason.
        unreadable: what could not be read.
    """

    def __init__(self, judge: Judge, known: Evidence | None = None, *, own: bool = False) -> None:
        self._judge = judge
        self._own = own
        self._known = ObservedShapes(known or {})
        self._parts: dict[Scenario, list[ScenarioEvidence]] = {}
        self.learned = 0
        self.left_out: Counter[str] = Counter()
        self.unreadable: list[str] = []

    @property
    def evidence(self) -> Evidence:
        """What was learned."""
        return together({scenario: part} for scenario, parts in self._parts.items() for part in parts)

    def take(self, exchange: Exchange, findings: Iterable[Finding] = ()) -> None:
        """Learn from one exchange, or count why not.

        Args:
            exchange: to learn from.
            findings: what is known about it besides the judgement.
        """
        exchange = placed(exchange, self._judge.settings.servers)
        if not self._is_target(exchange):
            self.left_out[OTHER_HOST] += 1
            return
        sample = sample_of(self._judge.contract, ParsedExchange(exchange))
        if sample is None:
            self.left_out[UNSUCCESSFUL] += 1
            return
        found = [*self._judge.findings(exchange), *findings]
        reason = _objection(found) or (LACKING if self._lacks(sample, found) else "")
        if reason:
            self.left_out[reason] += 1
            return
        self.learned += 1
        parts = self._parts.setdefault(sample.scenario, [])
        parts.append(sample.evidence)
        if len(parts) >= _BATCH:
            self._parts[sample.scenario] = [merged(parts)]

    def _lacks(self, sample: Sample, found: Iterable[Finding]) -> bool:
        compared = self._known.findings(sample, {one.location for one in found})
        return any(one.kind is Kind.SHAPE_VANISHED for one in (*found, *compared))

    def _is_target(self, exchange: Exchange) -> bool:
        """Return whether the server is the one that is learned about: the vendor's, unless others are named.

        Loopback hosts are compared with the contract everywhere, but are mocks as often as not.
        """
        request, servers = exchange.request, self._judge.settings.servers
        if self._own or not self._judge.contract.route(request.method, request.url).ours:
            return self._own
        hosts = {urlsplit(one).netloc for one in servers}
        where = urlsplit(request.url)
        return where.netloc in hosts if hosts else is_vendors(where.hostname or "")


def _objection(found: Iterable[Finding]) -> str:
    """Return why an exchange is not learned from; empty if it is."""
    for one in found:
        if one.amendment is None and one.kind is Kind.REQUEST_INVALID:
            return INVALID
    for one in found:
        if one.amendment is None and one.severity is Severity.BREAKING:
            return DEVIATING
    return ""


def learn_recordings(paths: Iterable[str], learner: Learner) -> None:
    """Learn from all exchanges in files and folders."""
    for value in _recorded(paths):
        if isinstance(value, Exchange):
            learner.take(value)
        else:
            learner.unreadable.append(str(value))


def _recorded(paths: Iterable[str]) -> Iterator[Exchange | TrafficError | str]:
    for found in discover(paths):
        if isinstance(found, TrafficError):
            yield found
        elif isinstance(found, SkippedFile):
            yield f"{found.file}: {found.reason}"
        else:
            yield from (one for one in parse_recording(found) if isinstance(one, Exchange | TrafficError))


class LearningFile:
    """A file of observed shapes to which runs add.

    Args:
        observed: its path; it need not exist yet.

    Raises:
        UsageError: it is no path, or is a file of something else.
    """

    def __init__(self, observed: str) -> None:
        if observed in KEYWORDS:
            raise UsageError(
                f"--learn: expected a file of yours in --observed, got {observed}; "
                "name one, which is created by the first run that conforms"
            )
        self._path = Path(observed)
        self.is_new = not self._path.exists()
        if not self.is_new:
            load_observed(self._path)

    def add_run(self, folder: Path, judge: Judge) -> None:
        """Learn from the journals of a run that conforms.

        Generated requests are left out, and so are bodies of which the journal has only a part.

        Args:
            folder: of the report.
            judge: judges by the contract.

        Raises:
            ReportError: the journals or the file cannot be read, or the file cannot be written.
        """
        with exclusive(self._path):
            try:  # again: another run may have added to it
                known = load_observed(self._path) if self._path.exists() else {}
            except UsageError as error:
                raise ReportError(str(error)) from error
            learner = Learner(judge, known, own=True)
            for journal in read_journals(folder):
                for line in journal.lines():
                    if not isinstance(line, Record) or line.outcome != "passed" or line.mode or line.cut:
                        continue
                    if line.exchange is not None:
                        learner.take(line.exchange, line.findings)
            write_observed(self._path, together([known, learner.evidence]))
