"""Judges one part of a recording in a worker of a cluster.

Workers import these functions by name. A function that was sent to them by value would bring a new module
with each task, and each would compile the contract again.
"""

from __future__ import annotations

import signal
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance import __version__
from cohere_conformance.recordings.parts import parse_part
from cohere_conformance.report import Tally
from cohere_conformance.session.garbage import rarely_collected
from cohere_conformance.session.judging import Judge
from cohere_conformance.session.judging_order import batches

if TYPE_CHECKING:
    from cohere_conformance.recordings.parts import RecordingPart
    from cohere_conformance.session.judging import JudgeSettings

_JUDGING = threading.Lock()
"""A worker may have several threads. More than one of them is no faster, and a judge is made for one."""
_judge_of = lru_cache(maxsize=2)(Judge)


class JudgedPart(msgspec.Struct):
    """What a worker returns of a part.

    Attributes:
        tally: what it has counted.
        judged_by: the version of the package and the contract in the worker.
    """

    tally: Tally
    judged_by: tuple[str, str]


def judge_part(settings: JudgeSettings, part: RecordingPart) -> JudgedPart:
    """Judge the exchanges of a part.

    Args:
        settings: what to judge against; the first part of a process compiles the contract.
        part: of a recording that this machine can read.
    """
    with _JUDGING:
        judge = _judge_of(settings)
        tally = judge.tally()
        with rarely_collected():
            for batch in batches(parse_part(part)):
                for value in batch:
                    judge.count(tally, value)
    return JudgedPart(tally, version_of(judge))


def version_of(judge: Judge) -> tuple[str, str]:
    """Return the versions that two machines must have in common: of the package, and of the contract."""
    return __version__, judge.contract.digest


def dask_setup(worker: object) -> None:
    """Prepare a worker on this machine; Dask calls it by this name.

    Ctrl-C in a terminal reaches all processes. It is for the one that runs the command, which stops workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
