"""Judges recorded exchanges: parses, judges and counts them, in one process or in several."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import RecordingNote, SkippedFile, discover, parse_recording
from cohere_conformance.session.judging import Judge, JudgeSettings

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

    from cohere_conformance.report import Tally
    from cohere_conformance.session.engine import Engine


_Value = Exchange | TrafficError | RecordingNote
_BATCH = 256
_COLLECTED = 20_000
"""New objects after which garbage is collected, instead of 700."""
_LARGE = 8 * 2**20  # size in bytes from which a file is split over workers

Progress = Callable[[str, int], None]
"""Called with the file that is being read and the number of exchanges judged since the last call."""


def check(
    paths: Iterable[str],
    ours: Judge,
    tally: Tally,
    *,
    jobs: int = 1,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> None:
    """Judge all exchanges below the paths.

    Args:
        paths: files and folders.
        ours: the judge; with several jobs each worker creates one with the same settings.
        tally: counts everything, so that an interrupted run has partial results.
        jobs: number of processes; the counts do not depend on it.
        engine: a cluster that judges instead of this machine; the counts do not depend on it either.
        progress: called as the run proceeds.
    """
    report = progress or (lambda file, count: None)
    if engine is not None:
        from cohere_conformance.session import cluster

        cluster.check(_files(paths, tally), ours, tally, engine, report)
        return
    if jobs > 1:
        _spread(paths, ours.settings, jobs, tally, report)
        return
    with _rarely_collected():
        for file in _files(paths, tally):
            for batch in _batches(parse_recording(file)):
                report(file, 0)
                for value in batch:
                    ours.count(tally, value)
                report(file, len(batch))


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Collect garbage rarely, and leave out of it what exists already, such as the contract.

    Exchanges have hardly any cycles, and looking for them took a fifth of the time of a check.
    """
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    if not frozen:
        gc.freeze()
    gc.set_threshold(_COLLECTED, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not frozen:
            gc.unfreeze()


def _files(paths: Iterable[str], tally: Tally) -> Iterator[str]:
    """Yield the files to read; note at once the paths that are none."""
    for found in discover(paths):
        if isinstance(found, SkippedFile):
            tally.add_skipped(found.file, found.reason)
        elif isinstance(found, TrafficError):
            tally.add_unreadable(found)
        else:
            yield found


def _batches(values: Iterable[_Value]) -> Iterator[list[_Value]]:
    iterator = iter(values)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


# -- several processes ---------------------------------------------------------------------------------------

_EXCHANGES = msgspec.msgpack.Decoder(list[Exchange])
_worker: Judge
_stopped: Event


def _start_worker(settings: JudgeSettings, stopped: Event) -> None:
    global _worker, _stopped
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    _worker, _stopped = Judge(settings), stopped


def _count_file(file: str) -> tuple[str, Tally]:
    return _counted(file, parse_recording(file))


def _count_batch(file: str, batch: bytes) -> tuple[str, Tally]:
    return _counted(file, _EXCHANGES.decode(batch))


def _counted(file: str, values: Iterable[_Value]) -> tuple[str, Tally]:
    """Judge the values, until the parent stops the run."""
    tally = _worker.tally()
    for number, value in enumerate(values):
        if number % _BATCH == 0 and _stopped.is_set():
            break
        _worker.count(tally, value)
    return file, tally


def _spread(paths: Iterable[str], settings: JudgeSettings, jobs: int, tally: Tally, report: Progress) -> None:
    """Spread files over processes, and a large file in batches.

    Only a few batches are in memory at once.
    """
    context = multiprocessing.get_context("spawn")
    stopped = context.Event()
    with ProcessPoolExecutor(jobs, context, initializer=_start_worker, initargs=(settings, stopped)) as pool:
        running: set[Future[tuple[str, Tally]]] = set()
        try:
            for work in _work(_files(paths, tally), tally):
                if len(running) >= 3 * jobs:
                    _collect(running, tally, report)
                running.add(pool.submit(work))
            while running:
                _collect(running, tally, report)
        except KeyboardInterrupt:
            stopped.set()
            running -= {future for future in running if future.cancel()}
            while running:  # what was judged so far
                _collect(running, tally, report)
            raise


def _work(files: Iterable[str], tally: Tally) -> Iterator[Callable[[], tuple[str, Tally]]]:
    for file in files:
        if not (Path(file).is_file() and Path(file).stat().st_size >= _LARGE):
            yield partial(_count_file, file)
            continue
        for batch in _batches(parse_recording(file)):
            for value in batch:
                if isinstance(value, TrafficError):
                    tally.add_unreadable(value)
                elif isinstance(value, RecordingNote):
                    tally.add_remark(value.file, value.where, value.text)
            # Three times as fast as pickling by the pool.
            exchanges = [value for value in batch if isinstance(value, Exchange)]
            yield partial(_count_batch, file, msgspec.msgpack.encode(exchanges))


def _collect(running: set[Future[tuple[str, Tally]]], tally: Tally, report: Progress) -> None:
    """Wait for some results, remove them from the running ones and count them."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        running.discard(future)
        file, part = future.result()
        tally.merge(part)
        report(file, part.exchanges_judged)
