"""The journal of a run: each exchange is appended as it happens, so that a killed run still has a report."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.errors import ReportError
from cohere_conformance.report.coverage import UnreadableInput
from cohere_conformance.report.line import JOURNAL_FORMAT, Closing, Line, Opening, Record, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from cohere_conformance.report.coverage import Waiting

_PREFIX, _SUFFIX = "journal-", ".jsonl"
_LONGEST_CLOSING = 65_536
"""Bytes of the last line: it has a few numbers for each kind of resource."""


class Journal:
    """Writes the journal of one worker; each line is on its way to the disk when a call returns.

    Leaving the context without an exception writes the closing line unless `close` has done so.

    Args:
        folder: the folder of the report; made where it is missing.
        opening: the first line; its `worker` names the file.

    Raises:
        ReportError: the file cannot be written, or there is one of that name already.
    """

    def __init__(self, folder: Path, opening: Opening) -> None:
        self.path = folder / f"{_PREFIX}{opening.worker}{_SUFFIX}"
        self._records = 0
        self._descriptor: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(
                self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644
            )
        except FileExistsError as error:
            raise ReportError(
                f"{self.path}: expected no journal before the run, got one; "
                "clear the journals of the last run first, or name another folder with --report-dir"
            ) from error
        except OSError as error:
            raise self._unwritable(error) from error
        self._write(opening)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._release()

    def add(self, record: Record) -> None:
        """Append one record.

        Raises:
            ReportError: it cannot be written, the journal is closed, or findings come without their proof.
        """
        if record.findings and record.exchange is None:
            raise ReportError(
                f"{self.path}: case {record.case}: expected the exchange that proves the findings, got none; "
                "record findings with the exchange they were found in"
            )
        self._write(record)
        self._records += 1

    def close(
        self,
        *,
        interrupted: bool = False,
        reason: str = "",
        waits: Iterable[Waiting] = (),
        billed: Mapping[str, float] | None = None,
    ) -> None:
        """Write the closing line; a second call does nothing."""
        if self._descriptor is not None:
            self._write(
                Closing(
                    records=self._records,
                    interrupted=interrupted,
                    reason=reason,
                    waits=tuple(waits),
                    billed=dict(billed or {}),
                )
            )
            self._release()

    def _write(self, line: Line) -> None:
        if self._descriptor is None:
            raise ReportError(f"{self.path}: expected an open journal, got one that is closed; open another")
        rest = memoryview(encode(line))
        try:
            # One call writes the whole line except where the disk is full, which the next call then says.
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._release()
            raise self._unwritable(error) from error

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _unwritable(self, error: OSError) -> ReportError:
        return ReportError(
            f"{self.path}: expected a journal that can be written, got: {error.strerror or error}; "
            "name another folder with --report-dir, or make room and permission for this one"
        )


def has_journals(folder: Path) -> bool:
    """Tell whether there is a journal in a folder."""
    return bool(_paths(folder))


def clear_journals(folder: Path) -> None:
    """Remove the journals of an earlier run, so that they are not taken for the new one's.

    Raises:
        ReportError: one of them cannot be removed.
    """
    for path in _paths(folder):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ReportError(
                f"{path}: expected to remove the journal of an earlier run, got: {error.strerror or error}; "
                "name another folder with --report-dir"
            ) from error


@dataclass(frozen=True)
class WorkerJournal:
    """The journal of one worker, as found.

    Attributes:
        worker: name of the worker, as the file says it.
        path: the file.
    """

    worker: str
    path: Path

    def lines(self) -> Iterator[Line | UnreadableInput]:
        """Yield the lines in their order; a last line that is cut off ends them silently.

        A worker that was killed leaves no closing line. A line that cannot be read is an `UnreadableInput`.

        Raises:
            ReportError: the file cannot be read, or another version wrote it.
        """
        try:
            with self.path.open("rb") as file:
                for number, raw in enumerate(file, start=1):
                    # Lines are written whole with their end: without it this one was cut off.
                    if raw.endswith(b"\n"):
                        yield self._line(number, raw)
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def closing(self) -> Closing | None:
        """The last line; `None` where the worker was killed.

        Raises:
            ReportError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_CLOSING))
                *_, last = [b"", *file.read().splitlines(keepends=True)]
        except OSError as error:
            raise self._unreadable(error) from error
        line = self._line(0, last) if last.endswith(b"\n") else None
        return line if isinstance(line, Closing) else None

    def _unreadable(self, error: OSError) -> ReportError:
        return ReportError(
            f"{self.path}: expected a journal, got: {error.strerror or error}; make it readable or run again"
        )

    def _line(self, number: int, raw: bytes) -> Line | UnreadableInput:
        try:
            line = decode(raw)
        except ValueError as error:
            reason = f"expected a line of a journal, got something else ({error})"
            return UnreadableInput(file=self.path.name, where=f"line {number}", reason=reason[:300])
        if isinstance(line, Opening) and line.format != JOURNAL_FORMAT:
            raise ReportError(
                f"{self.path}: expected a journal of format {JOURNAL_FORMAT}, got {line.format}; "
                "read it with the version that wrote it"
            )
        return line


def read_journals(folder: Path) -> tuple[WorkerJournal, ...]:
    """Return the journals in a folder, ordered by worker.

    Raises:
        ReportError: there is none.
    """
    found = tuple(
        WorkerJournal(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX), path) for path in _paths(folder)
    )
    if not found:
        raise ReportError(
            f"{folder}: expected a folder with the journals of a run ({_PREFIX}*{_SUFFIX}), got none; "
            "name the --report-dir of a run, or run again"
        )
    return found


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))
