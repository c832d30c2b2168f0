"""What commands print of reports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

from cohere_conformance.history import remember
from cohere_conformance.report import render_terminal, write
from cohere_conformance.session.evidence import clear_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cohere_conformance.report import Report


def show(
    report: Report, folder: Path, files: Iterable[Path], *, verbose: bool = False, quiet: bool = False
) -> None:
    """Print a report that was written.

    Args:
        report: the report.
        folder: where it was written.
        files: its files.
        verbose: print every section.
        quiet: print the verdict only.
    """
    console = Console(soft_wrap=False)
    render_terminal(report, console, folder=str(folder), files=tuple(files), verbose=verbose, quiet=quiet)
    sys.stdout.flush()


def deliver(
    folder: Path,
    write: Callable[[], tuple[Report, Iterable[Path]]],
    *,
    verbose: bool = False,
    quiet: bool = False,
) -> int:
    """Write a report, print it, and return its exit code.

    If it cannot be printed, the command ends with another exit code than the report says; the report is
    removed then.

    Args:
        folder: where the report is written.
        write: writes the report, and returns it with its files.
        verbose: print every section.
        quiet: print the verdict only.
    """
    try:
        report, files = write()
        show(report, folder, files, verbose=verbose, quiet=quiet)
    except BaseException:
        clear_report(folder)
        raise
    return report.footer.exit_code


def deliver_traffic(
    report: Report, folder: Path, history: Path | None, *, verbose: bool = False, quiet: bool = False
) -> int:
    """Write the report of judged traffic, print it, and return its exit code.

    Args:
        report: the report.
        folder: where it is written.
        history: file of earlier runs to compare with and to add it to, if there is one.
        verbose: print every section.
        quiet: print the verdict only.
    """
    if history is None:
        return deliver(folder, lambda: (report, write(report, folder)), verbose=verbose, quiet=quiet)
    return deliver(
        folder,
        lambda: remember(history, report, lambda changed: write(changed, folder), folder=folder),
        verbose=verbose,
        quiet=quiet,
    )
