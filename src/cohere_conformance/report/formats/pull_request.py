"""A comment for a pull request: the verdict and the causes, folded, in GitHub's Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.render import members, parts, sdks
from cohere_conformance.report.render.safe import markdown_code as code
from cohere_conformance.report.render.safe import markdown_text as prose
from cohere_conformance.report.verdict import CONFORMS, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.report.shape import Cause, Report

MOST = 10
_LONGEST_COMMAND = 2000
MARK = "<!-- cohere-conformance -->"
"""The first line, by which a workflow finds its own comment to update it."""


def render(report: Report) -> bytes:
    """Return the comment: verdict, at most ten causes with their curl command, and what was not looked at."""
    return ("\n".join(_lines(report)) + "\n").encode("utf-8", "backslashreplace")


def _lines(report: Report) -> Iterator[str]:
    yield MARK
    sign = ":white_check_mark:" if report.footer.exit_code == CONFORMS else ":x:"
    yield f"{sign} **{prose(report.footer.verdict)}**"
    yield ""
    if report.causes:
        yield from ("| | cause | operations | findings | cases |", "|---|---|---|--:|--:|")
        for cause in report.causes[:MOST]:
            yield _row(cause)
        if len(report.causes) > MOST:
            yield from ("", f"{quantity(len(report.causes) - MOST, 'more cause')} in the report.")
        yield ""
        for cause in report.causes[:MOST]:
            yield from _details(cause)
    unseen = report.coverage.unseen
    if unseen:
        yield f"{quantity(len(unseen), 'operation')} not tested."
    if report.coverage.cases is not None:
        yield f"Cases: {prose(parts.cases_line(report.coverage.cases))}."
    yield f"<sub>{prose(parts.contract_line(report.header))}; exit code {report.footer.exit_code}</sub>"


def _row(cause: Cause) -> str:
    shown = ", ".join(code(label) for label in cause.operations[:2])
    more = f" and {len(cause.operations) - 2} more" if len(cause.operations) > 2 else ""
    numbers = f"{len(cause.findings)} | {cause.cases}"
    return f"| {cause.severity} | {prose(cause.title)} | {shown}{more} | {numbers} |"


def _details(cause: Cause) -> Iterator[str]:
    yield f"<details><summary>{prose(cause.title)}</summary>"
    yield from ("", prose(cause.change), "")
    for line in (members.blame_unless_server(cause), *sdks.effect_lines(cause)):
        if line:
            yield from (prose(f"{line[0].upper()}{line[1:]}"), "")
    if cause.example.curl is not None and len(cause.example.curl) <= _LONGEST_COMMAND:
        yield f"Reproduce: {code(cause.example.curl, longest=None)}"
    yield from (
        "",
        f"More: {code(parts.explain_command(cause.id, parts.DEFAULT_FOLDER))}",
        "",
        "</details>",
        "",
    )
