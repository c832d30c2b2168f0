"""Hints about what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.names import fewest_names
from cohere_conformance.report.absent import absent_statuses
from cohere_conformance.report.render.parts import COMMAND
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from cohere_conformance.report.coverage import CaseCoverage
    from cohere_conformance.report.shape import Cause, Report, Row


def absent(report: Report) -> str:
    """Return a hint if operations do not seem to exist on the target; else an empty text."""
    labels = {label for cause in report.causes if cause.rule == "no-operation" for label in cause.operations}
    known = report.coverage.operations
    if report.header.target is None or not labels:
        return ""
    statuses = set[str]().union(*(absent_statuses(one) for one in known if one.operation in labels))
    others = fewest_names(
        {one.operation for one in known} - labels, report.coverage.groups, _selected(report)
    )
    claim = f", add --declares {shlex.quote(','.join(others))}" if others else ""
    return (
        f"{quantity(len(labels), 'operation')} not implemented (status {' or '.join(sorted(statuses))}); "
        f"if that is meant{claim or ', name what the target implements with --declares'}"
    )


def _selected(report: Report) -> tuple[str, ...]:
    """Return the names that have selected the operations of a run; none if all were selected."""
    if report.header.target is not None and report.header.target.declares:
        return report.header.target.declares
    only = [one.removeprefix("--only=") for one in report.header.arguments if one.startswith("--only=")]
    return tuple(name.strip() for one in only for name in one.split(","))


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
