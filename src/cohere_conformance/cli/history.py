"""`history`: list, show, prune and export the runs that `--history` has stored."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from cohere_conformance.errors import UsageError
from cohere_conformance.history import StoredRun, stored_runs
from cohere_conformance.history import prune as removed
from cohere_conformance.history.place import HISTORY_FILE
from cohere_conformance.report.render.parts import DEFAULT_FOLDER
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity

_DEFAULT = Path(DEFAULT_FOLDER) / HISTORY_FILE
_FILE = click.argument(
    "file", type=click.Path(dir_okay=False, path_type=Path), required=False, default=_DEFAULT
)


@click.group()
def history() -> None:
    """Read and prune the file of earlier runs that run, fuzz, verify and check compare with.

    FILE is conformance-report/history.sqlite by default, where these commands store it.

    \b
    Example:
      cohere-conformance history list nightly.sqlite
    """


@history.command(name="list")
@_FILE
@click.option("--target", metavar="NAME", help="Only the runs of this target.")
def list_runs(file: Path, target: str | None) -> int:
    """List the runs in FILE: number, begin, exit code, causes, findings, command and target.

    \b
    Example:
      cohere-conformance history list nightly.sqlite
    """
    for number, run in stored_runs(file, target):
        figures = f"{quantity(len(run.causes), 'cause')}, {quantity(len(run.findings), 'finding')}"
        command = run.method.partition(" ")[0]
        click.echo(
            plain(
                f"{number}  {run.started_at}  exit code {run.exit_code}  {figures}  {command}  {run.target}"
            )
        )
    return 0


@history.command()
@_FILE
@click.argument("number", type=click.IntRange(1), required=False)
def show(file: Path, number: int | None) -> int:
    """Show what a run in FILE has found: its causes, since when each is known, and in how many runs it was.

    NUMBER is that of `history list`; the last run by default.

    \b
    Examples:
      cohere-conformance history show 12
      cohere-conformance history show nightly.sqlite 12
    """
    if number is None and str(file).isdigit() and not file.exists():
        file, number = _DEFAULT, int(str(file))
    shown = _run(file, number)
    run = shown.run
    click.echo(plain(f"{shown.number}  {run.started_at}  {run.target}"))
    click.echo(plain(run.verdict, longest=None))
    for name, cause in run.causes.items():
        seen = f"first seen {cause.first_seen[:10]}, in {quantity(cause.runs, 'run')}"
        click.echo(plain(f"{name}  {cause.severity}  {seen}: {cause.title}", longest=None))
    return 0


def _run(file: Path, number: int | None) -> StoredRun:
    runs = stored_runs(file)
    chosen = runs[-1:] if number is None else [one for one in runs if one.number == number]
    if not chosen:
        raise UsageError(
            f"{file}: expected a run {number or ''}, got {quantity(len(runs), 'run')} without it"
        )
    return chosen[0]


@history.command()
@_FILE
@click.option(
    "--keep",
    metavar="N",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    help="Number of runs of each target and contract that stay.",
)
def prune(file: Path, keep: int) -> int:
    """Remove the oldest runs from FILE.

    \b
    Example:
      cohere-conformance history prune nightly.sqlite --keep 30
    """
    click.echo(f"{file}: removed {quantity(removed(file, keep), 'run')}")
    return 0


@history.command()
@_FILE
def export(file: Path) -> int:
    """Print the runs in FILE as JSON Lines, the oldest first.

    \b
    Example:
      cohere-conformance history export nightly.sqlite > runs.jsonl
    """
    for _, run in stored_runs(file):
        click.echo(msgspec.json.encode(run, order="sorted").decode("utf-8"))
    return 0
