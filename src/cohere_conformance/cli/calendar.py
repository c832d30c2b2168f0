"""`calendar`: what is deprecated, what of it was seen, and how many days are left."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from cohere_conformance.contract import load_contract
from cohere_conformance.errors import UsageError
from cohere_conformance.history import stored_runs
from cohere_conformance.report import load
from cohere_conformance.report.deprecated import calendar as known_rows
from cohere_conformance.report.deprecated import counted, united
from cohere_conformance.report.render.deprecated import (
    Calendar,
    calendar_json,
    calendar_markdown,
    calendar_terminal,
)
from cohere_conformance.session.deprecations import deprecated_parts, known_deprecations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report import Deprecation


@click.command()
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--history",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also what the runs in this file have seen.",
)
@click.option(
    "--on",
    "day",
    metavar="DAY",
    help="Count the days from this one, such as 2026-11-29.  [default: that of the newest report or run, "
    "else today]",
)
@click.option("--seen", is_flag=True, help="Only what was seen.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["terminal", "markdown", "json"]),
    default="terminal",
    show_default=True,
    help="Format of the output.",
)
def calendar(reports: tuple[Path, ...], history: Path | None, day: str | None, seen: bool, style: str) -> int:
    """List what is deprecated, what of it the REPORTS have seen, and how many days are left.

    Operations, parameters, properties and models are known from the OpenAPI document and from the lists of
    ends and of models in the contract; notices are what servers say in x-api-warning and meta.warnings. What
    ends first comes first.

    \b
    Examples:
      cohere-conformance calendar conformance-report --seen
      cohere-conformance calendar --history nightly.sqlite --format markdown
    """
    rows, days = _found(reports, history)
    day = _day(day) or max(days, default=None) or datetime.datetime.now(datetime.UTC).date().isoformat()
    known = (*known_deprecations(load_contract()), *deprecated_parts())
    listed = counted(united([*known_rows(known, (), day, all_known=True), *rows]), day)
    made = Calendar(
        day=day,
        sources=tuple(map(str, [*reports, *([history] if history else [])])),
        deprecations=tuple(row for row in listed if row.count or not seen),
    )
    if style == "json":
        click.echo(calendar_json(made))
    elif style == "markdown":
        click.echo(calendar_markdown(made))
    else:
        calendar_terminal(made, Console(soft_wrap=False))
    return 0


def _found(reports: Sequence[Path], history: Path | None) -> tuple[list[Deprecation], list[str]]:
    """Return what reports and the runs of a history have seen, and their days; a run counts once."""
    seen: dict[tuple[str, str, tuple[Deprecation, ...]], None] = {}
    for path in reports:
        report = load(path)
        seen[report.header.started_at, report.footer.finished_at, report.deprecated] = None
    for _, run in stored_runs(history) if history else ():
        seen[run.started_at, run.finished_at, run.deprecated] = None
    return [row for *_, rows in seen for row in rows], [ended[:10] for _, ended, _ in seen]


def _day(day: str | None) -> str:
    if day is None:
        return ""
    try:
        return datetime.date.fromisoformat(day).isoformat()
    except ValueError as error:
        raise UsageError(f"--on {day[:80]!r}: expected a day such as 2026-11-29") from error
