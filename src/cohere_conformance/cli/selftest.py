"""`selftest`: whether the suites detect every fault of the reference server."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import click
import msgspec

from cohere_conformance.cli import options
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.names import unknown
from cohere_conformance.report.render import selftest as render
from cohere_conformance.report.render.progress import ProgressBar

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.report.selftest import Trial


@click.command()
@click.option("--fault", "faults", metavar="NAME", multiple=True, help="Inject this fault only; repeatable.")
@click.option(
    "--only", metavar="PARTS", help="Inject the faults of these groups or parts only, such as chat,auth."
)
@click.option(
    "-n",
    "jobs",
    metavar="N",
    type=click.IntRange(1, 64),
    # Most of the time is spent waiting for jobs to end and for responses that never come.
    default=lambda: min(64, 2 * (os.cpu_count() or 2)),
    show_default="two for each core",
    help="Number of processes.",
)
@click.option("--seed", metavar="N", type=click.IntRange(0), help="Seed of every run.")
@click.option(
    "--complete", is_flag=True, help="Run every case of a group, also after those that detect the fault."
)
@options.report_dir
def selftest(
    faults: tuple[str, ...],
    only: str | None,
    jobs: int,
    seed: int | None,
    complete: bool,
    report_dir: Path,
) -> int:
    """Run the suites against the reference server with each fault, and without any.

    The exit code is 1 if a fault is not detected, if a requirement is never violated or has no fault, or if
    the server without faults violates anything. Writes selftest.json and selftest.md.

    \b
    Example:
      cohere-conformance selftest --only rerank
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
    with ProgressBar("injecting faults", len(chosen) if faults or parts else len(known)) as bar:
        matrix = run(
            chosen if faults or parts else None,
            jobs=jobs,
            seed=seed,
            complete=complete,
            progress=functools.partial(_advance, bar),
        )
    try:
        report_dir.mkdir(parents=True, exist_ok=True)
        (report_dir / "selftest.json").write_bytes(msgspec.json.format(msgspec.json.encode(matrix), indent=1))
        (report_dir / "selftest.md").write_text(render.render(matrix), encoding="utf-8")
    except OSError as error:
        raise ReportError(
            f"{report_dir}: expected a folder to write to, got: {error.strerror or error}; "
            "name another one with --report-dir"
        ) from error
    for line in render.summary(matrix):
        click.echo(line)
    click.echo(f"wrote {report_dir / 'selftest.json'} and {report_dir / 'selftest.md'}")
    return 0 if matrix.passed else 1


def _advance(bar: ProgressBar, trial: Trial) -> None:
    """Count a trial with a fault; where there is no bar, print a line on standard error."""
    if not bar.drawn:
        click.echo(f"{trial.fault or 'faultless'} {trial.seconds:.1f} s", err=True)
    bar.advance(1 if trial.fault else 0)
