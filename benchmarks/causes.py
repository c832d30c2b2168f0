"""Whether the first causes of a report name the mistakes of a server that has several at once.

Sets of five faults of the reference server are drawn by seed, from different requirements of two groups, and
the suites of these groups are run against a server with all five. A cause names a fault if one of its
findings is about a requirement that names the fault, as `selftest` has it; of a fault that violates none of
these in the run, if it has a finding that the fault alone causes as well. Faults that the run does not find
at all beside the others (a server that crashes on a request shows nothing else of it) are counted and left
out of the shares.

A server that answers the requests of the run in the same way without one of the faults shows it four
mistakes, not five: such a set is put aside, with what became of it, and the next seed takes its place. The
recorded answers alone decide that, where the run got a success of every operation.

In each set one fault, drawn by seed, is mended, and the run is repeated: there must not be more causes than
before. The command of each cause is sent by curl to a server with the faults of its set, through a recorder
whose exchanges are judged: does it show a finding of its cause? If it does not, the script of the cause is
tried (`explain CAUSE --script`).

With `--fuzz` the faults are those that only unusual input shows, and the fuzzer is run. No requirement names
them: a cause names a fault if it has a finding that the fault alone causes, and none of the others.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from causes_changed import same_answers
from causes_curl import Again, shown_alone
from causes_sets import GENERAL, SIZE, FaultSet, draw, draw_fuzzed, group_of, naming

from cohere_conformance.checks.registry import checked
from cohere_conformance.contract import load_contract
from cohere_conformance.model import Kind
from cohere_conformance.report import load
from cohere_conformance.report.causes.topics import TOPICS
from cohere_conformance.sdk.parsers import VARIABLE
from cohere_conformance.session.suites import pytest_arguments, run_suites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cohere_conformance.report import Report
    from cohere_conformance.report.shape import Cause, Row

SEVERAL, RESOURCE = "several responses", "resource"
"""What a command lacks: the other responses of a comparison, or something that exists during a run only."""
GOALS = {"first five": 80.0, "first eight": 95.0, "causes per fault": 1.3, "curl": 100.0, "mended": 100.0}


class Outcome(NamedTuple):
    """What a set of faults led to.

    Attributes:
        drawn: the set.
        places: by fault, the place of the first cause that names it, from 0; `None` if no finding does.
        causes: how many there are.
        findings: how many there are.
        mended: causes after one fault was mended; `None` if that was not tried.
        shown: causes whose command shows one of their findings; `None` if that was not tried.
        unshown: ids and titles of the other causes.
        mixed: causes that name several faults.
        without_effect: faults without which the server answers the same.
        seconds: it took.
    """

    drawn: FaultSet
    places: dict[str, int | None]
    causes: int
    findings: int
    mended: int | None
    shown: int | None
    unshown: tuple[str, ...]
    mixed: int
    without_effect: tuple[str, ...]
    seconds: float

    @property
    def found(self) -> list[int]:
        """The places of the faults that the run found."""
        return [place for place in self.places.values() if place is not None]


def run(faults: Sequence[str], groups: Sequence[str], folder: Path, *, fuzzed: bool = False) -> Report:
    """Run the suites or the fuzzer against a server with faults, and return the report."""
    options = {"only": [",".join(groups)], "fault": list(faults), "report-dir": [str(folder)]}
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        run_suites(pytest_arguments(options | ({"fuzz": ["smoke"]} if fuzzed else {})))
    return load(folder)


def judged(drawn: FaultSet, *, mend: bool, curl: bool) -> Outcome:
    """Run a set, and return what its causes name."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="causes-") as folder:
        report = run(drawn.faults, drawn.groups, Path(folder) / "all", fuzzed=drawn.fuzzed)
        alone = _alone(drawn, _unnamed(report, drawn), Path(folder))
        mended = None
        if mend:
            after = run(drawn.repaired, drawn.groups, Path(folder) / "mended", fuzzed=drawn.fuzzed)
            mended = len(after.causes)
        unshown = tuple(_unshown(report, drawn, Path(folder) / "all")) if curl else ()
        rows = {row.fingerprint: row for row in report.findings}
        named = [_named(cause, rows, drawn, alone) for cause in report.causes]
        without_effect = () if drawn.fuzzed else tuple(_without_effect(drawn, named, report, Path(folder)))
    places = {
        fault: next((place for place, faults in enumerate(named) if fault in faults), None)
        for fault in drawn.faults
    }
    return Outcome(
        drawn,
        places,
        len(report.causes),
        len(report.findings),
        mended,
        len(report.causes) - len(unshown) if curl else None,
        unshown,
        sum(len(faults) > 1 for faults in named),
        without_effect,
        round(time.monotonic() - began, 1),
    )


def _named(cause: Cause, rows: dict[str, Row], drawn: FaultSet, alone: dict[str, set[str]]) -> set[str]:
    """Return the faults of a set that a cause names."""
    own = {
        fault: found - set().union(*(others for other, others in alone.items() if other != fault))
        for fault, found in alone.items()
    }
    shown = {fault for fault, found in own.items() if found & set(cause.findings)}
    violated = {name for row in map(rows.__getitem__, cause.findings) for name in _about(row)}
    return shown | {fault for fault in drawn.faults if violated & set(naming(fault))}


def _without_effect(
    drawn: FaultSet, named: Sequence[set[str]], report: Report, folder: Path
) -> Iterator[str]:
    """Yield the faults without which a server answers the same: none that has a cause of its own.

    Where the run has not got a success of each operation that a right server serves it, it may not have sent
    what would show the fault.
    """
    doubtful = [fault for fault in drawn.faults if {fault} not in named]
    if doubtful:
        right = run([], drawn.groups, folder / "right")
        if not _served(right) <= _served(report):
            return
        run(drawn.faults, drawn.groups, folder / "again")
    for fault in doubtful:
        without = folder / f"without {fault}"
        run([one for one in drawn.faults if one != fault], drawn.groups, without)
        prefix = "" if group_of(fault) in GENERAL else f"{group_of(fault)}."
        if same_answers(folder / "all", folder / "again", without, prefix):
            yield fault


def _served(report: Report) -> set[str]:
    """Return the operations of which a run has got a success."""
    return {
        one.operation
        for one in report.coverage.operations
        if any(status.startswith("2") for status in one.statuses)
    }


def _unnamed(report: Report, drawn: FaultSet) -> list[str]:
    """Return the faults of a set whose requirements no finding violates."""
    violated = {name for row in report.findings for name in _about(row)}
    return [fault for fault in drawn.faults if not violated & set(naming(fault))]


def _about(row: Row) -> list[str]:
    """Return the requirements that a finding is about, or that the case of an unexpected status is about."""
    if row.requirement:
        return [row.requirement]
    if row.kind is not Kind.STATUS_UNEXPECTED:
        return []
    if row.status >= 500:
        return ["common.no-crash"]
    subjects = {case.rpartition(".")[2] for case in row.cases}
    topic = next((one for one in TOPICS if any(map(one.cases.fullmatch, subjects))), None)
    return sorted(topic.requirements) if topic else []


def _alone(drawn: FaultSet, faults: Sequence[str], folder: Path) -> dict[str, set[str]]:
    """Return the findings of each of some faults alone."""
    found = {}
    for fault in faults:
        key = (fault, drawn.groups)
        if key not in _ALONE:
            report = run([fault], drawn.groups, folder / fault, fuzzed=drawn.fuzzed)
            _ALONE[key] = {row.fingerprint for row in report.findings}
        found[fault] = _ALONE[key]
    return found


_ALONE: dict[tuple[str, tuple[str, ...]], set[str]] = {}


def _unshown(report: Report, drawn: FaultSet, folder: Path) -> Iterator[str]:
    """Yield the causes of which neither the command nor the script shows a finding.

    What only a comparison of responses shows, a script does not judge: it has to send all of the requests.
    """
    with Again(drawn.faults, {row.fingerprint: row for row in report.findings}) as again:
        for cause in report.causes:
            if set(cause.findings) & again.findings(cause):
                continue
            shown, needs = again.findings_of_script(folder, cause), _needs(cause, report, folder)
            if shown is None or (needs != SEVERAL and not set(cause.findings) & shown):
                yield f"{needs}: {cause.id} {cause.title} ({cause.operations[0]})"


def _needs(cause: Cause, report: Report, folder: Path) -> str:
    """Return what one command lacks to show a cause."""
    first = next(row for row in report.findings if row.fingerprint == cause.findings[0])
    if first.requirement and (first.requirement not in checked() or not shown_alone(folder, cause)):
        return SEVERAL
    method, _, url = cause.example.request.partition(" ")
    route = load_contract().route(method, url)
    return RESOURCE if route.operation and ("{" in route.operation or method == "GET") else "other"


def table(outcomes: Sequence[Outcome]) -> tuple[list[str], bool]:
    """Return the lines of the results, and whether every goal is reached."""
    found = [one for one in outcomes if one.found]
    faults = sum(len(one.found) for one in outcomes)
    causes = sum(one.causes for one in outcomes)
    mended = [one for one in outcomes if one.mended is not None]
    shown = [one for one in outcomes if one.shown is not None]
    complete = [one for one in found if len(one.found) == SIZE]
    figures = {
        "first five": _share(sum(max(one.found) < 5 for one in found), len(found)),
        "first eight": _share(sum(max(one.found) < 8 for one in found), len(found)),
        "causes per fault": round(causes / max(faults, 1), 2),
        "curl": _share(sum(one.shown or 0 for one in shown), sum(one.causes for one in shown)),
        "mended": _share(sum((one.mended or 0) <= one.causes for one in mended), len(mended)),
    }
    reached = {
        name: (figures[name] <= goal) if "per" in name else figures[name] >= goal
        for name, goal in GOALS.items()
    }
    lines = ["| | measured | goal | |", "|---|--:|--:|---|"]
    words = {
        "first five": f"all faults found by the run named by the first five causes, % of {len(found)} sets",
        "first eight": "by the first eight, %",
        "causes per fault": f"causes for each fault found ({causes} causes, {faults} faults)",
        "curl": f"causes whose command or script shows them, % of {sum(one.causes for one in shown)}",
        "mended": f"no more causes once one fault is mended, % of {len(mended)} sets",
    }
    lines += [
        f"| {words[name]} | {figures[name]} | {goal} | {'yes' if reached[name] else 'no'} |"
        for name, goal in GOALS.items()
    ]
    lacks = Counter(text.partition(":")[0] for one in shown for text in one.unshown)
    lacking = [str(lacks[name]) for name in (SEVERAL, RESOURCE, "other")]
    five = sum(max(one.found) < 5 for one in complete)
    eight = sum(max(one.found) < 8 for one in complete)
    seen = [one.mended <= one.causes for one in complete if one.mended is not None]
    lines += [
        f"| sets whose five faults are all found by the run | {len(complete)} of {len(outcomes)} | | |",
        f"| of these, named by the first five causes, and by the first eight | {five}, {eight} | | |",
        f"| of these, no more causes once one fault is mended | {sum(seen)} of {len(seen)} | | |",
        f"| causes not shown by it: {SEVERAL}, {RESOURCE}, other | {', '.join(lacking)} | | |",
        f"| findings in all | {sum(one.findings for one in outcomes)} | | |",
        f"| causes that name several faults | {sum(one.mixed for one in outcomes)} | | |",
    ]
    return lines, all(reached.values())


def _share(some: int, of: int) -> float:
    return round(100 * some / of, 1) if of else 100.0


def _start() -> None:
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: "0"}


def _outcomes(work: Callable[[FaultSet], Outcome], drawn: Sequence[FaultSet], jobs: int) -> Iterator[Outcome]:
    """Yield the outcomes; one job is done in this process."""
    if jobs == 1:
        yield from map(work, drawn)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _start) as pool:
        yield from pool.map(work, drawn)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="seed of the first set")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fuzz", action="store_true", help="fuzz, with faults of unusual input")
    parser.add_argument("--no-mend", action="store_true", help="do not mend a fault")
    parser.add_argument("--no-curl", action="store_true", help="do not send the commands")
    parser.add_argument("--json", type=Path, help="where to write every outcome")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 in any case")
    options = parser.parse_args()
    _start()
    seeds = count(options.first)
    work = partial(judged, mend=not options.no_mend, curl=not options.no_curl)
    outcomes: list[Outcome] = []
    aside: list[Outcome] = []
    while missing := options.sets - len(outcomes):
        drawn = [(draw_fuzzed if options.fuzz else draw)(seed) for seed in islice(seeds, missing)]
        for outcome in _outcomes(work, drawn, options.jobs):
            (aside if outcome.without_effect else outcomes).append(outcome)
            print(_line(outcome), file=sys.stderr, flush=True)
    if options.json:
        outcome_rows = [one._asdict() for one in (*outcomes, *aside)]
        options.json.write_text(json.dumps(outcome_rows, indent=1), encoding="utf-8")
    lines, passed = table(outcomes)
    rose = sum((one.mended or 0) > one.causes for one in aside)
    lines.append(
        f"| put aside: a fault has no effect beside the others; of these, more causes once one is mended"
        f" | {len(aside)}, {rose} | | |"
    )
    print("\n".join(lines))
    return 0 if passed or options.no_gate else 1


def _line(one: Outcome) -> str:
    named = ", ".join(
        f"{fault}: {'-' if place is None else place + 1}" for fault, place in one.places.items()
    )
    rest = f"; mended {one.drawn.faults[one.drawn.mended]}: {one.mended}" if one.mended is not None else ""
    unshown = "".join(f"\n    not shown by curl: {text}" for text in one.unshown)
    counts = f"{one.causes} causes, {one.findings} findings"
    aside = f"; without effect: {', '.join(one.without_effect)}" if one.without_effect else ""
    return f"{one.drawn.seed} {','.join(one.drawn.groups)}: {counts}; {named}{rest}{aside}{unshown}"


if __name__ == "__main__":
    sys.exit(main())
