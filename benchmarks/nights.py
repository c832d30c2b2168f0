"""Two weeks of nightly runs against a simulated live service: green or not, what they cost, what they see.

    python benchmarks/nights.py
    python benchmarks/nights.py --nights 3 --faults 2

The service is the reference server as another host: TLS, a trial key with its quotas, 200 ms for each
response, bursts of 429 and 503, lost connections. Client and service share a clock that is moved ahead. After
the faultless nights each of 20 faults is injected in turn. The first night that has a case which shows it has
to be red, with a finding of a requirement that the catalogue names for this fault, and no night before it. It
has to be one of seven, within which every case is sent as well.
Exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from live_service import live_service

from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.model import Level
from cohere_conformance.session.suites import pytest_arguments, run_suites

if TYPE_CHECKING:
    from live_service import LiveService, NightResult

GROUPS = ("audio", "chat", "detokenize", "embed", "models", "parse", "rerank", "tokenize")
"""The groups of the faults: their operations may be called every night."""
LONGEST = 20.0
"""Minutes that a night with a trial key may take."""
REQUESTS, TOKENS, CALLS = 300, 1500, 15
WEEK = 7
"""Nights within which every case is to be sent, every element seen, and every fault found."""


def quiet_night(service: LiveService) -> NightResult:
    """Run a night without its output."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return service.night("-q")


def faultless(service: LiveService, nights: int) -> list[str]:
    """Run nights against the faultless service, print them, and return what is wrong."""
    print("| night | exit | minutes | requests | retried for | tokens | other units | elements | so far |")
    print("|--:|--:|--:|--:|---|--:|---|--:|--:|")
    seen, sent, wrong = set[object](), set[str](), list[str]()
    after: dict[int, int] = {}
    cases: dict[int, int] = {}
    ahead = set[str]()
    for number in range(1, nights + 1):
        night = quiet_night(service)
        plan = night.report.header.night
        assert plan is not None
        seen |= night.elements
        sent |= {*plan.cases}
        ahead |= {*plan.cases, *plan.unplanned}.union(*(one.cases for one in plan.later))
        after[number], cases[number] = len(seen), len(sent)
        weather = ", ".join(f"{count} {kind}" for kind, count in sorted(night.happened.items()))
        units = ", ".join(
            f"{count} {unit}" for unit, count in sorted(night.billed.items()) if not unit.endswith("tokens")
        )
        code, tokens = night.report.footer.exit_code, night.billed["tokens"]
        print(
            f"| {number} | {code} | {night.minutes:.1f} | {night.requests} | {weather} | {tokens} | {units} "
            f"| {len(night.elements)} | {len(seen)} |",
            flush=True,
        )
        planned = max(plan.calls.values())
        over = planned > CALLS or night.requests > REQUESTS or tokens > TOKENS
        if code or night.minutes > LONGEST or over or night.changed:
            wrong.append(f"night {number}: {night.report.footer.verdict}")
            ended = night.report.coverage.cases
            wrong += [] if ended is None else list(ended.inconclusive_reasons)
    print()
    for name, counted, of in (("elements seen", after, len(seen)), ("cases sent", cases, len(ahead))):
        shown = ", ".join(str(counted.get(one, "-")) for one in (1, 3, WEEK))
        print(f"{name} after 1, 3, 7 nights: {shown} of {of}")
        if nights >= WEEK and counted[WEEK] < of:
            wrong.append(f"{name} after {WEEK} nights: {counted[WEEK]} of {of}")
    return wrong


def sample(number: int) -> list[str]:
    """Return so many faults of requirements that fail a run, evenly spread over the catalogue."""
    requirements = shipped_requirements().requirements.values()
    names = {fault for one in requirements if one.level is Level.MUST for fault in one.faults}
    known = sorted(name for name in names if name.partition(".")[0] in GROUPS)
    return known[:: max(1, len(known) // max(number, 1))][:number]


def revealing(fault: str, expected: set[str], home: Path) -> set[str]:
    """Return the cases that show a fault, by a run of all of them against the embedded server."""
    options = {
        "profile": ["live-2026"], "only": [fault.partition(".")[0]], "fault": [fault], "report-dir": [home],
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        report = run_suites(pytest_arguments(options, ["-q"])).report
    rows = () if report is None else report.findings
    return {case for row in rows if row.requirement in expected for case in row.cases}


def faulty(service: LiveService, faults: list[str], home: Path) -> list[str]:
    """Inject each fault until a night is red, print what was found, and return what is wrong."""
    requirements = shipped_requirements().requirements
    print()
    print("| fault | red on night | cases of it that night | found | first cause |")
    print("|---|--:|--:|---|---|")
    wrong = []
    for fault in faults:
        expected = {one.id for one in requirements.values() if fault in one.faults}
        cases = revealing(fault, expected, home / "embedded")
        service.state.faults = (fault,)
        for number in range(1, WEEK + 1):
            night = quiet_night(service)
            plan = night.report.header.night
            planned = cases & {*(() if plan is None else plan.cases)}
            found = expected & {row.requirement for row in night.report.findings}
            code = night.report.footer.exit_code
            # A request that prepares cases may show it as well.
            if code != (1 if found else 0) or (planned and not found) or night.changed:
                wrong.append(f"{fault}, night {number}: exit {code} with {len(planned)} cases that show it")
                wrong.append(night.report.footer.verdict)
                ended = night.report.coverage.cases
                wrong += [] if ended is None else list(ended.inconclusive_reasons)
            if found or planned:
                break
        cause = " ".join(night.report.causes[0].title.split())[:80] if night.report.causes else ""
        print(f"| {fault} | {number} | {len(planned)} | {', '.join(sorted(found))} | {cause} |", flush=True)
        if not found:
            wrong.append(f"{fault}: none of its {len(cases)} cases was planned in {WEEK} nights")
    service.state.faults = ()
    return wrong


def main() -> int:
    """Run the benchmark, and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=14)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, live_service(Path(name), seed=given.seed) as service:
        wrong = faultless(service, given.nights) + faulty(service, sample(given.faults), Path(name))
    print()
    print(*wrong or ["every goal is reached"], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
