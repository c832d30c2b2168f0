"""The ledger of what runs create on a target, written before each creation: a killed run leaves a trace.

Each line is a JSON object. A creation is noted, and on the disk, before its request is sent; its id follows
with the response, and that it is gone when it has been removed. `sweep` removes what is still open. No line
has a key: only names, ids, operations, times and the address of the target.
"""

from __future__ import annotations

import enum
import fcntl
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import LedgerError
from cohere_conformance.inputs.files import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

LEDGER_FILE = "ledger.jsonl"
"""The name of a ledger in the folder of the report."""
LARGEST = 512 * 1024 * 1024
"""Bytes of a ledger that is read: a night of fuzzing may create a hundred thousand resources."""
LONGEST_NAME = 1000
"""Longer names are left out: no test case sends one, and `sweep` leaves such a resource alone."""


class LedgerState(enum.StrEnum):
    """What a line says about a creation."""

    CREATING = "creating"
    """Its request is about to be sent."""
    CREATED = "created"
    """A response has its id."""
    RENAMING = "renaming"
    """A request that gives it another name is about to be sent."""
    REFUSED = "refused"
    """The target has refused the request."""
    GONE = "gone"
    """It has been removed, or is not there."""
    ENDED = "ended"
    """No operation deletes it, and it does nothing any more."""
    FORGOTTEN = "forgotten"
    """Somebody has looked, and wants to hear no more of it."""


OVER = frozenset({LedgerState.REFUSED, LedgerState.GONE, LedgerState.ENDED, LedgerState.FORGOTTEN})
"""After these nothing is left to remove."""


class LedgerLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file.

    Attributes:
        entry: the creation that it is about.
        state: what it says.
        at: RFC 3339 time, by the local clock.
        target: address of the target; in the first line of an entry.
        collection: what is created, such as `/v1/datasets`; in the first line.
        operation: label of the operation that creates it; in the first line.
        ahead: seconds by which the clock of the target is ahead of the local one.
        name: the name that the request gives; empty without one.
        source: id of the dataset that a job reads; empty without one.
        made_by: the entry of the job that has made it; empty without one.
        id: of the resource.
    """

    entry: str
    state: LedgerState
    at: str
    target: str = ""
    collection: str = ""
    operation: str = ""
    ahead: int = 0
    name: str = ""
    source: str = ""
    made_by: str = ""
    id: str = ""


@dataclass
class LedgerEntry:
    """A creation, with everything that the ledger says about it.

    Attributes:
        first: its first line.
        names: that it may have: the one of its creation, and later ones.
        id: empty while no response has shown it.
        state: of its last line.
    """

    first: LedgerLine
    names: list[str] = field(default_factory=list)
    id: str = ""
    state: LedgerState = LedgerState.CREATING

    @property
    def is_open(self) -> bool:
        """Whether it may still be on the target."""
        return self.state not in OVER

    def add(self, line: LedgerLine) -> None:
        """Note a line about it."""
        self.id = line.id or self.id
        if line.name:
            self.names.append(line.name)
        self.state = self.state if line.state is LedgerState.RENAMING else line.state


def entries(path: Path) -> dict[str, LedgerEntry]:
    """Return the entries of a ledger in their order; none if there is no file.

    A line that was cut off is ignored: a request is sent only after its line is complete.

    Raises:
        LedgerError: the file cannot be read, or is no ledger.
    """
    try:
        text = read_document(path, LARGEST)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unusable(path, error) from error
    found: dict[str, LedgerEntry] = {}
    for number, raw in enumerate(text.split(b"\n")[:-1], start=1):
        if not raw or _is_cut(raw):
            continue
        try:
            line = msgspec.json.decode(raw, type=LedgerLine)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LedgerError(
                f"{path}: line {number}: expected a line of a ledger, got something else; "
                "restore the file, or name another with --ledger"
            ) from error
        if line.entry not in found:
            found[line.entry] = LedgerEntry(line)
        found[line.entry].add(line)
    return found


def _is_cut(raw: bytes) -> bool:
    """Return whether a line is the beginning of one."""
    return raw[:10] == b'{"entry":"'[: len(raw)] and not raw.endswith(b"}")


def open_entries(path: Path) -> list[LedgerEntry]:
    """Return the entries of a ledger that may still be on their target, the oldest first.

    Raises:
        LedgerError: as of `entries`.
    """
    return [one for one in entries(path).values() if one.is_open]


class CreationLedger:
    """Appends to a ledger; several processes may do so at the same time.

    The file is made with the first line, so that a run that creates nothing leaves none.

    Args:
        path: the file.
        target: address of the target.
        now: the time by our clock.
        descriptor: of the file, if the caller has opened it and will close it.

    Attributes:
        path: likewise.
    """

    def __init__(
        self,
        path: Path,
        target: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        descriptor: int | None = None,
    ) -> None:
        self.path = path
        self._target = target
        self._now = now
        self._descriptor = descriptor

    def begin(
        self,
        operation: str,
        collection: str,
        *,
        name: str = "",
        source: str = "",
        made_by: str = "",
        identity: str = "",
        ahead: float = 0.0,
    ) -> str:
        """Write that something is about to be created, and return its entry; the line is on the disk then.

        Args:
            operation: label of the operation that creates it.
            collection: what is created.
            name: that it is given.
            source: id of the dataset that it reads.
            made_by: the entry of the job that has made it.
            identity: its id, where a job has made it and names it.
            ahead: seconds by which the clock of the target is ahead.

        Raises:
            LedgerError: it cannot be written.
        """
        entry = secrets.token_hex(6)
        self._write(
            LedgerLine(
                entry=entry,
                state=LedgerState.CREATED if identity else LedgerState.CREATING,
                at=self._time(),
                target=self._target,
                collection=collection,
                operation=operation,
                ahead=round(ahead),
                name=name if len(name) <= LONGEST_NAME else "",
                source=source,
                made_by=made_by,
                id=identity,
            ),
            durable=True,
        )
        return entry

    def note(self, entry: str, state: LedgerState, *, identity: str = "", name: str = "") -> None:
        """Write what has become of a creation.

        Args:
            entry: as `begin` returned it.
            state: what to say about it.
            identity: its id, if a response shows it.
            name: the name that it is about to be given.

        Raises:
            LedgerError: it cannot be written.
        """
        # On the disk before a request that renames; otherwise a crash of the machine costs only a look.
        line = LedgerLine(entry, state, self._time(), id=identity, name=name[:LONGEST_NAME])
        self._write(line, durable=state is LedgerState.RENAMING)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _time(self) -> str:
        return self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _write(self, line: LedgerLine, *, durable: bool) -> None:
        try:
            if self._descriptor is None:
                self._descriptor = _opened(self.path)
            # One call: lines of several processes do not mix.
            os.write(self._descriptor, msgspec.json.encode(line) + b"\n")
            if durable:
                os.fsync(self._descriptor)
        except OSError as error:
            raise _unusable(self.path, error) from error


def _opened(path: Path) -> int:
    """Open a ledger to append to, as one of its users, and end a line that a killed process has cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits while somebody sweeps
        if _is_current(descriptor, path):
            break
        os.close(descriptor)
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
    _sync_folder(path)
    return descriptor


def _is_current(descriptor: int, path: Path) -> bool:
    """Return whether a descriptor is of the file that has this path now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def exclusive(path: Path) -> Iterator[int | None]:
    """Keep runs from using a ledger while the context is open.

    Yields its descriptor, for `CreationLedger`; `None` if a run is using it.

    Args:
        path: a ledger that exists.

    Raises:
        LedgerError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = _is_current(descriptor, path)
        except BlockingIOError:
            free = False
        yield descriptor if free else None
    finally:
        os.close(descriptor)


def tidy(path: Path) -> None:
    """Leave only the entries of a ledger that are open, and remove a file without any.

    Does nothing while a run uses the ledger.

    Raises:
        LedgerError: it cannot be read or written.
    """
    if not path.exists():
        return
    with exclusive(path) as descriptor:
        if descriptor is not None:
            rewrite(path)


def rewrite(path: Path) -> None:
    """Do what `tidy` does to a ledger that the caller has made `exclusive`."""
    found = entries(path)
    kept = {name for name, one in found.items() if one.is_open}
    kept |= {one.first.made_by for one in found.values() if one.is_open}
    try:
        if not kept - {""}:
            path.unlink()
            return
        whole = [raw for raw in read_document(path, LARGEST).split(b"\n")[:-1] if raw and not _is_cut(raw)]
        wanted = [raw for raw in whole if msgspec.json.decode(raw, type=LedgerLine).entry in kept]
        temporary = path.with_name(f"{path.name}.new")
        temporary.write_bytes(b"".join(raw + b"\n" for raw in wanted))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path)
    except OSError as error:
        raise _unusable(path, error) from error


def targets(found: Iterable[LedgerEntry]) -> list[str]:
    """Return the targets of entries, each once."""
    return list(dict.fromkeys(one.first.target for one in found))


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(
        f"{path}: expected a ledger that can be read and written, got: {error.strerror or error}; "
        "name another file with --ledger, or make room and permission for this one"
    )
