"""Judges recorded traffic on a Dask cluster: large recordings in parts, whose tallies are merged here.

A tally does not depend on how the work was divided, so the report is that of one machine. What a lost worker
was judging is judged by another one.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.errors import ConformanceError, TargetError, TrafficError, UsageError
from cohere_conformance.recordings.parts import RecordingPart, count_lines, divide, is_large, numbered
from cohere_conformance.session import part_judge
from cohere_conformance.session.part_judge import judge_part, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cohere_conformance.report import Tally
    from cohere_conformance.session.engine import Engine
    from cohere_conformance.session.judging import Judge
    from cohere_conformance.session.part_judge import JudgedPart

PACKAGE = "pip install 'cohere-conformance[dask]'"
_WAIT = 20
"""Seconds to wait for a scheduler, and for its first worker."""
_AHEAD = 3
"""Tasks for each thread of the cluster that are submitted at once; results of more would fill the memory."""


def check(
    files: Iterable[str], ours: Judge, tally: Tally, engine: Engine, report: Callable[[str, int], None]
) -> None:
    """Judge the recordings.

    Args:
        files: paths and addresses that every worker can read.
        ours: the judge whose settings the workers use.
        tally: counts everything, so that an interrupted run has partial results.
        engine: which cluster.
        report: called with the file and the number of exchanges judged since the last call.

    Raises:
        UsageError: Dask is not installed, here or on a worker, or a worker has another version.
        TargetError: the scheduler cannot be reached, has no workers, or is lost.
    """
    with _client(engine) as client:
        _Run(client, ours, tally, engine.part, report).run(files)


# -- the cluster


@contextlib.contextmanager
def _client(engine: Engine) -> Iterator[Any]:
    """Connect to the cluster, or start one on this machine that ends with the block."""
    try:
        import distributed
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise UsageError(f"--engine dask: expected the package distributed, got none; {PACKAGE}") from error
    with contextlib.ExitStack() as stack:
        # What goes wrong is said by our errors; its logs are stack traces of the event loop.
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
        address: Any = engine.address
        try:
            if not address:
                address = stack.enter_context(
                    distributed.LocalCluster(
                        n_workers=engine.workers or os.cpu_count() or 1,
                        threads_per_worker=1,
                        processes=True,
                        dashboard_address="127.0.0.1:0",
                        silence_logs=logging.CRITICAL,
                        preload=[part_judge.__name__],
                    )
                )
            client = stack.enter_context(distributed.Client(address, timeout=_WAIT, set_as_default=False))
            client.wait_for_workers(1, timeout=_WAIT)
        except (OSError, ValueError, RuntimeError) as error:
            reason = type(error).__name__
            if not engine.address:
                raise TargetError(
                    f"--engine dask: expected a cluster on this machine, got {reason}; try -j 1 for fewer "
                    'workers, and call it in a script below `if __name__ == "__main__":`'
                ) from error
            raise TargetError(
                f"--engine dask={engine.address}: expected a scheduler with a worker within {_WAIT} s, "
                f"got {reason}; start them by `dask scheduler` and `dask worker`"
            ) from error
        stack.enter_context(client.as_current())
        yield client


# -- the run


class _Counting(msgspec.Struct):
    """A file of JSON Lines whose lines are being counted."""

    parts: list[RecordingPart]
    lines: dict[int, int] = {}


class _Run:
    """What is submitted to the cluster, and what follows from its results."""

    def __init__(
        self, client: Any, ours: Judge, tally: Tally, part: int, report: Callable[[str, int], None]
    ) -> None:
        self._client = client
        self._part = part
        self._tally = tally
        self._report = report
        self._waiting: deque[Callable[[], None]] = deque()
        self._running: dict[Any, tuple[RecordingPart, Callable[[Any], None]]] = {}
        self._settings = ours.settings
        self._version = version_of(ours)

    def run(self, files: Iterable[str]) -> None:
        """Judge all files; on Ctrl-C, stop the workers and raise."""
        from distributed import CancelledError, wait

        pending = iter(files)
        try:
            while self._fill(pending):
                done, _ = wait(list(self._running), return_when="FIRST_COMPLETED")
                for future in done:
                    self._take(future)
        except (CancelledError, OSError) as error:
            raise TargetError(
                f"--engine dask: the scheduler was lost during the run ({type(error).__name__}); "
                "start it again, and repeat the command"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                self._client.cancel(list(self._running), force=True)
            self._running.clear()

    def _fill(self, files: Iterator[str]) -> bool:
        """Submit tasks as long as the cluster has room for more; return whether any is running."""
        room = _AHEAD * max(1, sum(self._client.nthreads().values()))
        while len(self._running) < room:
            if self._waiting:
                self._waiting.popleft()()
            elif (file := next(files, None)) is not None:
                self._begin(file)
            else:
                break
        return bool(self._running)

    def _begin(self, file: str) -> None:
        if is_large(file, self._part):
            self._submit(RecordingPart(file), self._divided, divide, file, self._part)
        else:
            self._judge(RecordingPart(file))

    def _submit(
        self, part: RecordingPart, then: Callable[[Any], None], function: Callable[..., Any], *arguments: Any
    ) -> None:
        # Impure: a result is wanted once, and no other run shares it.
        future = self._client.submit(function, *arguments, pure=False, retries=2)
        self._running[future] = (part, then)
        self._report(part.file, 0)

    def _judge(self, part: RecordingPart) -> None:
        self._submit(part, partial(self._count, part), judge_part, self._settings, part)

    def _count(self, part: RecordingPart, judged: JudgedPart) -> None:
        if judged.judged_by != self._version:
            mine, others = (
                f"{version} (contract {digest[:12]})" for version, digest in (self._version, judged.judged_by)
            )
            raise UsageError(
                f"--engine dask: expected cohere-conformance {mine} on every worker, got {others}; "
                "install the same version"
            )
        self._tally.merge(judged.tally)
        self._report(part.file, judged.tally.exchanges_judged)

    def _divided(self, parts: list[RecordingPart]) -> None:
        if parts[0].before is not None:
            self._waiting.extend(partial(self._judge, part) for part in parts)
            return
        counting = _Counting(parts, {})
        self._waiting.extend(partial(self._count_lines, counting, number) for number in range(len(parts)))

    def _count_lines(self, counting: _Counting, number: int) -> None:
        def counted(lines: int) -> None:
            counting.lines[number] = lines
            if len(counting.lines) == len(counting.parts):
                lines_of = [counting.lines[each] for each in range(len(counting.parts))]
                self._waiting.extend(
                    partial(self._judge, part) for part in numbered(counting.parts, lines_of)
                )

        part = counting.parts[number]
        self._submit(part, counted, count_lines, part)

    def _take(self, future: Any) -> None:
        """Do what follows from the result of a task; what cannot be judged hides nothing else."""
        part, then = self._running.pop(future)
        try:
            result = future.result()
        except ModuleNotFoundError as error:
            raise UsageError(
                f"--engine dask: a worker has no module {error.name}; {PACKAGE} on every worker"
            ) from error
        except ConformanceError:
            raise  # of the call, such as observed shapes that a worker cannot read
        except Exception as error:  # noqa: BLE001 - whatever went wrong there is said of the part
            reason = f"no worker could judge it ({type(error).__name__}); look at the logs of the workers"
            self._tally.add_unreadable(TrafficError(part.file, part.position, reason))
        else:
            then(result)
        finally:
            future.release()
