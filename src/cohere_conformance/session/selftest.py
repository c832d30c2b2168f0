"""Runs the suites against each fault of the reference server: every check has to find its faults."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.cases import PROFILES
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.model import Kind
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.report import load
from cohere_conformance.report.selftest import Matrix, Trial, matrix_of, merged
from cohere_conformance.sdk.parsers import VARIABLE
from cohere_conformance.session.detecting import detecting, load_detections
from cohere_conformance.session.garbage import freeze_for_good
from cohere_conformance.session.interrupt import terminable
from cohere_conformance.session.processes import start_context
from cohere_conformance.session.suites import pytest_arguments, run_suites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COMMON = ("check-api-key", "tokenize", "rerank")
"""The groups that run first for a fault of no group: fast ones that show most common faults."""
FURTHER = (("models", "embed"), ("chat",))
"""The groups that run next, one after the other, as long as an expected finding is missing."""
TRANSPORT = (("check-api-key",), ("chat",))
"""The groups that run for a fault of the connection: each response may take long to fail."""


FUZZED = "input"
"""The prefix of the faults that only unusual input shows: these are for the fuzzer."""
UNUSUAL = (
    ("tokenize", "rerank"),
    ("check-api-key", "detokenize", "classify", "models", "embed"),
    ("datasets", "connectors", "summarize", "generate"),
    ("chat",),
    ("audio", "parse", "batches", "embed-jobs", "finetuning"),
)
"""The groups that are fuzzed for such a fault, one after the other until one shows it."""


def selftest(
    names: Iterable[str] | None = None,
    *,
    jobs: int = 1,
    seed: int | None = None,
    complete: bool = False,
    progress: Callable[[Trial], None] | None = None,
) -> Matrix:
    """Run the suites against faults, and against the server without faults in every profile.

    Args:
        names: of the faults; all if not given.
        jobs: processes.
        seed: of every run.
        complete: run every case of the groups in which a fault shows, also after those that detect it.
        progress: called with each trial as it ends.

    Raises:
        UsageError: there is no fault of that name.
    """
    known = catalogue()
    wanted = sorted(known) if names is None else list(names)
    context = start_context()
    if context.get_start_method() == "fork":
        _prepare(fuzzed=any(map(is_fuzzed, wanted)))
    with terminable(), ProcessPoolExecutor(jobs, context, initializer=partial(_start, seed)) as pool:
        quiet = [
            pool.submit(_trial, "", profile, () if names is None else _asked(wanted, fuzzed), fuzzed=fuzzed)
            for fuzzed in sorted({is_fuzzed(fault) for fault in wanted})
            for profile in PROFILES
        ]
        # The slow ones first, so that the run does not wait for one of them at the end.
        wanted.sort(key=lambda fault: not fault.startswith("transport."))
        running = [*quiet, *(pool.submit(_tried, fault, complete=complete) for fault in wanted)]
        ended = []
        try:
            for future in running:
                ended.append(future.result())
                if progress is not None:
                    progress(ended[-1])
        except BaseException:
            # What is running ends, what is queued is dropped.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    faultless, trials = ended[: len(quiet)], ended[len(quiet) :]
    return matrix_of(trials, faultless, shipped_requirements().requirements, known)


def _asked(faults: Iterable[str], fuzzed: bool) -> tuple[str, ...]:
    """Return the groups that run for any of the faults."""
    asked = {group for fault in faults if is_fuzzed(fault) is fuzzed for group in chain(*scopes(fault))}
    return tuple(sorted(asked))


_SEED: list[int] = []
"""The seed of every run, set once in each process."""
_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: "0"}
"""Variables of the processes: no plugin but ours, and no SDK, whose effects nobody reads here."""


def _prepare(*, fuzzed: bool) -> None:
    """Compile the contract and read the cases, for all processes that are forked from this one."""
    before = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    os.environ |= _ENVIRONMENT
    try:
        _trial("", PROFILES[0], (), fuzzed=False, cases=("check-api-key.valid",))
        if fuzzed:
            _trial("", PROFILES[0], (), fuzzed=True, cases=("fuzz.negative.get-v1-models",))
    finally:
        for name in _ENVIRONMENT:
            del os.environ[name]
        os.environ |= before


def _start(seed: int | None) -> None:
    _SEED[:] = [] if seed is None else [seed]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    os.environ |= _ENVIRONMENT
    freeze_for_good()  # what all processes share need not be looked through in each


def _tried(fault: str, *, complete: bool = False) -> Trial:
    """Run the cases that have detected the fault before, then one scope after the other.

    What follows is not run if every expected finding is there.
    """
    fuzzed = is_fuzzed(fault)
    if not complete and (cases := load_detections().get(fault)):
        trial = _trial(fault, PROFILES[0], (), fuzzed=fuzzed, cases=cases)
        if not trial.message and not owing(fault, [trial]):
            return trial
    trials: list[Trial] = []
    for groups in scopes(fault):
        trials.append(_trial(fault, PROFILES[0], groups, fuzzed=fuzzed))
        if trials[-1].message or not owing(fault, trials):
            break
    return merged(trials)


def owing(fault: str, trials: Iterable[Trial]) -> bool:
    """Return whether a finding is missing: of a requirement that names the fault, or any at all."""
    found = [trial for trial in trials if trial.caught]
    tripped = {requirement for trial in found for requirement in trial.requirements}
    return not found or not naming(fault) <= tripped


def naming(fault: str) -> set[str]:
    """Return the ids of the requirements that name a fault."""
    return {one.id for one in shipped_requirements().requirements.values() if fault in one.faults}


def is_fuzzed(fault: str) -> bool:
    """Return whether a fault is for the fuzzer, because only unusual input shows it."""
    return fault.startswith(f"{FUZZED}.")


def scopes(fault: str) -> tuple[tuple[str, ...], ...]:
    """Return the groups whose suites run against a fault, in the order in which they run."""
    group = fault.partition(".")[0]
    if group == "transport":
        return TRANSPORT
    if group == FUZZED:
        return UNUSUAL
    groups = set(load_contract().groups.values())
    return ((group,),) if group in groups else (COMMON, *FURTHER)


def _trial(
    fault: str, profile: str, groups: tuple[str, ...], *, fuzzed: bool, cases: tuple[str, ...] = ()
) -> Trial:
    began, output = time.monotonic(), io.StringIO()
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        arguments = pytest_arguments(
            {
                "profile": [profile],
                "only": [",".join(groups)] if groups else [],
                "case": cases,
                "fault": [fault] if fault else [],
                "report-dir": [folder],
                "seed": _SEED,
                # The faults show in single changes; combinations would only take time.
                **({"fuzz": ["gate"], "max-examples": [4]} if fuzzed else {}),
            }
        )
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = run_suites(arguments).code
        seconds = time.monotonic() - began
        # A fault may make some cases inconclusive; without one nothing explains that.
        if code not in ({0, 1, 3} if fault else {0, 1}) or not (Path(folder) / "report.json").exists():
            message = (output.getvalue().strip().splitlines() or ["no words"])[-1]
            return Trial(
                fault=fault,
                profile=profile,
                exit_code=code,
                seconds=round(seconds, 2),
                message=message[:300],
                fuzzed=fuzzed,
            )
        report = load(Path(folder))
    rows = report.findings
    return Trial(
        fault=fault,
        profile=profile,
        exit_code=code,
        requirements=tuple(sorted({row.requirement for row in rows if row.requirement})),
        kinds=tuple(sorted({row.kind for row in rows if row.kind is not Kind.REQUIREMENT_VIOLATED})),
        cases=len({case for row in rows for case in row.cases}),
        detected_by=detecting(rows, naming(fault)),
        seconds=round(seconds, 2),
        fuzzed=fuzzed,
    )
