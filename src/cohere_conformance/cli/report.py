"""`report`: build the report of a run from its journals, and show one in the formats of other tools."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.cli.export import export
from cohere_conformance.cli.matrix import matrix
from cohere_conformance.cli.output import deliver
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.history import compare, past_run, remember
from cohere_conformance.report import load, write
from cohere_conformance.report.formats import FORMATS, convert
from cohere_conformance.report.render.changes import diff_lines
from cohere_conformance.report.render.parts import DEFAULT_FOLDER
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.shape import REPORT_JSON
from cohere_conformance.session.evidence import exercised_cases, merged, publish
from cohere_conformance.session.source_lines import SourceLines

if TYPE_CHECKING:
    from cohere_conformance.report import Row
    from cohere_conformance.report.formats import SourceLine


@click.group(invoke_without_command=True)
@options.report_dir
@options.verbose
@options.quiet
@configurable
@click.pass_context
def report(context: click.Context, report_dir: Path, verbose: bool, quiet: bool) -> int | None:
    """Build the report of a run from its journals, also of one that was interrupted or killed.

    Partial results of an interrupted run are included; the exit code is then 2. The commands below read a
    report that was written; export reads the journals.

    \b
    Examples:
      cohere-conformance report --report-dir conformance-report
      cohere-conformance report render --format junit -o junit.xml
    """
    if context.invoked_subcommand is not None:
        return None
    return deliver(report_dir, lambda: publish(report_dir), verbose=verbose, quiet=quiet)


report.add_command(export)


@report.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path(DEFAULT_FOLDER))
@click.option("--format", "name", type=click.Choice(list(FORMATS)), required=True, help="The format.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.  [default: standard output]",
)
def render(path: Path, name: str, output: Path | None) -> int:
    """Write a report in a format that other tools read.

    PATH is a report.json or its folder. junit: JUnit XML. sarif: SARIF 2.1.0, for code scanning. github:
    annotations of GitHub Actions. pull-request: a comment in Markdown. badge and shields: a badge as SVG, or
    as JSON for shields.io. The exit code is 0 whatever the report says.

    \b
    Examples:
      cohere-conformance report render --format junit -o junit.xml
      cohere-conformance report render nightly/report.json --format sarif -o results.sarif
    """
    written = convert(load(path), name, _Lazily())
    if output is None:
        click.echo(written, nl=False)
        return 0
    try:
        output.write_bytes(written)
    except OSError as error:
        raise ReportError(
            f"{output}: expected a file to write, got: {error.strerror or error}; name another with -o"
        ) from error
    return 0


@report.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
def diff(before: Path, after: Path) -> int:
    """Show what has changed from report A to report B: causes that are new, and those that are resolved.

    A and B are report.json files or their folders, of the same contract; B may be of another target. The
    exit code is 0 if nothing has changed, and 1 if something has.

    \b
    Example:
      cohere-conformance report diff before/report.json after/report.json
    """
    first, second = past_run(load(before)), past_run(load(after))
    for path, one in ((before, first), (after, second)):
        if not one.ended:
            raise ReportError(
                f"{path}: expected the report of a run with a verdict, got: {plain(one.verdict)}"
            )
    if first.contract != second.contract:
        raise ReportError(
            f"{before}, {after}: expected reports of one contract, got two; run one of them again"
        )
    # What is called A came first, whatever the clocks of two machines say.
    earlier = msgspec.structs.replace(first, target=second.target, started_at="", method=second.method)
    changes = compare(second, [earlier]).changes
    for line in diff_lines(changes):
        click.echo(plain(line))
    return int(any(one.state != "persisting" for one in (*changes.causes, *changes.findings)))


@report.command()
@click.argument("paths", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(DEFAULT_FOLDER),
    show_default=True,
    help="Folder of report.html, report.md and report.json.",
)
@options.history
@options.verbose
@options.quiet
def merge(paths: tuple[Path, ...], output: Path, history: str | None, verbose: bool, quiet: bool) -> int:
    """Join shards (run --shard 1/4 to 4/4), or runs with other groups each, into the report of one run.

    Each RUN is the folder of a report, or its report.json, with the journals (journal-*.jsonl) and the
    run.json of the run beside it. The exit code is that of the joined run. A run that was interrupted, is
    missing or there twice, or has another contract, target or other options is an error (exit code 3).

    \b
    Example:
      cohere-conformance report merge shards/* -o conformance-report
    """
    folders = [path.parent if path.name == REPORT_JSON else path for path in paths]
    if output.resolve() in {folder.resolve() for folder in folders}:
        raise UsageError(f"-o {output}: expected another folder than those of the runs, got one of them")
    joined = merged(folders)
    file = options.history_file(history, output)
    if file is None:
        return deliver(output, lambda: (joined, write(joined, output)), verbose=verbose, quiet=quiet)
    return deliver(
        output,
        lambda: remember(
            file,
            joined,
            lambda changed: write(changed, output),
            folder=output,
            exercised={case for folder in folders for case in exercised_cases(folder, joined)},
            day=date.fromisoformat(joined.header.started_at[:10]),
        ),
        verbose=verbose,
        quiet=quiet,
    )


report.add_command(matrix)


class _Lazily:
    """The lines of findings, for which contract and cases are read only if a format asks for lines."""

    @cached_property
    def _lines(self) -> SourceLines:
        return SourceLines(load_contract())

    def __call__(self, row: Row) -> SourceLine | None:
        """Return the line of a finding."""
        return self._lines(row)
