"""What the workers of a run have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.session.clock import REAL, RunClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cohere_conformance.cases import Suite
    from cohere_conformance.model import Severity
    from cohere_conformance.report import Header
    from cohere_conformance.session.judging import Judge
    from cohere_conformance.session.plan import Plan


@dataclass(frozen=True)
class WorkerSettings:
    """What the workers of a run have in common.

    Attributes:
        plan: what the run may do.
        suite: the cases and their resources.
        judge: judges every response.
        fail_on: the least severity that fails a case.
        folder: of the journals.
        header: of the report.
        run: distinguishes this run from others.
        authorizations: fields for further keys, by name.
        requests: maximum number of requests of one worker.
        reference: the target is a reference server.
        until: time of day, in seconds, at which the run has to end; `None` without a limit.
        ledger: file in which it is noted what the run creates; `None` where nothing outlives the run.
        clock: the time of the run.
        workers: how many processes send.
    """

    plan: Plan
    suite: Suite
    judge: Judge
    fail_on: Severity
    folder: Path
    header: Header
    run: str
    authorizations: Mapping[str, str]
    requests: int | None
    reference: bool
    until: float | None = None
    ledger: Path | None = None
    clock: RunClock = REAL
    workers: int = 1
