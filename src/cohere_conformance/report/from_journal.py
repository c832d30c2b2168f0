"""From the journals of a run to its report: one way for runs that ended and for runs that were killed."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Aspect
from cohere_conformance.report.build import Tally
from cohere_conformance.report.causes import NOTHING_KNOWN, Background
from cohere_conformance.report.coverage import (
    NOT_CLAIMED,
    CaseCoverage,
    CaseEnd,
    CaseOutcome,
    Exercise,
    UnreadableInput,
    Waiting,
)
from cohere_conformance.report.example import clean
from cohere_conformance.report.fuzzed import FuzzTally
from cohere_conformance.report.lacking import (
    NO_FEATURES,
    CaseEvidence,
    FeatureSource,
    cases_of_missing,
    feature_cases,
    missing_features,
)
from cohere_conformance.report.line import Closing, Opening, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from cohere_conformance.model import Element, Exchange, Untestable
    from cohere_conformance.report.build import ParseWithSdks
    from cohere_conformance.report.fuzzed import Fuzzing
    from cohere_conformance.report.header import Header
    from cohere_conformance.report.journal import WorkerJournal
    from cohere_conformance.report.run_parts import RunPart
    from cohere_conformance.report.shape import Report

_WORST: dict[CaseOutcome, int] = {"error": 0, "failed": 1, "inconclusive": 2, "passed": 3, "skipped": 4}
"""A case of several records ends as the worst of them; one that was skipped in part was tried."""
_MEANT_TO_FAIL = frozenset({"negative", "protocol"})
"""The modes of generated requests that a server may refuse."""
_UNFINISHED = "the run did not come to its end"
_BARE = "failed without a finding and without a reason"


def report_of(
    parts: Sequence[RunPart],
    header: Header,
    *,
    operations: Mapping[str, str],
    further: Collection[str] = (),
    declared: Iterable[Element],
    exercised: Callable[[Exchange], Iterable[Element]],
    untestable: Callable[[Exchange], Sequence[Untestable]] = lambda _: (),
    finished_at: str,
    fuzzing: Fuzzing | None = None,
    background: Background = NOTHING_KNOWN,
    features: FeatureSource = NO_FEATURES,
    curl: bool = True,
    sdks: ParseWithSdks | None = None,
) -> Report:
    """Return the report of a run.

    Args:
        parts: the journals of the run, or those of each of its shards.
        header: of the run.
        operations: label of every operation that the run is about, with its group.
        further: labels of the others, which what a case needs may call.
        declared: everything that could be exercised, keywords included.
        exercised: what of it one exchange shows.
        untestable: the requirements that one exchange with findings cannot show.
        finished_at: RFC 3339 time at which the run ended.
        fuzzing: how to look at what the fuzzer derived; without it there are no figures of it.
        background: what explains findings besides themselves.
        features: how the features are recognised that the target lacks.
        curl: keep a command with each example; switch it off where request bodies must not be repeated.
        sdks: parses the responses of examples, if that is wanted.

    Raises:
        ReportError: a journal cannot be read.
    """
    fuzzed = None if fuzzing is None else FuzzTally(fuzzing)
    tally = Tally(curl=curl, sdks=sdks, watched=[one.name for one in background.deprecations])
    run = _Run({*operations, *further}, exercised, untestable, tally, fuzzed, background, features)
    for part in parts:
        for journal in part.journals:
            run.read(journal, f"{part.header.shard} " if len(parts) > 1 else "")
        run.conclude(part)
    everything = frozenset(declared)
    keywords = frozenset(one for one in everything if one.aspect is Aspect.KEYWORD)
    elements = everything - keywords
    exercise = _exercise(elements, run.seen)
    cases = run.cases()
    report = run.tally.finish(
        header,
        operations,
        finished_at=finished_at,
        cases=cases,
        exercise=exercise,
        declarations=_declarations(elements, run.seen),
        fuzzed=() if fuzzed is None else fuzzed.coverage(exercise),
        background=dataclasses.replace(
            background, missing=cases_of_missing(cases.missing, features), about_missing=features.requirements
        ),
        others=further,
    )
    return replace(report, coverage=replace(report.coverage, keywords=_exercise(keywords, run.seen)))


class _Run:
    """The state while the journals are read, in any order."""

    def __init__(
        self,
        operations: Collection[str],
        exercised: Callable[[Exchange], Iterable[Element]],
        untestable: Callable[[Exchange], Sequence[Untestable]],
        tally: Tally,
        fuzzed: FuzzTally | None,
        background: Background,
        features: FeatureSource,
    ) -> None:
        self.tally = tally
        self.seen: set[Element] = set()
        self._operations = operations
        self._exercised = exercised
        self._untestable = untestable
        self._fuzzed = fuzzed
        self._background = background
        self._features = features
        self._shown: dict[str, tuple[frozenset[str], frozenset[str], bool]] = {}
        self._ends: dict[str, tuple[int, str, str, CaseOutcome]] = {}
        self._with_findings: set[str] = set()
        self._unclosed: list[str] = []
        self._planned: set[str] = set()
        self._interrupted = False
        self._stopped: set[str] = set()
        self._failures: tuple[str, ...] = ()
        self._deviations: tuple[str, ...] = ()
        self._waits: dict[str, Waiting] = {}
        self._billed: dict[str, float] = {}

    def read(self, journal: WorkerJournal, shard: str = "") -> None:
        """Take in one journal.

        Args:
            journal: of a worker.
            shard: what distinguishes its worker from those of other shards.
        """
        closed = False
        for line in journal.lines():
            match line:
                case Record():
                    self._record(line)
                case Opening():
                    self._planned |= set(line.planned or ())
                case Closing():
                    closed = True
                    self._interrupted |= line.interrupted
                    self._stopped |= {line.reason} - {""}
                    self._wait(line.waits)
                    for unit, amount in line.billed.items():
                        self._billed[clean(unit)] = self._billed.get(clean(unit), 0.0) + amount
                case UnreadableInput():
                    self.tally.add_unreadable(TrafficError(line.file, line.where, line.reason))
        if not closed:
            self._unclosed.append(clean(f"{shard}{journal.worker}"))

    def conclude(self, part: RunPart) -> None:
        """Take in how a part ended, where a process leads it: without that it has not ended."""
        if not part.led:
            return
        if (ended := part.ended) is None:
            self._interrupted = True
            self._stopped.add(_UNFINISHED)
            return
        self._interrupted |= ended.interrupted
        self._stopped |= {ended.stopped} - {""}
        self._failures = _joined(self._failures, ended.failures)
        self._deviations = _joined(self._deviations, ended.deviations)

    def _record(self, record: Record) -> None:
        known = record.operation in self._operations
        if (exchange := record.exchange) is not None:
            self.tally.add(
                exchange,
                record.operation if known else None,
                record.findings,
                _media_type(exchange),
                request_judged=known and exchange.request.body is not None,
                case=record.case,
                setup=record.setup,
                generated=bool(record.mode),
                meant_to_fail=record.mode in _MEANT_TO_FAIL or record.case in self._background.refused,
                one_of_several=not record.mode and record.case not in self._background.sentences.cases,
                # Where the contract is kept, everything can be checked, and nothing is judged once more.
                untestable=self._untestable(exchange) if known and record.findings else (),
            )
            if known:
                self.seen.update(self._exercised(exchange))
        if known and self._fuzzed is not None:
            self._fuzzed.add(record)
        if record.setup:
            return
        if exchange is not None:
            self._shown[record.case] = (
                *self._features.evidence(record.case, exchange),
                exchange.response.failure is None and exchange.response.status < 300,
            )
        if record.findings:
            self._with_findings.add(record.case)
        end = (_WORST[record.outcome], clean(record.reason), clean(record.operation), record.outcome)
        # Of two that are as bad, the one that says why.
        ends = (self._ends.get(record.case, end), end)
        self._ends[record.case] = min(ends, key=lambda one: (one[0], not one[1], one))

    def cases(self) -> CaseCoverage:
        """Return how the cases ended."""
        ends = self._ends.items()
        outcomes = Counter(outcome for *_, outcome in self._ends.values())
        bare = {case for case, (*_, outcome) in ends if outcome == "failed"} - self._with_findings
        not_run = self._planned - self._ends.keys()
        skipped = self._reasons("skipped")
        unclaimed = {reason: number for reason, number in skipped.items() if reason.startswith(NOT_CLAIMED)}
        open_ends = [
            CaseEnd(
                case=clean(case),
                operation=operation,
                outcome=outcome,
                reason=_BARE if case in bare and not reason else reason,
            )
            for case, (_, reason, operation, outcome) in ends
            if outcome not in ("passed", "skipped")
        ]
        evidence = self._evidence()
        tried = {case: one for case, one in evidence.items() if one.outcome != "skipped"}
        open_ends += [CaseEnd(case=clean(case), operation="", outcome="not-run") for case in not_run]
        return CaseCoverage(
            run=len(self._ends) - outcomes["skipped"],
            passed=outcomes["passed"],
            failed=outcomes["failed"],
            inconclusive=outcomes["inconclusive"],
            error=outcomes["error"],
            skipped=outcomes["skipped"] - sum(unclaimed.values()),
            failed_bare=len(bare),
            not_run=len(not_run),
            skipped_reasons={reason: skipped[reason] for reason in skipped if reason not in unclaimed},
            not_claimed=_by_feature(unclaimed),
            unclaimed=sum(unclaimed.values()),
            inconclusive_reasons=self._reasons("inconclusive"),
            ends=tuple(sorted(open_ends)),
            unclosed=tuple(sorted(self._unclosed)),
            interrupted=self._interrupted,
            stopped=clean("; ".join(sorted(self._stopped))),
            failures=self._failures,
            deviations=self._deviations,
            waits=tuple(sorted(self._waits.values())),
            billed=dict(sorted(self._billed.items())),
            missing=missing_features(tried, self._features),
            features=feature_cases(evidence, self._features),
        )

    def _evidence(self) -> dict[str, CaseEvidence]:
        return {
            case: CaseEvidence(operation, outcome, *self._shown.get(case, _NOTHING_SHOWN))
            for case, (_, _, operation, outcome) in self._ends.items()
        }

    def _wait(self, waits: Iterable[Waiting]) -> None:
        for one in waits:
            kind = clean(one.kind)
            before = self._waits.get(kind, Waiting(kind=kind, number=0, seconds=0.0, never_ready=0))
            self._waits[kind] = Waiting(
                kind=kind,
                number=before.number + one.number,
                seconds=round(before.seconds + one.seconds, 3),
                never_ready=before.never_ready + one.never_ready,
            )

    def _reasons(self, wanted: CaseOutcome) -> dict[str, int]:
        counted = Counter(
            reason or "no reason given" for _, reason, _, outcome in self._ends.values() if outcome == wanted
        )
        return dict(sorted(counted.items()))


_NOTHING_SHOWN: tuple[frozenset[str], frozenset[str], bool] = (frozenset(), frozenset(), False)


def _joined(before: Iterable[str], further: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *map(clean, further))))


def _by_feature(unclaimed: Mapping[str, int]) -> dict[str, int]:
    """Return how many cases need each feature, from the reasons why they were left out."""
    counted: Counter[str] = Counter()
    for reason, number in unclaimed.items():
        counted.update(dict.fromkeys(reason.removeprefix(NOT_CLAIMED).split(", "), number))
    return dict(sorted(counted.items()))


def _media_type(exchange: Exchange) -> str:
    declared = next((value for name, value in exchange.response.headers if name == "content-type"), "")
    return declared.partition(";")[0].strip().lower()


def _exercise(declared: Iterable[Element], seen: set[Element]) -> tuple[Exercise, ...]:
    # By name: what several branches of a union declare at one place is one place.
    by_row: dict[tuple[str, Aspect], set[str]] = {}
    for element in declared:
        by_row.setdefault((element.operation, element.aspect), set()).add(element.name)
    shown: dict[tuple[str, Aspect], set[str]] = {}
    for element in seen:
        shown.setdefault((element.operation, element.aspect), set()).add(element.name)
    return tuple(
        Exercise(
            operation=operation,
            aspect=aspect,
            declared=len(names),
            seen=len(names & shown.get((operation, aspect), set())),
            missing=tuple(sorted(names - shown.get((operation, aspect), set()))),
        )
        for (operation, aspect), names in sorted(by_row.items())
    )


def _declarations(declared: Iterable[Element], seen: set[Element]) -> tuple[Exercise, ...]:
    by_aspect: dict[Aspect, set[str]] = {}
    for element in declared:
        if element.declaration:
            by_aspect.setdefault(element.aspect, set()).add(element.declaration)
    shown = {(element.aspect, element.declaration) for element in seen}
    return tuple(
        Exercise(
            operation="",
            aspect=aspect,
            declared=len(names),
            seen=sum((aspect, name) in shown for name in names),
            missing=tuple(sorted(name for name in names if (aspect, name) not in shown)),
        )
        for aspect, names in sorted(by_aspect.items())
    )
