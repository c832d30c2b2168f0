"""What a reader can do about what a report shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.report.render.parts import COMMAND

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Report, Row

_ALWAYS = 3
"""So many answers at least are needed to say what an operation always answers."""


def absent(report: Report) -> str:
    """Return a hint where operations are not there at all, as far as their answers show; else nothing."""
    never = [
        one.operation
        for one in report.coverage.operations
        if one.breaking == one.judged >= _ALWAYS and one.statuses.keys() <= {"404", "405", "501"}
    ]
    if report.header.target is None or not never:
        return ""
    statuses = {name for one in report.coverage.operations if one.operation in never for name in one.statuses}
    return (
        f"every answer of {', '.join(never)} is {' or '.join(sorted(statuses))}: where the target is not "
        "meant to have that, name what it has with --declares"
    )


def revival(report: Report, row: Row) -> str:
    """Return how to start the server again that a command is for, where it has ended with the run."""
    target, (_, _, url) = report.header.target, row.example.request.partition(" ")
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    if target is None or not target.serve or port is None:
        return ""
    command = shlex.join([COMMAND, *target.serve, "--port", str(port)])
    return f"That server has ended with the run; {command} starts it again, and tells its key."
