"""Judges recorded exchanges: parses, judges and counts them, in one process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from cohere_conformance.errors import TrafficError
from cohere_conformance.recordings import SkippedFile, discover, parse_recording
from cohere_conformance.session import processes
from cohere_conformance.session.garbage import rarely_collected
from cohere_conformance.session.judging_order import batches

if TYPE_CHECKING:
    from cohere_conformance.report import Tally
    from cohere_conformance.session.engine import Engine
    from cohere_conformance.session.judging import Judge


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
        jobs: number of processes; 0 for one of each core where the files are large. The counts do not
            depend on it.
        engine: a cluster that judges instead of this machine; the counts do not depend on it either.
        progress: called as the run proceeds.
    """
    report = progress or (lambda file, count: None)
    if engine is not None:
        from cohere_conformance.session import cluster

        cluster.check(_files(paths, tally), ours, tally, engine, report)
        return
    files: Iterable[str] = _files(paths, tally)
    if not jobs:
        files = list(files)
        jobs = processes.jobs_for(files)
    if jobs > 1:
        with rarely_collected():
            processes.spread(files, ours, jobs, tally, report)
        return
    with rarely_collected():
        for file in files:
            for batch in batches(parse_recording(file)):
                report(file, 0)
                for value in batch:
                    ours.count(tally, value)
                report(file, len(batch))


def _files(paths: Iterable[str], tally: Tally) -> Iterator[str]:
    """Yield the files to read; note at once the paths that are none."""
    for found in discover(paths):
        if isinstance(found, SkippedFile):
            tally.add_skipped(found.file, found.reason)
        elif isinstance(found, TrafficError):
            tally.add_unreadable(found)
        else:
            yield found
