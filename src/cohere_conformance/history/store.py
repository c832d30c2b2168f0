"""The file of a history: SQLite, which parallel runs can share.

It has one row for each run, and one for each case that a target was ever sent, with the last day.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from cohere_conformance.errors import ReportError
from cohere_conformance.history.compare import WINDOW, compare
from cohere_conformance.history.past import PastRun, past_run
from cohere_conformance.history.place import HISTORY_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from cohere_conformance.report.shape import Report

_Written = TypeVar("_Written")

_FORMAT = 2
_APPLICATION = 0x436F6846
"""Marks the file as a history in its SQLite header."""
_PATIENCE = 60.0
"""Seconds to wait for another run that writes."""
_PAGE = 32768
"""Bytes."""
_SCHEMA = (
    f"PRAGMA application_id = {_APPLICATION}",
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, target TEXT, contract TEXT, started_at TEXT, run BLOB)",
    "CREATE INDEX runs_of_a_target ON runs (target, contract, started_at)",
)
_EXERCISED = (
    "CREATE TABLE exercised (target TEXT, item TEXT, day TEXT, PRIMARY KEY (target, item)) WITHOUT ROWID",
    f"PRAGMA user_version = {_FORMAT}",
)
"""What format 2 has in addition to format 1."""


class StoredRun(NamedTuple):
    """A run with its number in the file."""

    number: int
    run: PastRun


def remember(
    path: Path,
    report: Report,
    write: Callable[[Report], _Written],
    *,
    folder: Path,
    exercised: Iterable[str] = (),
    day: date | None = None,
) -> tuple[Report, _Written]:
    """Compare a report with the history, write it with what has changed, and add the run to the history.

    All of it is one transaction. A run that did not come to a verdict is compared and not added, but the
    cases that it has exercised are.

    Args:
        path: the file, which is created if there is none.
        report: of the run.
        write: writes the report.
        folder: of the report. In a new file there, which nobody has asked for, nothing is missing; a new file
            elsewhere may mean that the earlier ones are lost, so the report says that it is the first run.
        exercised: ids of the cases whose responses say something about the target.
        day: on which they were.

    Returns:
        The report with its changes, and what `write` has returned.

    Raises:
        ReportError: the file cannot be read or written, or is something else; the history is unchanged.
    """
    run = past_run(report)
    with _opened(path, create=True) as connection:
        rows = connection.execute(
            "SELECT run FROM runs WHERE target = ? AND contract = ? "
            "ORDER BY started_at DESC, id DESC LIMIT ?",
            (run.target, run.contract, WINDOW),
        )
        earlier = [_decoded(path, one) for (one,) in rows][::-1]
        compared = compare(run, earlier, accepted={row.fingerprint for row in report.accepted})
        is_new = path == folder / HISTORY_FILE and not earlier and _is_empty(connection)
        changed = msgspec.structs.replace(report, changes=None if is_new else compared.changes)
        written = write(changed)
        if run.ended:
            connection.execute(
                "INSERT INTO runs (target, contract, started_at, run) VALUES (?, ?, ?, ?)",
                (run.target, run.contract, run.started_at, msgspec.json.encode(compared.run)),
            )
        if day is not None:
            connection.executemany(
                "INSERT INTO exercised (target, item, day) VALUES (?, ?, ?) "
                "ON CONFLICT (target, item) DO UPDATE SET day = max(day, excluded.day)",
                [(run.target, item, day.isoformat()) for item in exercised],
            )
    return changed, written


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is None


def last_exercised(path: Path, target: str) -> dict[str, date]:
    """Return the day on which each case was exercised last; nothing if there is no such file.

    Args:
        path: the file.
        target: what the target is called; see `target_name`.

    Raises:
        ReportError: the file cannot be read, or is something else.
    """
    if not path.is_file():
        return {}
    with _opened(path) as connection:
        rows = connection.execute("SELECT item, day FROM exercised WHERE target = ?", (target,))
        return {item: _day(path, day) for item, day in rows}


def _day(path: Path, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ReportError(f"{path}: expected a day, got: {error}; remove the file") from error


def stored_runs(path: Path, target: str | None = None) -> list[StoredRun]:
    """Return the runs of a history, the oldest first.

    Args:
        path: the file.
        target: only the runs of this target.

    Raises:
        ReportError: there is no such file, or it cannot be read.
    """
    with _opened(path) as connection:
        rows = connection.execute(
            "SELECT id, run FROM runs WHERE ? IS NULL OR target = ? ORDER BY started_at, id", (target, target)
        )
        return [StoredRun(number, _decoded(path, one)) for number, one in rows]


def prune(path: Path, keep: int) -> int:
    """Remove all but the last runs of each target and contract, and return how many were removed.

    Raises:
        ReportError: there is no such file, or it cannot be written.
    """
    with _opened(path) as connection:
        return connection.execute(
            "DELETE FROM runs WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER "
            "(PARTITION BY target, contract ORDER BY started_at DESC, id DESC) AS position FROM runs) "
            "WHERE position > ?)",
            (keep,),
        ).rowcount


@contextmanager
def _opened(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction, which is rolled back after an error."""
    if not create and not path.is_file():
        raise ReportError(
            f"{path}: expected a history, got no such file; name one that --history has written"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
            # A run takes many small pages; only a new file takes the size.
            connection.execute(f"PRAGMA page_size = {_PAGE}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                _prepare(path, connection)
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise ReportError(
            f"{path}: expected a history that can be read and written, got: {error}; "
            "name another file with --history, or remove this one"
        ) from error


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Create the tables in an empty file, add those that an older one lacks, and reject any other file."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application, version, tables) == (0, 0, 0):
        for statement in (*_SCHEMA, *_EXERCISED):
            connection.execute(statement)
    elif (application, version) == (_APPLICATION, 1):
        for statement in _EXERCISED:
            connection.execute(statement)
    elif application != _APPLICATION:
        raise ReportError(f"{path}: expected a history, got another database; name another file")
    elif version != _FORMAT:
        raise ReportError(
            f"{path}: expected a history of format {_FORMAT}, got format {version}; "
            "use the version of cohere-conformance that wrote it, or another file"
        )


def _decoded(path: Path, content: bytes) -> PastRun:
    try:
        return msgspec.json.decode(content, type=PastRun)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: expected a run, got: {error}; remove the file") from error
