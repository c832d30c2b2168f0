"""Whether `verify` sees the faults of the reference server that change an answer it has on record.

The cases of each fault's group are sent to a server with that fault, and the answers are compared with the
golden cassettes. It is compared with a comparison without rules: whether any answer differs in its bytes
once ids, times and other random names are taken out. What differs in its bytes and not by the rules is masked
deliberately or missed, and is listed; where nothing differs at all the fault shows in no recorded answer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from cohere_conformance.data import folder
from cohere_conformance.golden import find, load
from cohere_conformance.golden.driver import VerifyDriver
from cohere_conformance.model import Severity
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.report import Record, read_journals
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.plan import RunOptions
from cohere_conformance.session.selftest import is_fuzzed, scopes

RANDOM = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"
    rb"|[0-9a-f]{12,}|conformance-[0-9a-f-]+|[A-Za-z0-9_]{20,}|\b\d{10,}\b"
)


class Verified(NamedTuple):
    """What became of one fault.

    Attributes:
        fault: its name; empty for none.
        found: distinct findings that fail a run.
        noticed: distinct notices.
        cases: of those cases.
        differing: cases whose answers differ in their bytes.
        seconds: it took.
    """

    fault: str
    found: int
    noticed: int
    cases: int
    differing: tuple[str, ...]
    seconds: float


def verified(fault: str, profile: str = "contract") -> Verified:
    """Send the cases of the fault's groups, and compare."""
    began = time.monotonic()
    groups = tuple(dict.fromkeys(group for scope in scopes(fault) for group in scope)) if fault else ()
    with tempfile.TemporaryDirectory(prefix="verify-") as home:
        campaign = Campaign(
            RunOptions(faults=(fault,) if fault else (), only=groups, profile=profile),
            VerifyDriver(folder("cassettes")),
            folder=Path(home),
            fail_on=Severity.ADDITIVE,
            environment={},
        )
        campaign.begin()
        worker = campaign.worker("main")
        worker.open(tuple(case.id for case in campaign.cases))
        try:
            for case in campaign.cases:
                worker.run(case)
        finally:
            worker.close(interrupted=False)
        return _counted(fault, Path(home), time.monotonic() - began)


def _counted(fault: str, home: Path, seconds: float) -> Verified:
    golden = find(folder("cassettes"))
    found: set[str] = set()
    noticed: set[str] = set()
    cases: set[str] = set()
    differing = []
    for journal in read_journals(home):
        for line in journal.lines():
            if not isinstance(line, Record) or line.setup or line.exchange is None or line.case not in golden:
                continue
            for finding in line.findings:
                (noticed if finding.severity is Severity.NOTICE else found).add(finding.fingerprint)
            cases |= {line.case} if line.findings else set()
            answer, recorded = line.exchange.response, load(golden[line.case]).exchange.response
            if answer.status != recorded.status or bare(answer.body) != bare(recorded.body):
                differing.append(line.case)
    return Verified(fault, len(found), len(noticed), len(cases), tuple(differing), seconds)


def bare(body: bytes | None) -> bytes:
    return RANDOM.sub(b"?", body or b"")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--every", type=int, default=1, help="only each n-th fault")
    parser.add_argument("--only", default="", help="only faults whose names begin so")
    options = parser.parse_args()
    ordinary = [
        name
        for name in sorted(catalogue())
        if not is_fuzzed(name) and not name.startswith("transport.") and name.startswith(options.only)
    ][:: options.every]
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(verified, ["", *ordinary]))
    quiet, trials = results[0], results[1:]
    noisy = set(quiet.differing)
    found = [one for one in trials if one.found]
    noticed = [one for one in trials if one.noticed and not one.found]
    reported = {one.fault for one in (*found, *noticed)}
    masked = [one for one in trials if one.fault not in reported and set(one.differing) - noisy]
    differing, silent = len(noisy), len(trials) - len(reported) - len(masked)
    print(f"no fault: {quiet.found} findings; {differing} answers differ in bytes; {quiet.seconds:.0f} s")
    print(f"{len(trials)} faults: {len(found)} found, {silent} show in no recorded answer")
    print(f"reported as notices only, which fail no run: {len(noticed)}")
    for one in noticed:
        print(f"  {one.fault}")
    print(f"answers differ in bytes only, masked or missed: {len(masked)}")
    for one in masked:
        shown = sorted(set(one.differing) - noisy)
        print(f"  {one.fault}: {', '.join(shown[:4])}{' ...' if len(shown) > 4 else ''}")
    print(f"{sum(one.seconds for one in results):.0f} s of work in {options.jobs} processes")
    return 1 if quiet.found else 0


if __name__ == "__main__":
    sys.exit(main())
