"""Output of the command. A closed pipe does not change the exit code, a full disk does."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from rich.console import Console

from cohere_conformance.history import remember
from cohere_conformance.report import render_terminal, write
from cohere_conformance.session.evidence import clear_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import ReadableBuffer

    from cohere_conformance.report import Report

_NAMES = ("stdout", "stderr")


class _Pipe(io.FileIO):
    """A file descriptor that discards output after its reader has closed the pipe."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            # Plugins, and the interpreter at its exit, write to the descriptor itself.
            _to_nowhere(self.fileno())
            return memoryview(data).nbytes


def forgive_broken_pipes() -> None:
    """Ignore that a reader of standard output or error, such as `head`, closes the pipe early."""
    for name in _NAMES:
        stream: TextIO | None = getattr(sys, name)
        unbuffered = isinstance(getattr(stream, "buffer", None), io.FileIO)  # PYTHONUNBUFFERED
        if stream is None or not (unbuffered or isinstance(stream.buffer, io.BufferedWriter)):
            continue  # closed, or captured by a caller
        stream.flush()
        pipe = _Pipe(stream.fileno(), "wb", closefd=False)
        text = io.TextIOWrapper(
            cast("BinaryIO", pipe if unbuffered else io.BufferedWriter(pipe)),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=name == "stderr" or stream.isatty(),
            write_through=unbuffered,
        )
        setattr(sys, name, text)


def flushed(code: int) -> int:
    """Flush both streams, and return the exit code: 3 if standard output cannot be flushed.

    Args:
        code: the exit code so far.
    """
    for name in _NAMES:
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            # Otherwise the interpreter would try again at its exit, and fail with a traceback.
            _to_nowhere({"stdout": 1, "stderr": 2}[name])
            code = code if name == "stderr" else 3
    return code


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


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
    report: Report, folder: Path, history: str | None, *, verbose: bool = False, quiet: bool = False
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
        lambda: remember(Path(history), report, lambda changed: write(changed, folder)),
        verbose=verbose,
        quiet=quiet,
    )
