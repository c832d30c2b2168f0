"""Judges recorded exchanges in several processes, which get parts of the recordings one after the other."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import HarnessError, TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import RecordingNote
from cohere_conformance.recordings.parts import RecordingPart, is_large, parse_part, pieces
from cohere_conformance.recordings.storage import is_address, size_of
from cohere_conformance.report import Tally
from cohere_conformance.session.garbage import OBJECTS
from cohere_conformance.session.interrupt import uninterrupted
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.judging_order import ExchangeValue, batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext, SpawnContext
    from multiprocessing.process import BaseProcess
    from multiprocessing.synchronize import Event
    from types import TracebackType
    from typing import Self


_LARGE = 2 * 2**20
"""Bytes from which a file is divided."""
_WORTH = 20 * 2**20
"""Bytes of all files from which several processes are used although nobody has asked for them."""
_MOST = 8
"""Processes that are used without being asked for: one process divides the files for all of them."""


def jobs_for(files: Iterable[str]) -> int:
    """Return how many processes the files are worth: one, or one for each core."""
    if sum(map(_size, files)) <= _WORTH:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST)


def _size(file: str) -> int:
    try:
        return size_of(file) if is_address(file) else os.stat(file).st_size  # noqa: PTH116
    except OSError:
        return 0


# -- in a worker ---------------------------------------------------------------------------------------------

_EXCHANGES = msgspec.msgpack.Decoder(list[Exchange])


class _Batch(msgspec.Struct):
    """Values of a file that the parent has parsed.

    Attributes:
        file: its path or address.
        exchanges: encoded, which takes a third of the time of pickling them.
        others: errors and notes.
    """

    file: str
    exchanges: bytes
    others: list[TrafficError | RecordingNote]


_Task = RecordingPart | _Batch


class _Judged(msgspec.Struct):
    """What a worker returns of a task: the number of exchanges of the API, and notes about the recording."""

    exchanges: int
    notes: list[RecordingNote]


def _work(
    connection: Connection, others: Sequence[Connection], by: Judge | JudgeSettings, stopped: Event
) -> None:
    """Judge each task that the parent sends; return everything that was counted when it sends `None`.

    Args:
        connection: to the parent.
        others: ends of connections that only the parent uses; a process that is forked has them as well.
        by: the judge, or what one is created with.
        stopped: set by the parent to end the run early.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    for other in others:
        other.close()
    gc.freeze()
    gc.set_threshold(OBJECTS)
    try:
        judge = by if isinstance(by, Judge) else Judge(by)
        tally = judge.tally()
        while (task := connection.recv()) is not None:
            connection.send(_judged(judge, tally, task, stopped))
        connection.send(tally)
    except (EOFError, ConnectionError):
        pass  # the parent has ended
    except Exception as error:  # noqa: BLE001 - it is raised in the parent
        connection.send(error)


def _judged(judge: Judge, tally: Tally, task: _Task, stopped: Event) -> _Judged:
    """Judge the values of a task, until the parent stops the run."""
    before = tally.exchanges_judged
    notes = []
    for batch in batches(_values(task)):
        if stopped.is_set():
            break
        for value in batch:
            if isinstance(value, RecordingNote):
                notes.append(value)
            else:
                judge.count(tally, value)
    return _Judged(tally.exchanges_judged - before, notes)


def _values(task: _Task) -> Iterable[ExchangeValue]:
    if isinstance(task, RecordingPart):
        return parse_part(task)
    return [*_EXCHANGES.decode(task.exchanges), *task.others]


# -- in the parent -------------------------------------------------------------------------------------------


def spread(
    files: Iterable[str], ours: Judge, jobs: int, tally: Tally, report: Callable[[str, int], None]
) -> None:
    """Spread files over processes, and large files in parts.

    Args:
        files: paths and addresses.
        ours: the judge; a worker that is not forked creates one with the same settings.
        jobs: number of processes.
        tally: counts everything, so that an interrupted run has partial results.
        report: called with the file and the number of exchanges judged since the last call.

    Raises:
        HarnessError: a process has ended early.
    """
    with _Workers(ours, jobs, tally, report) as workers:
        try:
            for file in files:
                for task in _tasks(file):
                    workers.submit(task)
            workers.finish()
        except KeyboardInterrupt:
            workers.stop()
            workers.finish()  # what was judged so far
            raise


def start_context() -> ForkContext | SpawnContext:
    """Return how processes are started: forked where that is safe, because a new one starts slowly."""
    import multiprocessing  # slow to import, and one process is usual

    safe = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork") if safe else multiprocessing.get_context("spawn")


def _tasks(file: str) -> Iterator[_Task]:
    """Yield parts of a file, then what only this process can parse; the others judge it."""
    if not is_large(file, _LARGE):
        yield RecordingPart(file)
        return
    for piece in pieces(file):
        if isinstance(piece, RecordingPart):
            yield piece
            continue
        for batch in batches(piece):
            exchanges = [value for value in batch if isinstance(value, Exchange)]
            others = [value for value in batch if not isinstance(value, Exchange)]
            yield _Batch(file, msgspec.msgpack.encode(exchanges), others)


class _Worker:
    """A process that judges.

    Attributes:
        connection: to it.
        tasks: what it has not yet returned, in order.
    """

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.tasks: deque[_Task] = deque()


class _Workers:
    """The processes of a run, and what they have counted.

    Args:
        ours: as of `spread`.
        jobs: likewise.
        tally: likewise.
        report: likewise.
    """

    def __init__(self, ours: Judge, jobs: int, tally: Tally, report: Callable[[str, int], None]) -> None:
        self._tally = tally
        self._report = report
        self._notes: dict[tuple[str, str], tuple[int, RecordingNote]] = {}
        self._running: dict[Connection, _Worker] = {}
        self._finishing = False
        context = start_context()
        forked = context.get_start_method() == "fork"
        if forked:
            ours.prepare()
        self._stopped = context.Event()
        ends: list[Connection] = []
        for _ in range(jobs):
            end, other = context.Pipe()
            ends.append(end)
            arguments = (other, tuple(ends), ours) if forked else (other, (), ours.settings)
            process = context.Process(target=_work, args=(*arguments, self._stopped))
            process.start()
            other.close()
            self._running[end] = _Worker(process, end)
        self._workers = [*self._running.values()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.connection.close()  # which ends one that is still running
            worker.process.join()
        for _, note in self._notes.values():
            self._tally.add_remark(note.file, note.where, note.text)

    def submit(self, task: _Task) -> None:
        """Give a task to a process that has few.

        Raises:
            HarnessError: a process has ended early.
        """
        # One ahead, so that none has to wait; but sending much to a busy process blocks this one.
        ahead = 0 if isinstance(task, _Batch) else 1
        while len((worker := min(self._workers, key=lambda one: len(one.tasks))).tasks) > ahead:
            self._take()
        worker.tasks.append(task)
        with uninterrupted():
            self._send(worker, task)

    def stop(self) -> None:
        """Let the processes ignore what they have not judged yet."""
        self._stopped.set()

    def finish(self) -> None:
        """Wait for all tasks, and count everything.

        Raises:
            HarnessError: a process has ended early.
        """
        if not self._finishing:
            with uninterrupted():
                self._finishing = True
                for worker in self._workers:
                    self._send(worker, None)
        while self._running:
            self._take()

    def _send(self, worker: _Worker, task: _Task | None) -> None:
        try:
            worker.connection.send(task)
        except ConnectionError:
            raise _last_words(worker) from None

    def _take(self) -> None:
        """Wait for some results, and count them."""
        from multiprocessing.connection import wait

        ready = set(wait([*self._running]))
        for worker in [one for one in self._workers if one.connection in ready]:
            with uninterrupted():
                try:
                    found: Tally | Exception | _Judged = worker.connection.recv()
                except (EOFError, ConnectionError):
                    raise _ended_early(worker) from None
                if isinstance(found, Tally):
                    self._tally.merge(found)
                    del self._running[worker.connection]
                    continue
            if isinstance(found, Exception):
                raise found
            task = worker.tasks.popleft()
            for note in found.notes:
                self._note(task, note)
            self._report(task.file, found.exchanges)

    def _note(self, task: _Task, note: RecordingNote) -> None:
        """Keep the first note of its kind about a file whose parts each have one."""
        divided = isinstance(task, RecordingPart) and task.unit
        start = task.start if isinstance(task, RecordingPart) else 0
        key = note.file, note.text if divided else f"{note.where} {note.text}"
        known = self._notes.get(key)
        if known is None or start < known[0]:
            self._notes[key] = start, note


def _last_words(worker: _Worker) -> Exception:
    """Return the error with which a process has ended; one that was killed has sent none."""
    try:
        while not isinstance(said := worker.connection.recv(), Exception):
            pass
    except (EOFError, ConnectionError):
        return _ended_early(worker)
    return said


def _ended_early(worker: _Worker) -> HarnessError:
    worker.process.join()
    return HarnessError(
        f"expected {worker.process.name} to judge until the end, got exit code {worker.process.exitcode}; "
        "if it was killed for lack of memory, use fewer with -j"
    )
