"""`report matrix`: the reports of several targets side by side."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.history import target_name
from cohere_conformance.report import load
from cohere_conformance.report.implementations import MatrixBy, compare_implementations
from cohere_conformance.report.implementations.page import page
from cohere_conformance.report.implementations.text import markdown, terminal
from cohere_conformance.report.render.safe import encodable
from cohere_conformance.report.shape import REPORT_JSON
from cohere_conformance.session.claims import waived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.report import Report
    from cohere_conformance.report.implementations import ImplementationMatrix

_FORMATS: dict[str, Callable[[ImplementationMatrix], bytes]] = {
    "terminal": terminal,
    "markdown": markdown,
    "html": page,
    "json": lambda matrix: msgspec.json.format(msgspec.json.encode(matrix), indent=2) + b"\n",
}


@click.command()
@click.argument("paths", metavar="REPORT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--by",
    type=click.Choice([by.value for by in MatrixBy]),
    default=MatrixBy.CHECK.value,
    show_default=True,
    help="What a line is about: a mistake that at least one target makes, a feature, or an operation.",
)
@click.option(
    "--format",
    "name",
    type=click.Choice(list(_FORMATS)),
    default="terminal",
    show_default=True,
    help="The format.",
)
@click.option(
    "--name",
    "names",
    metavar="NAME",
    multiple=True,
    help="What a target is called, in the order of the reports; repeatable.  [default: name in the "
    "configuration, else the URL]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.  [default: standard output]",
)
def matrix(paths: tuple[Path, ...], by: str, name: str, names: tuple[str, ...], output: Path | None) -> int:
    """Show the reports of several targets side by side: what each passes and fails.

    Each REPORT is a report.json or its folder; all are of the same contract. A cell that is unlike those of
    all others that were tested, at least two, is marked. The exit code is 0 whatever the reports say.

    \b
    Examples:
      cohere-conformance report matrix gateway/ mock/ --name gateway --name mock
      cohere-conformance report matrix */report.json --by feature --format html -o matrix.html
    """
    if names and len(names) != len(paths):
        raise UsageError(f"--name: expected {len(paths)} names, one for each report, got {len(names)}")
    reports = [load(path) for path in paths]
    named = dict(zip(_unique(names or _names(paths, reports)), reports, strict=True))
    written = _FORMATS[name](compare_implementations(named, MatrixBy(by), _waived))
    if output is None:
        text = written.decode("utf-8")
        click.echo(encodable(text, sys.stdout.encoding or "utf-8"), nl=False)
        return 0
    try:
        output.write_bytes(written)
    except OSError as error:
        raise ReportError(
            f"{output}: expected a file to write, got: {error.strerror or error}; name another with -o"
        ) from error
    return 0


def _names(paths: Sequence[Path], reports: Sequence[Report]) -> list[str]:
    """Return what the reports call their targets, with the folder where two are called alike."""
    names = [target_name(report.header) for report in reports]
    alike = Counter(names)
    folders = [path.parent if path.name == REPORT_JSON else path for path in paths]
    return [
        f"{name} ({folder})" if alike[name] > 1 else name for name, folder in zip(names, folders, strict=True)
    ]


def _unique(names: Sequence[str]) -> Sequence[str]:
    repeated = [name for name, number in Counter(names).items() if number > 1]
    if repeated:
        raise UsageError(f"--name: expected a name of its own for each report, got {repeated[0]!r} twice")
    return names


def _waived(report: Report) -> frozenset[str]:
    target = report.header.target
    return waived(target.without, protocol_only=target.protocol_only) if target is not None else frozenset()
