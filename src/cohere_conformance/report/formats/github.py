"""Annotations of GitHub Actions: lines of a log that its runner shows beside the changed files.

Source of the syntax: "Workflow commands for GitHub Actions" of GitHub's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Severity
from cohere_conformance.report.render import members, sdks
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import CONFORMS, DEVIATES, quantity

if TYPE_CHECKING:
    from cohere_conformance.report.formats.sources import Locate
    from cohere_conformance.report.shape import Cause, Report

MOST = 10
"""GitHub shows at most ten annotations of a level for each step."""
_COMMANDS = {Severity.BREAKING: "error", Severity.ADDITIVE: "warning", Severity.NOTICE: "notice"}


def render(report: Report, locate: Locate) -> bytes:
    """Return the causes as annotations, the most important one first, at most ten of each level.

    Args:
        report: the report.
        locate: returns the line of a finding.
    """
    lines = []
    if report.footer.exit_code not in {CONFORMS, DEVIATES}:
        lines.append(_command("error", {"title": "No verdict"}, report.footer.verdict))
    rows = {row.fingerprint: row for row in report.findings}
    shown = dict.fromkeys(_COMMANDS.values(), 0)
    for cause in report.causes:
        command = _COMMANDS[cause.severity]
        shown[command] += 1
        if shown[command] <= MOST:
            row = next((rows[one] for one in cause.findings if one in rows), None)
            line = locate(row) if row is not None else None
            where = {"file": line.file, "line": str(line.line)} if line is not None else {}
            lines.append(_command(command, where | {"title": cause.title}, _message(cause)))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _message(cause: Cause) -> str:
    operations = ", ".join(cause.operations[:3]) + (", ..." if len(cause.operations) > 3 else "")
    numbers = f"{quantity(len(cause.findings), 'finding')}, {quantity(cause.cases, 'case')} to turn green"
    lines = [cause.change, members.blame_unless_server(cause), *sdks.effect_lines(cause), operations]
    return "\n".join(filter(None, lines)) + f"\n{numbers}; cohere-conformance explain {cause.id}"


def _command(name: str, properties: dict[str, str], message: str) -> str:
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {written}::{_data(message)}"


def _data(text: str) -> str:
    """Return a message with what ends it escaped; the lines stay apart."""
    shown = "\n".join(plain(line) for line in text.split("\n"))
    return shown.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(" ".join(text.split())).replace(":", "%3A").replace(",", "%2C")
