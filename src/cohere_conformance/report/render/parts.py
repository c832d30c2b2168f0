"""What every renderer for people tells in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cohere_conformance.report.shape import REPORT_JSON
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.shape import Example, Header, Report, Row

DEFAULT_FOLDER = "conformance-report"
"""Where the command writes a report unless it is told otherwise."""
COMMAND = "cohere-conformance"
WHOLE_BODY = "the whole body"
AMENDMENTS_NOTE = (
    "Where the published document is known to be wrong or too narrow; never fails a run. To read on:"
)

_Item = TypeVar("_Item")


def server_rows(report: Report) -> list[Row]:
    """Return the unexplained findings about the server."""
    return [row for row in report.findings if row.amendment is None and not row.client_side]


def client_rows(report: Report) -> list[Row]:
    """Return the unexplained findings about requests."""
    return [row for row in report.findings if row.amendment is None and row.client_side]


def first_explained(report: Report, amendment: str) -> str:
    """Return the fingerprint of the first finding that `amendment` explains."""
    return next((row.fingerprint for row in report.findings if row.amendment == amendment), "")


def cut(items: Sequence[_Item], limit: int) -> tuple[Sequence[_Item], str]:
    """Return the first `limit` items and, where that is not all, a line that says so."""
    hidden = len(items) - limit
    return (items, "") if hidden <= 0 else (items[:limit], f"(+{hidden} more in {REPORT_JSON})")


def location(example: Example) -> str:
    """Return the place of an example as a person goes to it."""
    return f"{example.file}: {example.position}" if example.position else example.file


def seen(row: Row) -> str:
    """Return how often a finding was seen, and when."""
    first, last = (row.first_seen or "")[:10], (row.last_seen or "")[:10]
    when = f", recorded {first}" if first else ""
    if last != first:
        when += f" to {last}"
    return quantity(row.count, "exchange") + when


def explain_command(fingerprint: str, folder: str) -> str:
    """Return the command that shows all about a finding."""
    command = f"{COMMAND} explain {fingerprint}"
    return command if folder == DEFAULT_FOLDER else f"{command} --report-dir {folder}"


def contract_line(header: Header) -> str:
    """Return what the traffic was judged against."""
    return f"contract {header.contract_version} ({header.mode}, digest {header.contract_digest[:19]})"


def unrouted_line(number: int) -> str:
    """Return how much traffic went where the contract has nothing."""
    return f"{quantity(number, 'exchange')} with undeclared paths, not judged (see route-unknown)"
