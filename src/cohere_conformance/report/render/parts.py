"""Sentences and lists that all reports for people share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from cohere_conformance.model import Aspect
from cohere_conformance.report.render.night import night_lines
from cohere_conformance.report.render.sdks import sdk_lines
from cohere_conformance.report.shape import REPORT_JSON
from cohere_conformance.report.verdict import RANK, quantity, unjudged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cohere_conformance.model import Kind, Severity
    from cohere_conformance.report.coverage import CaseCoverage, CaseEnd, FuzzCoverage
    from cohere_conformance.report.header import Header, Target
    from cohere_conformance.report.shape import Example, Report, Row, Totals

DEFAULT_FOLDER = "conformance-report"
"""Where the command writes a report by default."""
COMMAND = "cohere-conformance"
WHOLE_BODY = "the whole body"
KNOWN_DEFECTS = "Known spec defects"
AMENDMENTS_NOTE = (
    "The published OpenAPI document is known to be wrong or too narrow here; this never fails a run. Details:"
)
GLANCE_FROM = 6
"""Number of findings from which on there is a summary by kind."""
ACCEPTED = "Accepted"
"""Findings that a baseline accepts."""
BASELINE = "Baseline, to correct"
NOT_EXERCISED = "Declared, not covered"
NOT_TESTABLE = "Requirements not testable"
INCONCLUSIVE = "Inconclusive, response not from the API"
FUZZED_COLUMNS = ("positive", "negative", "protocol", "shapes", "request", "response")
FUZZED_NOTE = (
    "Positive requests are valid; the first number says how many received 2xx. Negative requests break one "
    "rule; the first number says how many received 4xx. Protocol requests are malformed or unusual HTTP. "
    "Shapes are distinct responses. Request and response: elements covered of those declared."
)

_ASPECTS = {
    Aspect.STATUS: "declared statuses",
    Aspect.PROPERTY: "response properties",
    Aspect.EVENT: "stream events",
    Aspect.ENUM_VALUE: "enum values",
}
_Item = TypeVar("_Item")


def server_rows(report: Report) -> list[Row]:
    """Return the findings about the server."""
    return [row for row in report.findings if not row.client_side]


def client_rows(report: Report) -> list[Row]:
    """Return the findings about requests."""
    return [row for row in report.findings if row.client_side]


def first_explained(report: Report, amendment: str) -> str:
    """Return the fingerprint of the first finding that is a known spec defect by `amendment`."""
    return next((row.fingerprint for row in report.known_defects if row.amendment == amendment), "")


def cut(items: Sequence[_Item], limit: int) -> tuple[Sequence[_Item], str]:
    """Return the first `limit` items and, where that is not all, a line that says so."""
    return items[:limit], more(len(items) - limit)


def more(hidden: int) -> str:
    """Return a line that says how many are not shown; nothing where that is none."""
    return f"(+{hidden} more in {REPORT_JSON})" if hidden > 0 else ""


def location(example: Example) -> str:
    """Return where an example is, for a reader."""
    return f"{example.file}: {example.position}" if example.position else example.file


def seen(row: Row) -> str:
    """Return how often a finding was seen, and when."""
    first, last = (row.first_seen or "")[:10], (row.last_seen or "")[:10]
    when = f", recorded {first}" if first else ""
    if last != first:
        when += f" to {last}"
    return quantity(row.count, "exchange") + when


def omitted(row: Row) -> str:
    """Return how many findings of the same exchange have no row of their own; nothing where each has one."""
    return f"and at least {quantity(row.omitted, 'more finding')} of this exchange" if row.omitted else ""


def explain_command(fingerprint: str, folder: str) -> str:
    """Return the command that shows all about a finding."""
    command = f"{COMMAND} explain {fingerprint}"
    return command if folder == DEFAULT_FOLDER else f"{command} --report-dir {folder}"


def contract_line(header: Header) -> str:
    """Return which contract the traffic was compared with, and where its operations are declared."""
    origins = [f"{count} of the {origin}" for origin, count in header.origins.items()]
    declared = f"; operations: {', '.join(origins)}" if origins else ""
    digest = header.contract_digest[:19]
    return f"contract {header.contract_version} ({header.mode}, digest {digest}{declared})"


def commands_line(report: Report) -> str:
    """Return how many curl commands repeat the judged request exactly, if some do not; else nothing."""
    shown = [row.example for row in report.findings if row.example.curl is not None]
    inexact = sum(1 for example in shown if example.inexact)
    if not inexact:
        return ""
    return (
        f"curl commands of this report: {len(shown) - inexact} exact, {inexact} not exact "
        "(something is redacted, or was not recorded)"
    )


def unrouted_line(number: int) -> str:
    """Return how many exchanges have a path that the contract does not declare."""
    return f"{quantity(number, 'exchange')} with undeclared paths, not judged (see route-unknown)"


def unjudged_lines(totals: Totals) -> list[str]:
    """Return how many exchanges have no response body, a line for each reason."""
    rest = "(judged by status, headers and request only)"
    return [f"{state}: {number} {rest}" for state, number in unjudged(totals)]


def target_line(target: Target) -> str:
    """Return the target, and how it was called."""
    details = [f"profile {target.profile}", "with a key" if target.key else "without a key"]
    if target.declares:
        details.append(f"declares {', '.join(target.declares)}")
    details += [f"without {', '.join(target.without)}"] if target.without else []
    details += ["protocol only: no demand on content"] if target.protocol_only else []
    if target.seed is not None:
        details.append(f"seed {target.seed}")
    if target.shard is not None:
        details.append(f"shard {target.shard}")
    if target.merged:
        details.append(f"merged from {quantity(target.merged, 'run')}")
    if target.workers > 1:
        details.append(quantity(target.workers, "worker"))
    return f"{target.url} ({'; '.join(details)})"


def cases_line(cases: CaseCoverage) -> str:
    """Return the results of the cases: those that ran first, then those that did not, with the reasons."""
    ran = _numbers(
        (cases.passed, "passed"),
        (cases.failed, "failed"),
        (cases.inconclusive, "inconclusive"),
        (cases.error, "could not be completed"),
    )
    line = f"{quantity(cases.run, 'case')}" + (f": {ran}" if ran else "")
    if cases.skipped:
        line += f"; {cases.skipped} skipped: {reasons(cases.skipped_reasons)}"
    if cases.unclaimed:
        line += f"; {cases.unclaimed} not claimed: {reasons(cases.not_claimed)}"
    line += f"; {cases.not_run} not run" if cases.not_run else ""
    return line + _waited(cases)


def _waited(cases: CaseCoverage) -> str:
    """Return how long the run waited for resources, if it was a second or more."""
    seconds = sum(one.seconds for one in cases.waits)
    late = [f"{one.kind} ({one.never_ready})" for one in cases.waits if one.never_ready]
    texts = [f"waited {seconds:.0f} s"] if seconds >= 1 else []
    texts += [f"never ready: {', '.join(late)}"] if late else []
    return f"; {', '.join(texts)}" if texts else ""


def reasons(counted: Mapping[str, int]) -> str:
    """Return reasons with their numbers, the most frequent first."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    shown, more = ordered[:5], ordered[5:]
    texts = [f"{number} {reason}" for reason, number in shown]
    return ", ".join(texts + ([f"{sum(number for _, number in more)} for other reasons"] if more else []))


def ends_with_reason(cases: CaseCoverage) -> list[CaseEnd]:
    """Return the results that no finding explains: inconclusive cases, and failures with a reason."""
    return [one for one in cases.ends if one.outcome != "failed" or one.reason]


def end_lines(cases: CaseCoverage) -> list[str]:
    """Return these results in words; inconclusive cases with one reason share a line."""
    alike: dict[tuple[str, str], list[CaseEnd]] = {}
    for one in ends_with_reason(cases):
        shared = one.reason if one.outcome == "inconclusive" and one.reason else ""
        alike.setdefault((shared, "" if shared else one.case), []).append(one)
    return [
        f"{many[0].outcome}: {reason}: {len(many)} cases, such as {many[0].case}"
        if len(many) > 1
        else f"{many[0].case}: {many[0].outcome}" + (f": {many[0].reason}" if many[0].reason else "")
        for (reason, _), many in alike.items()
    ]


class Exercised(NamedTuple):
    """How much of one aspect of all operations was seen."""

    name: str
    seen: int
    declared: int

    @property
    def share(self) -> str:
        """Return the percentage, rounded down so that 100 % means all."""
        return _share(self.seen, self.declared)


def summary_lines(report: Report) -> list[str]:
    """Return a line about what was covered, what was fuzzed and which known spec defects were met."""
    lines = []
    if (night := report.header.night) is not None:
        lines += night_lines(night, report.coverage.cases)
    if totals := [one for one in exercised(report) if not one.name.endswith("by operation")]:
        lines.append("covered " + ", ".join(f"{one.seen}/{one.declared} {one.name}" for one in totals))
    if rows := fuzzed(report):
        positive, negative = (" ".join(filter(None, rate)) for rate in (rows[-1].positive, rows[-1].negative))
        lines.append(
            f"fuzzed {quantity(len(rows) - 1, 'operation')}: {positive} valid requests accepted, "
            f"{negative} invalid requests rejected, {rows[-1].protocol} protocol requests"
        )
    if amendments := report.coverage.amendments:
        findings = quantity(sum(one.findings for one in amendments), "finding")
        lines.append(
            f"known spec defects: {findings} of {quantity(len(amendments), 'amendment')}, not counted"
        )
    lines += [f"SDK {line}" for line in sdk_lines(report)]
    if (baseline := report.header.baseline) is not None and baseline.entries:
        unseen = f", {report.baseline_unseen} about operations not called" if report.baseline_unseen else ""
        lines.append(
            f"accepted: {quantity(len(report.accepted), 'finding')} by {baseline.file} "
            f"({quantity(len(baseline.entries), 'accepted deviation')}{unseen})"
        )
    return lines


def accepted_lines(report: Report) -> list[str]:
    """Return a line for each finding that the baseline accepts."""
    return [
        f"{row.severity} {row.kind}  {row.operation}  {row.location or WHOLE_BODY}: {row.observed} "
        f"({row.fingerprint})"
        for row in report.accepted
    ]


def baseline_lines(report: Report) -> list[str]:
    """Return a line for each entry of the baseline that has to be corrected, with the correction."""
    file = report.header.baseline.file if report.header.baseline is not None else ""
    return [f"{file}:{one.line}: {one.says}" for one in report.baseline_problems]


def exercised(report: Report) -> list[Exercised]:
    """Return the totals for each aspect of which something is declared."""
    rows = report.coverage.exercise
    shared = {row.aspect: row for row in report.coverage.declarations}
    totals = []
    for aspect, name in _ASPECTS.items():
        if (row := shared.get(aspect)) is not None:
            totals.append(Exercised(name, row.seen, row.declared))
            name = f"{name}, by operation"
        ours = [row for row in rows if row.aspect is aspect]
        totals.append(Exercised(name, sum(row.seen for row in ours), sum(row.declared for row in ours)))
    words = report.coverage.keywords
    totals.append(Exercised("keywords", sum(one.seen for one in words), sum(one.declared for one in words)))
    return [one for one in totals if one.declared]


class FuzzRow(NamedTuple):
    """One line of the fuzzing table; each rate is a fraction and its percentage."""

    operation: str
    positive: tuple[str, str]
    negative: tuple[str, str]
    protocol: int
    shapes: int
    request: str
    response: str


def fuzzed(report: Report) -> list[FuzzRow]:
    """Return what was fuzzed by operation, and the totals in the last line; nothing where nothing was."""
    rows = report.coverage.fuzzed
    return [*(_fuzzed(row.operation, [row]) for row in rows), _fuzzed("total", rows)] if rows else []


def _fuzzed(name: str, rows: Sequence[FuzzCoverage]) -> FuzzRow:
    reached, declared = sum(row.request_reached for row in rows), sum(row.request_declared for row in rows)
    shown, showable = sum(row.response_reached for row in rows), sum(row.response_declared for row in rows)
    return FuzzRow(
        name,
        positive=_rate(sum(row.served for row in rows), sum(row.positive for row in rows)),
        negative=_rate(sum(row.refused for row in rows), sum(row.negative for row in rows)),
        protocol=sum(row.protocol for row in rows),
        shapes=sum(row.shapes for row in rows),
        request=f"{reached}/{declared}",
        response=f"{shown}/{showable}",
    )


def _rate(some: int, of: int) -> tuple[str, str]:
    """Return a part of a whole, and how much of it that is, where there is a whole."""
    return f"{some}/{of}", f"({_share(some, of)})" if of else ""


def _share(some: int, of: int) -> str:
    return f"{some * 1000 // of / 10:.1f} %"


def missing_lines(report: Report, names: int | None = 5) -> list[str]:
    """Return what was not covered of the operations that were seen; unseen ones have a list of their own."""
    unseen = set(report.coverage.unseen)
    rows = [
        (row.operation, f"{row.seen}/{row.declared} {aspect_name(row.aspect)}", row.missing)
        for row in report.coverage.exercise
        if row.operation not in unseen
    ]
    rows += [
        (row.operation, f"{row.request_reached}/{row.request_declared} request elements", row.request_missing)
        for row in report.coverage.fuzzed
    ]
    lines = []
    for operation, figures, missing in sorted(rows, key=lambda one: one[0]):
        if missing:
            shown = missing if names is None else missing[:names]
            more = f", and {len(missing) - len(shown)} more" if len(shown) < len(missing) else ""
            lines.append(f"{operation}: {figures}; not: {', '.join(shown)}{more}")
    return lines


def untestable_lines(report: Report) -> list[str]:
    """Return the requirements that were not testable, with the reasons."""
    return [
        f"○ {one.requirement} on {one.operation}: {quantity(one.exchanges, 'exchange')}; {one.reason}"
        for one in report.coverage.untestable
    ]


def inconclusive_lines(report: Report) -> list[str]:
    """Return the responses that say nothing about the API, with where the first of them is."""
    return [
        f"{one.operation}: {quantity(one.exchanges, 'exchange')}, {one.reason}; "
        f"first {one.file}: {one.position}"
        for one in report.coverage.inconclusive
    ]


def aspect_name(aspect: Aspect) -> str:
    """Return the name of an aspect, for a reader."""
    return _ASPECTS[aspect]


class Glance(NamedTuple):
    """One kind among the findings; `first` is the fingerprint of the first of them."""

    severity: Severity
    kind: Kind
    findings: int
    operations: int
    exchanges: int
    first: str


def glance(rows: Iterable[Row]) -> list[Glance]:
    """Return the findings by kind, worst and most frequent first."""
    grouped: dict[tuple[Severity, Kind], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row.severity, row.kind), []).append(row)
    kinds = [
        Glance(
            severity,
            kind,
            findings=len(same),
            operations=len({row.operation for row in same}),
            exchanges=sum(row.count for row in same),
            first=same[0].fingerprint,
        )
        for (severity, kind), same in grouped.items()
    ]
    return sorted(kinds, key=lambda one: (RANK[one.severity], -one.findings, one.kind))


def _numbers(*parts: tuple[int, str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in parts if number)
