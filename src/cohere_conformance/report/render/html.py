"""The report as one page of HTML that needs no network: to be looked at, sent to somebody, or printed."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import shlex
from datetime import datetime
from typing import TYPE_CHECKING, Any

import jinja2
import msgspec
from markupsafe import Markup

from cohere_conformance.data import folder as shipped
from cohere_conformance.errors import ReportError
from cohere_conformance.inputs.derived import load_derived, store_derived
from cohere_conformance.report.explain import explain_kind
from cohere_conformance.report.render import (
    deprecated,
    hints,
    latency_bars,
    matrix,
    members,
    parts,
    sdks,
    wording,
)
from cohere_conformance.report.render.changes import changes_lines
from cohere_conformance.report.render.golden import golden_line, observed_lines
from cohere_conformance.report.render.night import night_lines
from cohere_conformance.report.render.page_data import notes, page_data
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.render.trend import trend_picture

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2.bccache import Bucket

    from cohere_conformance.model import Kind
    from cohere_conformance.report.shape import Report, Row

TEMPLATE = "report.html.j2"
LIMIT = 200
"""More findings, files or reasons than this are not shown: nobody reads them here, and browsers slow down."""
LONGEST_LINE = 600
LONGEST_BLOCK = 16_384
LONGEST_COMMAND = 4096
"""A longer command is not shown: cut, it would be wrong."""
_VERDICTS = {0: ("good", "✓"), 1: ("bad", "✗")}
_PARAGRAPH = re.compile(r"^## What it means\n+(.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)


def render(report: Report, *, folder: str = parts.DEFAULT_FOLDER) -> bytes:
    """Return the report as an HTML page in UTF-8.

    Every value is escaped by the template, and what does not print is shown as an escape before that. The
    page's own policy forbids scripts other than the one that copies commands, and all traffic.

    Args:
        report: what was found.
        folder: where the report was written, for the commands that open it.

    Raises:
        ReportError: the installation lacks the template, or it is broken.
    """
    state, symbol = _VERDICTS.get(report.footer.exit_code, ("unsure", "!"))
    word, _, rest = report.footer.verdict.partition(": ")
    rows = [*parts.server_rows(report), *parts.client_rows(report)]
    data, evidence = page_data(
        report,
        rows,
        {kind: _meaning(kind) for kind in {row.kind for row in rows}},
        parts.explain_command("FINGERPRINT", shlex.quote(folder)),
        functools.partial(_evidence, report),
    )
    try:
        page = environment().get_template(TEMPLATE)
        text = page.render(
            report=report,
            parts=parts,
            members=members,
            sdks=sdks,
            deprecated=deprecated,
            golden_line=golden_line,
            observed_lines=observed_lines,
            night_lines=night_lines,
            hints=hints,
            wording=wording,
            state=state,
            symbol=symbol,
            word=word,
            rest=rest,
            duration=_duration(report),
            columns=matrix.columns(report),
            groups=matrix.matrix(report),
            rows=rows,
            data=Markup(data),
            evidence=Markup(evidence),
            style=Markup(part("report.css")),
            script=Markup(part("report.js")),
            latency=latency_bars.picture(report),
            changed=changes_lines(report.changes, limit=LIMIT),
            states={one.id: one.state for one in report.changes.causes} if report.changes else {},
            trend=trend_picture(report),
            in_words=latency_bars.duration,
            known_defects=report.known_defects,
            limit=LIMIT,
            longest_command=LONGEST_COMMAND,
        )
    except jinja2.TemplateError as error:
        raise ReportError(
            f"reports/templates/{TEMPLATE}: expected the template of the page, got: {error}; reinstall"
        ) from error
    return text.encode("utf-8", "backslashreplace")


class _StoredBytecode(jinja2.BytecodeCache):
    """Stores compiled templates: compiling one takes longer than rendering a page."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load the compiled form of a template, if it is stored."""
        stored = load_derived(_template(bucket), b"")
        if stored is not None:
            bucket.bytecode_from_string(stored)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Store the compiled form of a template; it has a checksum of its source."""
        store_derived(_template(bucket), b"", bucket.bytecode_to_string())


def _template(bucket: Bucket) -> Path:
    return shipped("reports") / "templates" / bucket.key


@functools.cache
def environment() -> jinja2.Environment:
    """Return what renders the templates of pages: every value is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped("reports") / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_StoredBytecode(),
    )
    made.filters["line"] = _line
    made.filters["block"] = _block
    made.filters["verbatim"] = _verbatim
    made.filters["digest"] = _digest
    return made


def _line(value: object) -> str:
    return plain(str(value), longest=LONGEST_LINE)


def _block(text: str) -> str:
    """Return a text of several lines; a body of JSON is indented, token by token as it was received."""
    head, gap, body = text.partition("\n\n")
    try:
        indented = msgspec.json.format(body, indent=2)
    except (ValueError, RecursionError):
        indented = body
    # Deep nesting must not turn four kilobytes into megabytes of blanks.
    if len(indented) <= LONGEST_BLOCK:
        text = f"{head}{gap}{indented}"
    return plain(text, longest=LONGEST_BLOCK, keep="\n\t")


def _verbatim(text: str) -> str:
    """Return a command: nothing is cut, and it differs only where it holds what does not print."""
    return plain(text, longest=None, keep="\n\t")


def _digest(text: str) -> str:
    """Return what a policy names a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(str(text).encode("utf-8")).digest()).decode("ascii")


def part(name: str) -> str:
    """Return the style or the script of the page, both of which are ours: no value is put into them."""
    path = shipped("reports") / "templates" / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise ReportError(f"{path}: expected a part of the page, got: {reason}; reinstall") from error


def _evidence(report: Report, row: Row) -> dict[str, Any] | None:
    """Return request, response and command of a finding; `None` if they were not kept."""
    example = row.example
    if not (example.request_text or example.response_text or example.curl):
        return None
    curl = example.curl if example.curl and len(example.curl) <= LONGEST_COMMAND else ""
    return {
        "request": _block(example.request_text),
        "response": _block(example.response_text),
        "curl": _verbatim(curl),
        "notes": notes(report, row) if curl else [],
    }


def _meaning(kind: Kind) -> str:
    """Return the first paragraph of the page about a kind; without it a report is still a report."""
    try:
        found = _PARAGRAPH.search(explain_kind(kind))
    except ReportError:
        return ""
    return " ".join(found.group(1).replace("`", "").split()) if found else ""


def _duration(report: Report) -> str:
    try:
        began, ended = map(datetime.fromisoformat, (report.header.started_at, report.footer.finished_at))
        seconds = int((ended - began).total_seconds())
    except (ValueError, TypeError):
        return ""
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
