"""Judges recorded exchanges in several processes, each of which reads its own part of the recordings."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Exchange
from cohere_conformance.recordings import RecordingNote, parse_recording
from cohere_conformance.recordings.parts import (
    RecordingPart,
    count_lines,
    divide,
    is_large,
    numbered,
    parse_part,
)
from cohere_conformance.recordings.storage import is_address, size_of
from cohere_conformance.report import Tally
from cohere_conformance.session.garbage import OBJECTS
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.judging_order import ExchangeValue, batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from multiprocessing.context import BaseContext
    from multiprocessing.synchronize import Event


_LARGE = 8 * 2**20
"""Bytes from which a file is split over processes."""
_LEAST_PART = 2**20
_WORTH = 20 * 2**20
"""Bytes of all files from which several processes are used although nobody has asked for them."""
_MOST = 8
"""Processes that are used without being asked for: each reads every HTTP archive from its beginning."""


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
_inherited: Judge | None = None
"""The judge of the parent, which a forked worker uses instead of compiling the contract again."""
_worker: Judge
_stopped: Event


class CountedPart(msgspec.Struct):
    """What a worker returns of a part.

    Attributes:
        part: of a recording.
        tally: what it has counted.
        notes: about the recording.
    """

    part: RecordingPart
    tally: Tally
    notes: list[RecordingNote]


def _start_worker(settings: JudgeSettings, stopped: Event) -> None:
    global _worker, _stopped
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    _worker, _stopped = _inherited or Judge(settings), stopped
    gc.freeze()
    gc.set_threshold(OBJECTS)


def _count_part(part: RecordingPart) -> CountedPart:
    return _counted(part, parse_part(part))


def _count_batch(part: RecordingPart, batch: bytes) -> CountedPart:
    return _counted(part, _EXCHANGES.decode(batch))


def _counted(part: RecordingPart, values: Iterable[ExchangeValue]) -> CountedPart:
    """Judge the values, until the parent stops the run."""
    counted = CountedPart(part, _worker.tally(), [])
    for batch in batches(values):
        if _stopped.is_set():
            break
        for value in batch:
            if isinstance(value, RecordingNote):
                counted.notes.append(value)
            else:
                _worker.count(counted.tally, value)
    return counted


# -- in the parent -------------------------------------------------------------------------------------------


def spread(
    files: Sequence[str], ours: Judge, jobs: int, tally: Tally, report: Callable[[str, int], None]
) -> None:
    """Spread files over processes, and a large file in parts.

    Only a few results are in memory at once.

    Args:
        files: paths and addresses.
        ours: the judge; a worker that is not forked creates one with the same settings.
        jobs: number of processes.
        tally: counts everything, so that an interrupted run has partial results.
        report: called with the file and the number of exchanges judged since the last call.
    """
    from concurrent.futures import ProcessPoolExecutor  # slow to import, and one process is usual

    global _inherited
    context = start_context()
    stopped = context.Event()
    collected = _Collected(tally, report)
    if context.get_start_method() == "fork":
        ours.prepare()
        _inherited = ours
    try:
        with ProcessPoolExecutor(
            jobs, context, initializer=_start_worker, initargs=(ours.settings, stopped)
        ) as pool:
            try:
                for work in _work(files, jobs):
                    if len(collected.running) >= 3 * jobs:
                        collected.take()
                    collected.running.add(pool.submit(work))
                while collected.running:
                    collected.take()
            except KeyboardInterrupt:
                stopped.set()
                collected.running -= {future for future in collected.running if future.cancel()}
                while collected.running:  # what was judged so far
                    collected.take()
                raise
    finally:
        _inherited = None
        collected.finish()


def start_context() -> BaseContext:
    """Return how processes are started: forked where that is safe, because a new one starts slowly."""
    import multiprocessing

    safe = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if safe else "spawn")


def _work(files: Iterable[str], jobs: int) -> Iterator[Callable[[], CountedPart]]:
    for file in files:
        parts = _parts(file, jobs)
        if len(parts) > 1 or not is_large(file, _LARGE - 1):
            yield from (partial(_count_part, part) for part in parts)
            continue
        # Only one process can parse it; the others judge.
        for batch in batches(parse_recording(file)):
            others = [value for value in batch if not isinstance(value, Exchange)]
            if others:
                yield partial(_count_others, parts[0], others)
            # Three times as fast as pickling by the pool.
            exchanges = [value for value in batch if isinstance(value, Exchange)]
            yield partial(_count_batch, parts[0], msgspec.msgpack.encode(exchanges))


def _count_others(part: RecordingPart, others: Sequence[ExchangeValue]) -> CountedPart:
    return _counted(part, others)


def _parts(file: str, jobs: int) -> list[RecordingPart]:
    """Return the parts in which a file is judged."""
    if is_address(file) or not is_large(file, _LARGE - 1):
        return [RecordingPart(file)]
    parts = divide(file, max(_LEAST_PART, -(-_size(file) // (4 * jobs))), jobs)
    if parts[0].before is not None:
        return parts
    try:
        return numbered(parts, [count_lines(part) for part in parts])
    except OSError:
        return [RecordingPart(file)]  # whoever parses it reports what is wrong


class _Collected:
    """Merges the results of the workers.

    Attributes:
        running: what the workers are at.
    """

    def __init__(self, tally: Tally, report: Callable[[str, int], None]) -> None:
        self.running: set[Future[CountedPart]] = set()
        self._tally = tally
        self._report = report
        self._first: dict[tuple[str, str], tuple[int, RecordingNote]] = {}

    def take(self) -> None:
        """Wait for some results, and count them."""
        from concurrent.futures import FIRST_COMPLETED, wait

        done, _ = wait(self.running, return_when=FIRST_COMPLETED)
        for future in done:
            self.running.discard(future)
            counted = future.result()
            self._tally.merge(counted.tally)
            for note in counted.notes:
                self._note(counted.part, note)
            self._report(counted.part.file, counted.tally.exchanges_judged)

    def _note(self, part: RecordingPart, note: RecordingNote) -> None:
        """Keep the first note of its kind about a file whose parts each have one."""
        key = note.file, note.text if part.unit else f"{note.where} {note.text}"
        known = self._first.get(key)
        if known is None or part.start < known[0]:
            self._first[key] = part.start, note

    def finish(self) -> None:
        """Add the notes to the tally."""
        for _, note in self._first.values():
            self._tally.add_remark(note.file, note.where, note.text)
