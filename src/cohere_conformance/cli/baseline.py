"""`baseline`: accept deviations for a time, and remove entries that have nothing left to accept."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cohere_conformance.baseline import DEFAULT_FILE, append, load_baseline, remove
from cohere_conformance.baseline.load import mistake_in
from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import UsageError
from cohere_conformance.report import load
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from cohere_conformance.report import Report

_FILE = click.option(
    "--baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_FILE,
    show_default=True,
    help="File of accepted deviations.",
)


@click.group()
def baseline() -> None:
    """Accept deviations until a day, in a file that belongs into your repository.

    What is accepted is shown and counted apart, and does not fail a run. An entry that is expired, or that
    matches nothing any more, fails it.

    \b
    Example:
      cohere-conformance baseline accept 0332ba7bedad --reason "Fixed in release 4.2" --expires 2027-01-31
    """


@baseline.command()
@click.argument("name", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is accepted.")
@click.option("--expires", required=True, metavar="DAY", help="Last day on which it is accepted: 2027-01-31.")
@click.option("--owner", default="", metavar="NAME", help="Who answers for it.")
@click.option("--link", default="", metavar="URL", help="Where it is discussed, such as an issue.")
@_FILE
@options.report_dir
@configurable
def accept(
    name: str, reason: str, expires: str, owner: str, link: str, baseline: Path, report_dir: Path
) -> int:
    """Accept a finding, or all findings of a cause, of the last report.

    ID is a fingerprint or the id of a cause, as the report shows them.

    \b
    Example:
      cohere-conformance baseline accept 0332ba7bedad --reason "Fixed in release 4.2" --expires 2027-01-31
    """
    given = {
        "reason": reason.strip(),
        "owner": owner.strip(),
        "link": link.strip(),
        "expires": expires.strip(),
    }
    mistake = mistake_in(given)
    if mistake is not None:
        raise UsageError(f"--{mistake[1]}; nothing was accepted")
    if given["expires"] < dt.datetime.now(dt.UTC).date().isoformat():
        raise UsageError(f"--expires: expected a day that is not over, got {given['expires']}")
    report = load(report_dir)
    entry, about = _entry(report, name.strip().lower())
    if baseline.exists():
        for known in load_baseline(baseline).entries:
            if entry.get("finding") == known.finding != "" or entry.get("cause") == known.cause != "":
                raise UsageError(f"{baseline}:{known.line}: accepts {plain(name)} already; change that entry")
    append(baseline, entry | given, about)
    click.echo(f"{baseline}: accepted until {given['expires']}: {about}")
    return 0


def _entry(report: Report, name: str) -> tuple[dict[str, str], str]:
    """Return the keys that name a finding or a cause, and what it is."""
    causes = [cause for cause in report.causes if cause.id == name]
    if causes:
        cause = causes[0]
        operation = cause.operations[0] if len(cause.operations) == 1 else ""
        return {"cause": cause.id, "operation": _declared(operation)}, plain(
            f"{quantity(len(cause.findings), 'finding')}: {cause.title}"
        )
    rows = [row for row in report.findings if len(name) > 3 and row.fingerprint.startswith(name)]
    if len({row.fingerprint for row in rows}) != 1:
        raise UsageError(
            f"expected the fingerprint of one of the {len(report.findings)} open findings or the id of one "
            f"of the {len(report.causes)} causes of the report, got {plain(name)!r}; report.json lists them"
        )
    row = rows[0]
    named = {"finding": row.fingerprint, "operation": _declared(row.operation), "kind": row.kind.value}
    return named, plain(f"{row.location or 'the whole body'}: {row.observed}")


def _declared(operation: str) -> str:
    """Return the label of an operation, or nothing if the contract lacks it: it only helps people to read."""
    return operation if operation in load_contract().operations else ""


@baseline.command()
@_FILE
@options.report_dir
@configurable
def prune(baseline: Path, report_dir: Path) -> int:
    """Remove the entries that the last report says match nothing any more.

    An entry that is expired but still needed stays: mend the server, or give it a later day.

    \b
    Example:
      cohere-conformance baseline prune
    """
    report = load(report_dir)
    used = report.header.baseline
    if used is None or used != load_baseline(baseline):
        raise UsageError(
            f"{baseline}: expected the file of accepted deviations as the last run used it; run again first"
        )
    gone = {problem.line for problem in report.baseline_problems if problem.gone}
    click.echo(f"{baseline}: removed {quantity(remove(baseline, gone), 'accepted deviation')}")
    return 0
