"""Builds a report from judged exchanges; memory grows with distinct findings, not with exchanges."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import BodyState, Exchange, Kind, Severity
from cohere_conformance.report import verdict
from cohere_conformance.report.baseline import accept
from cohere_conformance.report.causes import NOTHING_KNOWN, Background, SeenFinding, find_causes
from cohere_conformance.report.coverage import (
    AmendmentUse,
    Coverage,
    InputNote,
    OtherHosts,
    SkippedInput,
    UnreadableInput,
)
from cohere_conformance.report.deprecated import calendar
from cohere_conformance.report.entry import DistinctFinding, RowKey, fingerprint, key_of, moment_of
from cohere_conformance.report.example import LONGEST_PATH, clean, example, natural, order, quality_of
from cohere_conformance.report.finding_effect import has_effect
from cohere_conformance.report.gaps import Gaps
from cohere_conformance.report.notices import Notices
from cohere_conformance.report.operation_counts import OperationCounts
from cohere_conformance.report.sdk_effect import SdkParse
from cohere_conformance.report.sdk_tally import SdkTally
from cohere_conformance.report.shape import Footer, Report, Row, Totals
from cohere_conformance.report.shown_header import shown_header
from cohere_conformance.report.together import Together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cohere_conformance.errors import TrafficError
    from cohere_conformance.model import Finding, Untestable
    from cohere_conformance.report.causes.find import CauseEffects
    from cohere_conformance.report.coverage import CaseCoverage, Exercise, FuzzCoverage
    from cohere_conformance.report.example import Quality
    from cohere_conformance.report.header import Header

ParseWithSdks = Callable[[Exchange, str], tuple[SdkParse, ...]]
"""How official SDKs parse a response of an operation, as far as they can."""


class Tally:
    """Counts judged exchanges; what it holds is bounded by distinct findings, operations, hosts and files.

    Merging is associative and commutative: however the work was split, `finish` returns the same report.

    Args:
        curl: store a curl command with each example.
        sdks: parses the responses that deviate; `None` if they are not to be parsed.
        watched: labels of operations and names of models that are deprecated.
    """

    def __init__(
        self, *, curl: bool = True, sdks: ParseWithSdks | None = None, watched: Collection[str] = ()
    ) -> None:
        self._curl = curl
        self._sdks = sdks
        self.effects = SdkTally()
        self._entries: dict[RowKey, DistinctFinding] = {}
        self._operations = OperationCounts()
        self._amendments: Counter[str] = Counter()
        self._foreign: Counter[str] = Counter()
        self._unreadable: set[UnreadableInput] = set()
        self._skipped: set[SkippedInput] = set()
        self._remarks: dict[tuple[str, str], InputNote] = {}
        self._gaps = Gaps()
        self._together = Together()
        self._notices = Notices(watched)
        self._unrouted = 0
        self.with_shipped_shapes = 0  # responses that were compared with them

    @property
    def exchanges_judged(self) -> int:
        """Return how many exchanges of declared operations were added."""
        return self._operations.total("judged")

    def verdict_values(self, cases: CaseCoverage | None = None) -> verdict.VerdictValues:
        """Return what the exit code depends on.

        Args:
            cases: the results of cases, if cases were sent.
        """
        entries = self._entries.items()
        return verdict.VerdictValues(
            exchanges_judged=self.exchanges_judged,
            bodies_unjudged=self._operations.total("unrecorded") + self._operations.total("undecoded"),
            inputs_unreadable=len(self._unreadable),
            open_severities=frozenset(
                entry.severity for (_, amendment, _), entry in entries if amendment is None
            ),
            cases=cases,
            exchanges_unrouted=self._unrouted,
            untestable_unexplained=self._gaps.unexplained,
            inconclusive=self._gaps.inconclusive,
        )

    def add(
        self,
        exchange: Exchange,
        operation: str | None,
        findings: Sequence[Finding],
        media_type: str,
        *,
        request_judged: bool = True,
        body: BodyState = BodyState.JUDGED,
        case: str = "",
        setup: bool = False,
        generated: bool = False,
        meant_to_fail: bool = False,
        one_of_several: bool = False,
        untestable: Sequence[Untestable] = (),
        inconclusive: str = "",
    ) -> None:
        """Count one judged exchange.

        Args:
            exchange: what was judged.
            operation: its label; `None` where no operation matches (it is then not counted as judged).
            findings: what the checks said; a fingerprint counts once an exchange.
            media_type: media type of the response without parameters, `""` if there is none.
            request_judged: false if the recording has no request that could be judged.
            body: whether the body of the response could be judged.
            case: id of the case that sent it, `""` if none did.
            setup: whether it only created or removed a resource that a case needs.
            generated: whether it is one of many requests that the case generates.
            meant_to_fail: whether the server should refuse the request.
            one_of_several: whether it belongs to a test of several exchanges.
            untestable: the requirements that cannot be checked on it.
            inconclusive: why the response says nothing about the API, if it does not.
        """
        if findings:
            invalid = any(finding.kind is Kind.REQUEST_INVALID for finding in findings)
            quality = quality_of(exchange, meant_to_fail or invalid, one_of_several=one_of_several)
            found = self._add_findings(exchange, findings, case, quality)
            self._together.add(found, "" if setup or generated else clean(case))
        self._gaps.add_untestable(untestable, findings)
        if inconclusive:
            self._gaps.add_inconclusive(exchange, operation or "", inconclusive)
        if operation is None:
            self._unrouted += 1
            return
        self._operations.add(
            operation,
            exchange.response,
            findings,
            media_type,
            request_judged=request_judged,
            body=body,
            of_a_case=bool(case) and not setup,
            inconclusive=bool(inconclusive),
        )
        self._notices.add(operation, exchange)

    def add_unreadable(self, error: TrafficError) -> None:
        """Note an input that could not be read to its end."""
        where, reason = clean(error.where), clean(error.reason)
        self._unreadable.add(
            UnreadableInput(file=clean(error.file, LONGEST_PATH), where=where, reason=reason)
        )

    def add_skipped(self, file: str, reason: str) -> None:
        """Note a file that is not recorded traffic."""
        self._skipped.add(SkippedInput(file=clean(file, LONGEST_PATH), reason=clean(reason)))

    def add_remark(self, file: str, where: str, text: str) -> None:
        """Add a note about an input that could be read; of equal ones about a file the first is stored."""
        self._note(InputNote(file=clean(file, LONGEST_PATH), where=clean(where), text=clean(text)))

    def _note(self, note: InputNote) -> None:
        known = self._remarks.setdefault((note.file, note.text), note)
        if natural(note.where) < natural(known.where):
            self._remarks[note.file, note.text] = note

    def add_foreign(self, host: str) -> None:
        """Count an exchange with another host or API."""
        self._foreign[clean(host)] += 1

    def merge(self, other: Tally) -> None:
        """Add everything that `other` has counted; `other` is not changed."""
        for key, entry in other._entries.items():
            if mine := self._entries.get(key):
                mine.absorb(entry)
            else:
                self._entries[key] = msgspec.structs.replace(entry)
        self._operations.merge(other._operations)
        self._amendments.update(other._amendments)
        self._foreign.update(other._foreign)
        self._gaps.merge(other._gaps)
        self._together.merge(other._together)
        self.effects.merge(other.effects)
        self._notices.merge(other._notices)
        self._unreadable |= other._unreadable
        self._skipped |= other._skipped
        for note in other._remarks.values():
            self._note(note)
        self._unrouted += other._unrouted
        self.with_shipped_shapes += other.with_shipped_shapes

    def finish(
        self,
        header: Header,
        contract_operations: Sequence[str] | Mapping[str, str],
        *,
        finished_at: str,
        exit_code: int | None = None,
        cases: CaseCoverage | None = None,
        exercise: tuple[Exercise, ...] = (),
        declarations: tuple[Exercise, ...] = (),
        fuzzed: tuple[FuzzCoverage, ...] = (),
        background: Background = NOTHING_KNOWN,
        others: Collection[str] = (),
    ) -> Report:
        """Return the report.

        Args:
            header: what was judged; its `fail_on` decides the exit code.
            contract_operations: labels of every operation of the contract; a mapping gives their groups.
            finished_at: RFC 3339 time at which the run ended.
            exit_code: overrides the computed code, for a caller that knows more (2 if interrupted).
            cases: the results of cases, if cases were sent; the exit code depends on them, too.
            exercise: how many of the declared elements were seen.
            declarations: the same, with elements that operations share counted once.
            fuzzed: what the fuzzer sent and covered, if it was used.
            background: what explains findings besides themselves.
            others: labels of further operations, which the run was not about.
        """
        header = shown_header(header)
        made = {
            key: entry.row(fingerprint(key), self.effects.of_finding(key))
            for key, entry in self._entries.items()
        }
        effects = self._cause_effects(made)
        rows = tuple(sorted(made.values(), key=_row_order))
        coverage = msgspec.structs.replace(
            self._coverage(rows, contract_operations),
            cases=cases,
            exercise=exercise,
            declarations=declarations,
            groups=dict(contract_operations) if isinstance(contract_operations, Mapping) else {},
            fuzzed=fuzzed,
        )
        unexplained = self._sightings(made)
        accepted = accept(
            header.baseline,
            [one.row for one in unexplained],
            lambda: find_causes(unexplained, coverage, background, header, effects),
            called=self._operations.labels,
            uncalled={*coverage.unseen, *others},
            today=finished_at[:10],
            ended=not (exit_code is not None or header.shard) and (cases is None or cases.ended),
        )
        sightings = [one for one in unexplained if one.row.fingerprint not in accepted.fingerprints]
        open_rows = tuple(one.row for one in sightings)
        accepted_rows = tuple(one.row for one in unexplained if one.row.fingerprint in accepted.fingerprints)
        known = tuple(row for row in rows if row.amendment is not None)
        totals = msgspec.structs.replace(
            self._totals((*open_rows, *known)),
            accepted=len(accepted_rows),
            baseline_problems=len(accepted.problems),
        )
        values = dataclasses.replace(
            self.verdict_values(cases),
            open_severities=frozenset(row.severity for row in open_rows),
            baseline_errors=len(accepted.problems),
        )
        code = verdict.exit_code(values, header.fail_on) if exit_code is None else exit_code
        words = verdict.words(totals, code, header.fail_on, len(header.inputs), cases)
        footer = Footer(totals=totals, exit_code=code, verdict=words, finished_at=finished_at)
        return Report(
            header=header,
            findings=open_rows,
            accepted=accepted_rows,
            baseline_problems=accepted.problems,
            baseline_unseen=accepted.unseen,
            known_defects=known,
            deprecated=calendar(background.deprecations, self._notices.seen(header.started_at), finished_at),
            coverage=coverage,
            footer=footer,
            sentences=background.sentences.named_by(rows),
            causes=find_causes(sightings, coverage, background, header, effects),
        )

    def _cause_effects(self, rows: Mapping[RowKey, Row]) -> CauseEffects:
        """Return what gives the effects of a cause on SDKs by the fingerprints of its findings."""
        keys = {row.fingerprint: key for key, row in rows.items() if row.amendment is None}
        return lambda fingerprints: self.effects.of_cause([keys[one] for one in fingerprints])

    def _sightings(self, rows: Mapping[RowKey, Row]) -> list[SeenFinding]:
        """Return the findings that are not known spec defects, worst first, with what is known about them."""
        cases, companions = self._together.cases(), self._together.companions()
        return [
            SeenFinding(
                row=row,
                value_class=self._entries[key].finding.value_class,
                rank=self._entries[key].order,
                cases=cases.get(key, frozenset()),
                companions=frozenset(
                    rows[other].fingerprint for other in companions.get(key, ()) if other[1] is None
                ),
            )
            for key, row in sorted(rows.items(), key=lambda item: _row_order(item[1]))
            if row.amendment is None
        ]

    def _add_findings(
        self, exchange: Exchange, findings: Iterable[Finding], case: str, quality: Quality
    ) -> Collection[RowKey]:
        """Count the findings of one exchange, and return what identifies them."""
        distinct: dict[RowKey, list[Finding]] = {}
        for finding in findings:
            distinct.setdefault(key_of(finding, case), []).append(finding)
        parses = self._parse(exchange, distinct)
        for amendment in {amendment for _, amendment, _ in distinct if amendment is not None}:
            self._amendments[amendment] += 1
        cases = (case,) if case else ()
        moment, shown = moment_of(exchange.source.recorded_at), None
        for key, same in distinct.items():
            severity = min((finding.severity for finding in same), key=verdict.RANK.__getitem__)
            status = exchange.response.status
            entry = self._entries.get(key)
            if entry is not None and entry.is_better(quality, exchange):
                entry.note(severity, status, moment, moment, 1)
                entry.name(cases)
                continue
            # The text is made only for an exchange that may become the example.
            if shown is None:
                shown = example(exchange, curl=self._curl, sdks=parses)
            finding = min(same, key=lambda one: (one.expected, one.observed, one.status))
            rank = *quality, order(exchange)
            sighting = DistinctFinding(finding, shown, rank, severity, status, 1, moment, moment, cases)
            if entry is None:
                self._entries[key] = sighting
            else:
                entry.absorb(sighting)
        return distinct.keys()

    def _parse(self, exchange: Exchange, distinct: Mapping[RowKey, list[Finding]]) -> tuple[SdkParse, ...]:
        """Return how official SDKs parse a response, and count what its findings mean for them."""
        found = {key: same for key, same in distinct.items() if has_effect(same[0])}
        if self._sdks is None or not found:
            return ()
        parses = self._sdks(exchange, next(iter(found.values()))[0].operation)
        self.effects.add(found, parses)
        return parses

    def _coverage(self, rows: Sequence[Row], contract_operations: Iterable[str]) -> Coverage:
        explaining = Counter(row.amendment for row in rows if row.amendment is not None)
        return Coverage(
            operations=self._operations.coverage(),
            unseen=tuple(sorted(set(contract_operations) - self._operations.labels)),
            unrouted=self._unrouted,
            amendments=tuple(
                AmendmentUse(amendment=name, findings=explaining[name], exchanges=exchanges)
                for name, exchanges in sorted(self._amendments.items())
            ),
            untestable=self._gaps.untestable(),
            inconclusive=self._gaps.excused(),
            other_hosts=OtherHosts(exchanges=self._foreign.total(), hosts=dict(self._foreign)),
            unreadable=tuple(sorted(self._unreadable)),
            skipped=tuple(sorted(self._skipped)),
            remarks=tuple(sorted(self._remarks.values())),
            sdks=self.effects.responses(),
        )

    def _totals(self, rows: Sequence[Row]) -> Totals:
        unexplained = [row for row in rows if row.amendment is None]
        server = Counter(row.severity for row in unexplained if not row.client_side)
        return Totals(
            exchanges=self.exchanges_judged,
            operations=len(self._operations.labels),
            breaking=server[Severity.BREAKING],
            additive=server[Severity.ADDITIVE],
            notice=server[Severity.NOTICE],
            client=sum(row.client_side for row in unexplained),
            known_defects=len(rows) - len(unexplained),
            unreadable=len(self._unreadable),
            skipped=len(self._skipped),
            other_hosts=self._foreign.total(),
            unrouted=self._unrouted,
            unrecorded=self._operations.total("unrecorded"),
            undecoded=self._operations.total("undecoded"),
            untestable=len(self._gaps.untestable()),
            inconclusive=self._gaps.inconclusive,
        )


def _row_order(row: Row) -> tuple[object, ...]:
    kind_and_place = (row.operation, row.kind.value, row.location, row.status, row.fingerprint)
    return (verdict.RANK[row.severity], *kind_and_place, row.amendment or "")
