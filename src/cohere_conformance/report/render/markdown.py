"""The report in GitHub's Markdown, for a job summary or a comment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cohere_conformance.report.render import hints, members, parts, sdks, wording
from cohere_conformance.report.render.changes import changes_lines
from cohere_conformance.report.render.deprecated import markdown_lines
from cohere_conformance.report.render.golden import golden_line, observed_lines
from cohere_conformance.report.render.night import night_lines
from cohere_conformance.report.render.roles import models_line
from cohere_conformance.report.render.safe import markdown_code as code
from cohere_conformance.report.render.safe import markdown_text as prose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.report.shape import Report, Row

_FINDINGS = 10
"""Findings of one cause that are shown."""


def render(report: Report, *, folder: str = parts.DEFAULT_FOLDER, limit: int = 50) -> str:
    """Return the report as Markdown.

    Args:
        report: what was found.
        folder: where the report was written, for the commands that open it.
        limit: longest list to show in full, so that the text fits into a comment.
    """
    folder = shlex.quote(folder)
    coverage = report.coverage
    unreadable = [f"{code(one.file)}: {code(one.where)}: {prose(one.reason)}" for one in coverage.unreadable]
    remarks = [f"{code(one.file)}: {code(one.where)}: {prose(one.text)}" for one in coverage.remarks]
    skipped = [f"{code(one.file)}: {prose(one.reason)}" for one in coverage.skipped]
    hosts = sorted(coverage.other_hosts.hosts.items(), key=lambda item: (-item[1], item[0]))
    foreign = [f"{code(host)}: {number}" for host, number in hosts]
    lines = [
        "# Conformance report",
        "",
        f"**{prose(report.footer.verdict)}**",
        "",
        *_changed(report),
        *_introduction(report),
        *_exercised(report),
        *_glance(parts.server_rows(report)),
        *_causes(report, folder, limit),
        *_list(parts.BASELINE, [prose(line) for line in parts.baseline_lines(report)], limit),
        *_list(parts.ACCEPTED, [prose(line) for line in parts.accepted_lines(report)], limit),
        *markdown_lines(report.deprecated[:limit]),
        *_ends(report, limit),
        *_operations(report),
        *_fuzzed(report),
        *_amendments(report, folder, limit),
        *_list(parts.INCONCLUSIVE, [prose(line) for line in parts.inconclusive_lines(report)], limit),
        *_list(parts.NOT_TESTABLE, [prose(line) for line in parts.untestable_lines(report)], limit),
        *_folded("Operations never seen", coverage.unseen, limit=None),
        *_folded(parts.NOT_EXERCISED, parts.missing_lines(report), limit=limit),
        *_list("Other hosts, not judged", foreign, limit),
        *_list("Remarks", remarks, limit),
        *_list("Skipped files", skipped, limit),
        *_list("Unreadable inputs", unreadable, limit),
        f"Exit code {report.footer.exit_code}. All rows and counts: `report.json`.",
    ]
    return "\n".join(lines) + "\n"


def _changed(report: Report) -> Iterator[str]:
    lines = [prose(line) for line in changes_lines(report.changes)]
    if lines:
        yield from (lines[0], "")
        yield from (f"- {line}" for line in lines[1:])
        yield from ([""] if lines[1:] else [])


def _introduction(report: Report) -> Iterator[str]:
    header = report.header
    inputs, more = parts.cut(header.inputs, 10)
    traffic = ", ".join(code(path) for path in inputs)
    if header.target is not None:
        yield f"- target: {code(parts.target_line(header.target), longest=None)}"
        if models := models_line(header.target):
            yield f"- models: {code(models, longest=None)}"
    if header.configuration is not None:
        yield f"- configuration: {code(header.configuration.line, longest=None)}"
    if header.golden is not None:
        yield f"- {golden_line(header.golden)}"
    yield from (f"- {prose(line)}" for line in observed_lines(header))
    if report.coverage.cases is not None:
        yield f"- cases: {prose(parts.cases_line(report.coverage.cases))}"
        if hint := hints.absent(report):
            yield f"- {prose(hint)}"
        for hint in hints.missing(report.coverage.cases):
            yield f"- {prose(hint)}"
    if header.night is not None:
        yield from (f"- {prose(line)}" for line in night_lines(header.night, report.coverage.cases))
    yield f"- {prose(parts.contract_line(header))}; fails on {header.fail_on}"
    if header.target is None:
        yield f"- traffic: {traffic} {more}".rstrip()
    yield f"- {prose(header.tool)} {prose(header.version)}, {prose(header.started_at)}"
    if report.coverage.unrouted:
        yield f"- {parts.unrouted_line(report.coverage.unrouted)}"
    for line in parts.unjudged_lines(report.footer.totals):
        yield f"- {line}"
    if commands := parts.commands_line(report):
        yield f"- {commands}"
    yield ""


def _exercised(report: Report) -> Iterator[str]:
    totals = parts.exercised(report)
    if totals:
        yield from ("| exercised | seen | declared | share |", "|---|--:|--:|--:|")
        yield from (f"| {one.name} | {one.seen} | {one.declared} | {one.share} |" for one in totals)
        yield ""


def _glance(rows: Sequence[Row]) -> Iterator[str]:
    if len(rows) >= parts.GLANCE_FROM:
        yield from ("| severity | kind | findings | operations | exchanges |", "|---|---|--:|--:|--:|")
        for one in parts.glance(rows):
            numbers = f"{one.findings} | {one.operations} | {one.exchanges}"
            yield f"| {one.severity} | `{one.kind}` | {numbers} |"
        yield ""


def _ends(report: Report, limit: int) -> Iterator[str]:
    if report.coverage.cases is not None:
        cases = report.coverage.cases
        lines = [prose(line) for line in parts.end_lines(cases)]
        yield from _list("Cases without a response", lines, limit, len(parts.ends_with_reason(cases)))


def _causes(report: Report, folder: str, limit: int) -> Iterator[str]:
    """Yield the causes about the server, each with its findings."""
    if not report.causes:
        return
    rows = {row.fingerprint: row for row in report.findings}
    causes, more = parts.cut(report.causes, limit)
    yield from (f"## Causes: {len(report.causes)}", "")
    if lines := sdks.sdk_lines(report):
        yield from (*(f"SDK {prose(line)}  " for line in lines), "")
    for number, cause in enumerate(causes, start=1):
        yield f"{number}. **{cause.severity}** {prose(cause.title)}"
        yield f"    - change: {prose(cause.change)}"
        if blame := members.blame_line(cause):
            yield f"    - blame: {prose(blame)}"
        yield from (f"    - SDK: {prose(effect)}" for effect in sdks.effect_lines(cause))
        operations = ", ".join(map(code, cause.operations[:5]))
        yield f"    - operations: {operations}{_rest(len(cause.operations) - 5)}"
        yield f"    - shown by: {code(members.cause_extent(cause))}"
        if cases := members.shown_cases(cause.case_ids):
            yield f"    - cases: {code(cases)}"
        if cause.framework:
            yield f"    - framework: {prose(cause.framework)}"
        yield f"    - request: {code(cause.example.request)}"
        yield f"    - more: {code(parts.explain_command(cause.id, folder), longest=None)}"
        listed = [rows[name] for name in cause.findings if name in rows]
        for row in listed[:_FINDINGS]:
            yield f"    - `{row.fingerprint}` {code(members.head(row))}"
            yield f"        - expected: {code(wording.expected(row))}"
            yield f"        - observed: {code(row.observed)}"
        if len(listed) > _FINDINGS:
            yield f"    - {len(listed) - _FINDINGS} more findings"
    if more:
        yield from ("", more)
    yield ""


def _rest(number: int) -> str:
    return f" and {number} more" if number > 0 else ""


def _operations(report: Report) -> Iterator[str]:
    operations = report.coverage.operations
    if operations:
        yield from (f"## Operations: {len(operations)}", "")
        yield "| operation | judged | clean | breaking | additive | spec defects | statuses | streams |"
        yield "|---|--:|--:|--:|--:|--:|---|--:|"
        for one in operations:
            statuses = ", ".join(
                f"{prose(status)}: {number}" for status, number in sorted(one.statuses.items())
            )
            numbers = (one.judged, one.clean, one.breaking, one.additive, one.known_defects)
            cells = [code(one.operation), *map(str, numbers), statuses, str(one.streams)]
            yield f"| {' | '.join(cells)} |"
        yield ""


def _fuzzed(report: Report) -> Iterator[str]:
    rows = parts.fuzzed(report)
    if not rows:
        return
    yield from (f"## Fuzzed: {len(rows) - 1}", "")
    yield f"| operation | {' | '.join(parts.FUZZED_COLUMNS)} |"
    yield f"|---|{'--:|' * len(parts.FUZZED_COLUMNS)}"
    for one in rows:
        name = code(one.operation) if one is not rows[-1] else one.operation
        rates = (" ".join(filter(None, rate)) for rate in (one.positive, one.negative))
        cells = (name, *rates, str(one.protocol), str(one.shapes), one.request, one.response)
        yield f"| {' | '.join(cells)} |"
    yield from ("", parts.FUZZED_NOTE, "")


def _amendments(report: Report, folder: str, limit: int) -> Iterator[str]:
    amendments = report.coverage.amendments
    if not amendments:
        return
    shown, more = parts.cut(amendments, limit)
    command = code(parts.explain_command("FINGERPRINT", folder), longest=None)
    yield from (f"## {parts.KNOWN_DEFECTS}: {len(amendments)}", "")
    yield from ("| amendment | findings | exchanges | first finding |", "|---|--:|--:|---|")
    for one in shown:
        first = code(parts.first_explained(report, one.amendment))
        yield f"| {code(one.amendment)} | {one.findings} | {one.exchanges} | {first} |"
    if more:
        yield from ("", more)
    yield from ("", f"{parts.AMENDMENTS_NOTE} {command}", "")


def _folded(title: str, items: Sequence[str], *, limit: int | None) -> Iterator[str]:
    if not items:
        return
    shown, more = (items, "") if limit is None else parts.cut(items, limit)
    yield from ("<details>", f"<summary>{title}: {len(items)}</summary>", "")
    yield from (f"- {code(item)}" for item in shown)
    if more:
        yield from ("", more)
    yield from ("", "</details>", "")


def _list(title: str, lines: Sequence[str], limit: int, number: int = 0) -> Iterator[str]:
    if not lines:
        return
    shown, more = parts.cut(lines, limit)
    yield from (f"## {title}: {number or len(lines)}", "")
    yield from (f"- {line}" for line in shown)
    if more:
        yield from ("", more)
    yield ""
