"""Longer words about a kind of finding, or about one finding of a report."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.data import folder
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.model import Kind
from cohere_conformance.report.render import hints, members, parts, sdks
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.shape import REPORT_JSON

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Cause, Report, Row


def explain_kind(name: str) -> str:
    """Return the page about a kind of finding, in Markdown.

    Raises:
        UsageError: there is no such kind.
        ReportError: the installation lacks the page.
    """
    wanted = name.strip().lower().replace("_", "-")
    names = [kind.value for kind in Kind]
    if wanted not in names:
        near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
        if not near:
            near = [known for known in names if wanted and wanted in known]
        hint = f"did you mean {' or '.join(near)}?" if near else f"the kinds are {', '.join(names)}"
        raise UsageError(f"expected the name of a kind of finding, got {plain(name)!r}; {hint}")
    path = folder("reports") / "kinds" / f"{wanted}.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise ReportError(f"{path}: expected the page about {wanted}, got: {reason}; reinstall") from error


def explain_finding(report: Report, fingerprint_prefix: str) -> str:
    """Return all that a report knows about one finding, and the page about its kind; or about one cause.

    Args:
        report: the report that holds it.
        fingerprint_prefix: as many leading digits of the fingerprint as make it unique, or the id of a cause.

    Raises:
        UsageError: no finding begins so and no cause has that id, or more than one finding begins so.
    """
    prefix = fingerprint_prefix.strip().lower()
    for cause in report.causes:
        if cause.id == prefix:
            return explain_cause(report, cause)
    every = (*report.findings, *report.known_defects)
    rows = [row for row in every if prefix and row.fingerprint.startswith(prefix)]
    found = sorted({row.fingerprint for row in rows})
    if not rows:
        raise UsageError(
            f"expected the fingerprint of one of the {len(every)} findings of this report, "
            f"or the id of one of its {len(report.causes)} causes, "
            f"got {plain(fingerprint_prefix)!r}; {REPORT_JSON} lists them"
        )
    if len(found) > 1:
        candidates = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise UsageError(
            f"{plain(prefix)!r} is the beginning of {len(found)} fingerprints; name one of {candidates}"
        )
    # One fingerprint has two rows where an amendment explains it in some exchanges and not in others.
    return "\n".join([*(_details(report, row) for row in rows), explain_kind(rows[0].kind)])


def explain_cause(report: Report, cause: Cause) -> str:
    """Return what is wrong, what to change, and every finding of a cause, with its smallest exchange.

    Args:
        report: the report that holds it.
        cause: one of its causes.
    """
    rows = {row.fingerprint: row for row in report.findings}
    listed = [rows[name] for name in cause.findings if name in rows]
    fields = {
        "cause": cause.id,
        "change": cause.change,
        "blame": members.blame_line(cause),
        "SDK": "; ".join(sdks.effect_lines(cause)),
        "operations": ", ".join(cause.operations),
        "extent": members.cause_extent(cause),
        "cases": members.shown_cases(cause.case_ids),
        "framework": cause.framework,
        "feature": cause.feature
        and f"{cause.feature} (--without {cause.feature}, if it is not meant to exist)",
        "example": parts.location(cause.example),
    }
    lines = [f"{cause.severity.upper()} {plain(cause.title, longest=None)}", ""]
    lines += [f"  {name:<12} {plain(value, longest=None)}" for name, value in fields.items() if value]
    lines += ["", f"Findings: {len(listed)}", ""]
    lines += [f"  {row.fingerprint}  {plain(members.head(row), longest=None)}" for row in listed]
    lines += ["", "Request:", "", plain(cause.example.request_text, longest=None, keep="\n\t"), ""]
    lines += ["Response:", "", plain(cause.example.response_text, longest=None, keep="\n\t"), ""]
    example = msgspec.structs.replace(listed[0], example=cause.example) if listed else None
    lines += _reproduction(report, example) if example else []
    if report.header.target is not None and cause.case_ids:
        lines += ["", f"All requests of a case that shows it, as a shell script: explain {cause.id} --script"]
    return "\n".join([*lines, ""])


def _details(report: Report, row: Row) -> str:
    example = row.example
    fields = {
        "fingerprint": row.fingerprint,
        "severity": row.severity.value,
        "operation": row.operation,
        "status": str(row.status),
        "location": row.location or parts.WHOLE_BODY,
        "requirement": row.requirement,
        "amendment": row.amendment and f"{row.amendment} (explains it; it does not fail a run)",
        "expected": row.expected,
        "observed": row.observed,
        "omitted": parts.omitted(row),
        "seen in": parts.seen(row),
        "SDK": "; ".join(sdks.effect_lines(row)),
        "example": parts.location(example),
        "recorded at": example.recorded_at,
        "request": example.request,
    }
    lines = [f"{row.severity.upper()} {row.kind}", ""]
    lines += [f"  {name:<12} {plain(value, longest=None)}" for name, value in fields.items() if value]
    return "\n".join([*lines, "", *_reproduction(report, row), ""])


def _reproduction(report: Report, row: Row) -> list[str]:
    curl = row.example.curl
    if curl is None:
        return ["The request is not repeated here: it is too long or was not kept. See the example's file."]
    lines = [f"Reproduce (the key is read from {KEY_VARIABLE}):", "", plain(curl, longest=None)]
    if row.example.inexact:
        why = plain("; ".join(row.example.inexact))
        lines += ["", f"Not exact: {why}. The request that was judged was another one."]
    if counted := parts.commands_line(report):
        lines += ["", counted]
    if again := hints.revival(report, row):
        lines += ["", plain(again, longest=None)]
    return lines
