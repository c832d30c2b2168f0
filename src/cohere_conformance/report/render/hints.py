"""Hints about what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.report.absent import absent_statuses, is_absent
from cohere_conformance.report.render.parts import COMMAND
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from cohere_conformance.report.coverage import CaseCoverage
    from cohere_conformance.report.shape import Cause, Report, Row


def absent(report: Report) -> str:
    """Return a hint if operations do not seem to exist on the target; else an empty text."""
    never = list(filter(is_absent, report.coverage.operations))
    if report.header.target is None or not never:
        return ""
    statuses = {status for one in never for status in absent_statuses(one)}
    names = ", ".join(one.operation for one in never)
    return (
        f"every response of {names} is {' or '.join(sorted(statuses))}: if the target does "
        "not implement that, name what it implements with --declares"
    )


def revival(report: Report, shown: Row | Cause) -> str:
    """Return how to start the embedded server of the run again, so that a curl command works."""
    target, (_, _, url) = report.header.target, shown.example.request.partition(" ")
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    if target is None or not target.serve or port is None:
        return ""
    command = shlex.join([COMMAND, *target.serve, "--port", str(port)])
    return f"The server of this run has stopped. Start it again: {command} (it prints its key)."


def missing(cases: CaseCoverage) -> list[str]:
    """Return what to write in a configuration for each feature that the target seems to do without."""
    return [
        f"{quantity(one.cases, 'case')} fail because the target does without: {one.title}; if that is meant, "
        f'add without = ["{one.feature}"], or --without {one.feature}'
        for one in cases.missing
    ]
