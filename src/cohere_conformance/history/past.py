"""What a history stores of a run: what it has found, and where it has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cohere_conformance.model import Severity
from cohere_conformance.report.changes import RunFigures
from cohere_conformance.report.deprecated import Deprecation

if TYPE_CHECKING:
    from cohere_conformance.report.header import Header
    from cohere_conformance.report.shape import Report, Row

_FUZZ_OPTIONS = ("--seed=", "--fuzz-profile=", "--max-examples=", "--max-requests=", "--time-limit=")
"""What decides which random requests are sent."""
_CHOSEN = ("--only=", "--case=")
"""What decides which cases are run."""
_PLANNED = "planned"
_ENDED = frozenset({0, 1})
_LISTED_CASES = 20
"""A finding names at most so many cases; with as many there may be others."""


class PastFinding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finding of an earlier run.

    Attributes:
        title: where it was and what was observed.
        severity: how much it matters.
        operation: label such as `POST /v2/chat`.
        cases: ids of cases that showed it.
        first_seen: RFC 3339 time of the first run that showed it.
        runs: how many runs had shown it, with this one.
    """

    title: str
    severity: Severity
    operation: str
    cases: tuple[str, ...] = ()
    first_seen: str = ""
    runs: int = 1


class PastCause(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A cause of an earlier run.

    Attributes:
        title: what was wrong, in words.
        severity: the worst of its findings.
        operations: labels of the operations that showed it.
        findings: fingerprints of its findings.
        first_seen: RFC 3339 time of the first run that showed it.
        runs: how many runs had shown it, with this one.
    """

    title: str
    severity: Severity
    operations: tuple[str, ...]
    findings: tuple[str, ...]
    first_seen: str = ""
    runs: int = 1


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as a history stores it.

    Attributes:
        target: what the target is called.
        contract: digest of the contract, and the mode.
        started_at: RFC 3339 time at which it began.
        finished_at: RFC 3339 time at which it ended.
        exit_code: 0 or 1.
        verdict: in one line.
        method: the command with its shard, for `fuzz` with the options that decide which requests are random.
        selection: what decides which part of the API is tested, such as `--only=rerank`; `planned` if the
            plan of a night does, so that nights are alike though each has other cases.
        operations: labels of the operations that were called, and about which nothing is open.
        only_cases: the cases in `--case`, or those that were planned; empty if all were run.
        skipped: number of cases that were left out.
        findings: by fingerprint, with the accepted ones.
        causes: by id.
        figures: for the trend, without a latency; `None` if the run was stored without.
        latencies: median milliseconds by operation.
        deprecated: what is deprecated and was seen.
        models: by the role that they have had in the cases.
    """

    target: str
    contract: str
    started_at: str
    finished_at: str
    exit_code: int
    verdict: str
    method: str
    selection: str = ""
    operations: frozenset[str] = frozenset()
    only_cases: frozenset[str] = frozenset()
    skipped: int = 0
    findings: dict[str, PastFinding] = {}
    causes: dict[str, PastCause] = {}
    figures: RunFigures | None = None
    latencies: dict[str, float] = {}
    deprecated: tuple[Deprecation, ...] = ()
    models: dict[str, str] = {}

    @property
    def ended(self) -> bool:
        """Whether the run came to a verdict about the server."""
        return self.exit_code in _ENDED

    def is_comparable(self, other: PastRun) -> bool:
        """Return whether another run was meant to test the same, so that figures of both can be compared."""
        return (self.method, self.selection) == (other.method, other.selection)

    def _is_like(self, other: PastRun) -> bool:
        return self.method == other.method and self.skipped <= other.skipped

    def covers(self, other: PastRun) -> bool:
        """Return whether the run would have shown all that another has shown of its operations."""
        return not self.only_cases and self._is_like(other)

    def would_show(self, finding: PastFinding, seen_in: PastRun) -> bool:
        """Return whether the run would have shown a finding that an earlier run has shown."""
        if finding.operation not in self.operations or not self._is_like(seen_in):
            return False
        cases = frozenset(finding.cases)
        return not self.only_cases or (0 < len(cases) < _LISTED_CASES and cases <= self.only_cases)


def target_name(header: Header) -> str:
    """Return what a target is called in a history: two runs with the same name are about the same target."""
    if header.configuration is not None and header.configuration.name:
        return header.configuration.name
    if header.target is None:
        return " ".join(sorted(header.inputs))
    if header.target.serve:
        return f"embedded, profile {header.target.profile}"
    url = urlsplit(header.target.url)
    if not url.hostname:
        return header.target.url
    try:
        port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    except ValueError:
        port = None
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}:{port}{url.path.rstrip('/')}"


def past_run(report: Report) -> PastRun:
    """Return what a history stores of a report."""
    header, cases = report.header, report.coverage.cases
    return PastRun(
        target=target_name(header),
        contract=f"{header.contract_digest} {header.mode}",
        started_at=header.started_at,
        finished_at=report.footer.finished_at,
        exit_code=report.footer.exit_code,
        verdict=report.footer.verdict,
        method=_method(header),
        selection=_selection(header),
        operations=_operations(report),
        only_cases=_only_cases(header),
        skipped=0 if cases is None else cases.skipped,
        findings={row.fingerprint: _finding(row) for row in (*report.findings, *report.accepted)},
        causes={
            cause.id: PastCause(
                title=cause.title,
                severity=cause.severity,
                operations=cause.operations,
                findings=cause.findings,
            )
            for cause in report.causes
        },
        figures=_figures(report),
        deprecated=report.deprecated,
        models={} if header.target is None else {one.role: one.model for one in header.target.models},
        latencies={
            one.operation: one.latency.median for one in report.coverage.operations if one.latency is not None
        },
    )


def _figures(report: Report) -> RunFigures:
    totals, exercise = report.footer.totals, report.coverage.exercise
    return RunFigures(
        started_at=report.header.started_at,
        breaking=totals.breaking,
        additive=totals.additive,
        notice=totals.notice,
        causes=len(report.causes),
        seen=sum(row.seen for row in exercise),
        declared=sum(row.declared for row in exercise),
    )


def _only_cases(header: Header) -> frozenset[str]:
    if header.night is not None:
        return frozenset(header.night.cases)
    return frozenset(
        argument.partition("=")[2] for argument in header.arguments if argument.startswith("--case=")
    )


def _selection(header: Header) -> str:
    chosen = {argument for argument in header.arguments if argument.startswith(_CHOSEN)}
    if header.target is not None:
        chosen |= {f"--declares={one}" for one in header.target.declares}
        chosen |= {f"--without={one}" for one in header.target.without}
    return " ".join([*([_PLANNED] if header.night is not None else []), *sorted(chosen)])


def _finding(row: Row) -> PastFinding:
    return PastFinding(
        title=f"{row.operation} {row.location or 'the whole body'}: {row.observed}",
        severity=row.severity,
        operation=row.operation,
        cases=row.cases,
    )


def _method(header: Header) -> str:
    if header.target is None:
        return "check"
    command = header.arguments[0] if header.arguments else "run"
    shard = [] if header.shard is None else [f"--shard={header.shard}"]
    further = [one for one in header.arguments if one.startswith(_FUZZ_OPTIONS)] if command == "fuzz" else []
    return " ".join([command, *sorted(further), *shard])


def _operations(report: Report) -> frozenset[str]:
    """Return the operations that the run was about and looked at, if what it did not see is gone.

    A case without a response, or a response that says nothing about the API, could have shown anything.
    """
    if report.footer.exit_code not in _ENDED:
        return frozenset()
    coverage, cases = report.coverage, report.coverage.cases
    open_ends = {one.operation for one in coverage.inconclusive}
    if cases is not None:
        open_ends |= {one.operation for one in cases.ends if one.outcome != "failed"}
    if "" in open_ends:
        return frozenset()
    return frozenset(
        one.operation
        for one in coverage.operations
        if (one.judged > one.unrecorded + one.undecoded if cases is None else one.cases > 0)
        and (not coverage.groups or one.operation in coverage.groups)
        and one.operation not in open_ends
    )
