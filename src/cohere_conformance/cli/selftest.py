"""`selftest`: whether the suites see what they are there for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import msgspec

from cohere_conformance.cli import options
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.names import unknown
from cohere_conformance.report.render import selftest as told

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.report.selftest import Trial


@click.command()
@click.option("--fault", "faults", metavar="NAME", multiple=True, help="Try this fault only; repeatable.")
@click.option(
    "--only", metavar="PARTS", help="Try the faults of these groups or parts only, such as chat,auth."
)
@click.option(
    "-n",
    "jobs",
    metavar="N",
    type=click.IntRange(1, 64),
    # Much of what happens is waiting, for a job to end or for an answer that never comes.
    default=lambda: min(64, 2 * (os.cpu_count() or 2)),
    show_default="two for each core",
    help="Processes.",
)
@click.option("--seed", metavar="N", type=click.IntRange(0), help="Of every run.")
@options.report_dir
def selftest(faults: tuple[str, ...], only: str | None, jobs: int, seed: int | None, report_dir: Path) -> int:
    """Run the suites against every fault of the reference server, and against the faultless one.

    Exits with 1 where a fault is missed, a requirement is never tripped or has no fault, or the faultless
    server trips anything. Writes selftest.json and selftest.md.
    """
    from cohere_conformance.reference.faults import WITHDRAWN, catalogue, withdrawn
    from cohere_conformance.session.selftest import selftest as run

    known = catalogue()
    parts = {part.strip() for part in (only or "").split(",") if part.strip()}
    for name in faults:
        if name in WITHDRAWN:
            raise UsageError(withdrawn(name))
        if name not in known:
            raise UsageError(unknown("--fault", name, known))
    for part in parts:
        if part not in (have := {fault.group for fault in known.values()}):
            raise UsageError(unknown("--only", part, have))
    chosen = [name for name, fault in known.items() if name in faults or fault.group in parts]
    matrix = run(chosen if faults or parts else None, jobs=jobs, seed=seed, told=_progress)
    try:
        report_dir.mkdir(parents=True, exist_ok=True)
        (report_dir / "selftest.json").write_bytes(msgspec.json.format(msgspec.json.encode(matrix), indent=1))
        (report_dir / "selftest.md").write_text(told.render(matrix), encoding="utf-8")
    except OSError as error:
        raise ReportError(
            f"{report_dir}: expected a folder to write to, got: {error.strerror or error}; "
            "name another one with --report-dir"
        ) from error
    for line in told.summary(matrix):
        click.echo(line)
    click.echo(f"wrote {report_dir / 'selftest.json'} and {report_dir / 'selftest.md'}")
    return 0 if matrix.passed else 1


def _progress(trial: Trial) -> None:
    """Show that something happens, to somebody who watches."""
    click.echo(f"{trial.fault or 'faultless'} {trial.seconds:.1f} s", err=True)
