"""How much longer a run takes if its history has 100,000 findings.

    python benchmarks/history.py
    python benchmarks/history.py --findings 1000 --only tokenize --no-gate

Runs all cases against the embedded reference server once, in a process of its own, then measures what
`--history` adds to it: reading the history, comparing and adding the run. Three histories have the same
number of findings: sixty nights with other findings each, sixty nights with the same ones, which are all
resolved tonight, and a year. Both are CPU seconds, because a difference of 2 % is lost in the times of two
runs. Exits with 1 above 2 %.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.history import PastRun, past_run, remember, stored_runs
from cohere_conformance.history.past import PastCause, PastFinding
from cohere_conformance.model import Severity
from cohere_conformance.report import load

if TYPE_CHECKING:
    from cohere_conformance.report import Report

MOST = 2.0
"""Percent of a run."""
FINDINGS_OF_A_CAUSE = 5
LAST = datetime(2026, 11, 28, 2, tzinfo=UTC)
SHAPES = {
    "60 nights, other findings in each": (60, False),
    "60 nights, the same findings, resolved tonight": (60, True),
    "365 nights, other findings in each": (365, False),
}


def night(run: PastRun, number: int, names: list[str]) -> PastRun:
    """Return an earlier run that has found findings with these names."""
    started = (LAST - timedelta(days=number)).isoformat().replace("+00:00", "Z")
    operations = sorted(run.operations)
    findings = {
        name: PastFinding(
            title=f"{operations[at % len(operations)]} /results/*/property: got a text of some length",
            severity=Severity.BREAKING,
            operation=operations[at % len(operations)],
            cases=("chat.v2.plain", "chat.v2.stream.plain"),
            first_seen=started,
        )
        for at, name in enumerate(names)
    }
    causes = {
        f"{names[at][4:]}": PastCause(
            title="a property: got a text of some length",
            severity=Severity.BREAKING,
            operations=tuple(
                operations[one % len(operations)] for one in range(at, at + FINDINGS_OF_A_CAUSE)
            ),
            findings=tuple(names[at : at + FINDINGS_OF_A_CAUSE]),
            first_seen=started,
        )
        for at in range(0, len(names), FINDINGS_OF_A_CAUSE)
    }
    return msgspec.structs.replace(
        run, started_at=started, finished_at=started, exit_code=1, findings=findings, causes=causes
    )


def filled(path: Path, report: Report, findings: int, nights: int, *, same: bool) -> None:
    """Make a history with so many findings, in so many runs of the target of a report."""
    remember(path, report, lambda _: None)
    run, each = past_run(report), -(-findings // nights)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM runs")
        for number in range(nights):
            first = 0 if same else number * each
            one = night(run, number, [f"{name:012x}" for name in range(first, first + each)])
            connection.execute(
                "INSERT INTO runs (target, contract, started_at, run) VALUES (?, ?, ?, ?)",
                (one.target, one.contract, one.started_at, msgspec.json.encode(one)),
            )
    connection.close()
    stored = sum(len(one.run.findings) for one in stored_runs(path))
    assert findings <= stored < findings + nights, stored


def added(path: Path, report: Report, rounds: int) -> float:
    """Return the CPU seconds that reading, comparing and adding takes; the report itself is not written."""
    taken = []
    for _ in range(rounds):
        before = time.process_time()
        remember(path, report, lambda _: None)
        taken.append(time.process_time() - before)
        with sqlite3.connect(path) as connection:
            connection.execute("DELETE FROM runs WHERE id = (SELECT max(id) FROM runs)")
        connection.close()
    return median(taken)


def measured_run(folder: Path, only: str) -> tuple[Report, float]:
    """Run the suites, and return the report with the CPU seconds that the process took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = ["run", "--no-config", "--report-dir", str(folder), *(["--only", only] if only else [])]
    subprocess.run(
        [sys.executable, "-m", "cohere_conformance", *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("CO_")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return load(folder), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure, and return 1 if a history slows a run by more than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="groups that are run")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever was measured")
    given = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        report, seconds = measured_run(Path(folder, "report"), given.only)
        print(f"a run takes {seconds:.2f} s of CPU time; with {given.findings:,} findings in its history:\n")
        print("| history | MB | added, s | % of a run |", "|---|--:|--:|--:|", sep="\n")
        for number, (name, (nights, same)) in enumerate(SHAPES.items()):
            path = Path(folder, f"{number}.sqlite")
            filled(path, report, given.findings, nights, same=same)
            more = added(path, report, given.rounds)
            worst = max(worst, more / seconds * 100)
            size = path.stat().st_size / 1e6
            print(f"| {name} | {size:.1f} | {more:.3f} | {more / seconds * 100:.2f} |")
    print(f"\nslower by at most {worst:.2f} %; goal: {MOST:g} %")
    return 1 if worst > MOST and not given.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
