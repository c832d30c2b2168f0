"""What our fuzzer finds beside `schemathesis run`: the same faulty servers, the same operations, one machine.

Each contestant is sent against a right server and against servers with one known fault each. What it reports
about a faulty one and about no right one is what it has found; what it reports about a right one is a false
alarm. A fault is looked for in the group of operations in which it shows (`--whole`: in all of them), and the
server counts what is sent. Where a fault makes the server answer 500, only a 500 counts as found.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from counted import TRANSPORT
from fuzzers import Ours, Reported, Schemathesis, Task, schemathesis, sizes, within

from cohere_conformance.contract import load_contract
from cohere_conformance.reference.faults import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from cohere_conformance.reference.faults import Fault

    Contestant = Ours | Schemathesis
    Groups = tuple[str, ...]

HERE = Path(__file__).parent
TABLE = HERE.parent / "reports" / "fuzz-comparison.md"
INPUT = "input."
"""What the names of faults begin with that only unusual input reveals."""
ORDINARY = (
    "auth.ignored",
    "detokenize.foreign-500",
    "errors.html",
    "errors.no-message",
    "errors.undeclared-status",
    "generate.finish-reason-lower-case",
    "headers.content-type-text",
    "json.cut",
    "json.duplicate-key",
    "json.null",
    "json.string-numbers",
    "models.endpoint-unknown",
    "success.extra-property",
    "tokenize.fractional-id",
    "validation.crash",
    "validation.ignored",
    "validation.null-refused",
    "validation.required-ignored",
    "validation.syntax-crash",
    "validation.unknown-swallowed",
)
"""Faults that a schema can see or a crash shows; chosen before anything was measured."""
QUICK = (
    "input.astral-crash",
    "input.last-result-lost",
    "input.maximum-ignored",
    "json.duplicate-key",
    "validation.crash",
)
REACH: Mapping[str, tuple[str, ...]] = {
    "audio": ("input.empty-form-crash", "input.unknown-part-crash"),
    "classify": ("input.last-class-lost",),
    "detokenize": ("detokenize.foreign-500",),
    "embed": (
        "input.enum-ignored",
        "input.last-text-lost",
        "input.last-vector-lost",
        "input.max-items-ignored",
        "input.max-items-refused",
        "input.min-items-ignored",
        "input.nested-required-ignored",
        "input.nested-type-ignored",
        "input.nested-unknown-ignored",
    ),
    "generate": ("generate.finish-reason-lower-case",),
    "models": (
        "input.encoded-path-crash",
        "input.long-id-crash",
        "input.negative-page-crash",
        "input.query-ignored",
        "input.unknown-query-crash",
        "models.endpoint-unknown",
    ),
    "rerank": (
        "input.big-integer-crash",
        "input.boolean-as-text",
        "input.empty-array-crash",
        "input.fraction-as-integer",
        "input.last-result-lost",
        "input.maximum-ignored",
        "input.maximum-refused",
        "input.minimum-ignored",
        "input.minimum-refused",
        "input.null-crash",
        "input.single-as-list",
        "input.text-as-number",
        "input.zero-crash",
        "validation.crash",
        "validation.ignored",
        "validation.null-refused",
        "validation.required-ignored",
        "validation.unknown-swallowed",
    ),
}
"""Faults by the smallest group in which they can show; every other one shows in that which takes a text."""
ANYWHERE = "tokenize"


# -- one run -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What one contestant did against one server.

    Attributes:
        reported: about the operations that were to be fuzzed.
        sent: requests that called these, or nothing that is declared.
        served: how many of them were answered 2xx.
        astray: requests to other operations.
        seconds: from start to end.
        code: exit code; negative: the signal that ended it.
        trouble: why it tells nothing, if so, or less than it should.
    """

    reported: frozenset[Reported]
    sent: int
    served: int
    astray: int
    seconds: float
    code: int
    trouble: str = ""


@contextmanager
def serving(fault: str, counts: dict[str, dict[str, int]], log: Path) -> Iterator[str]:
    """Run a server that counts; what it has counted is in `counts` at the end.

    Args:
        fault: that it has; empty: it is right.
        counts: to be filled.
        log: where it writes what it trips over.
    """
    command = [sys.executable, str(HERE / "counted.py"), *([f"--fault={fault}"] if fault else [])]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"no server: {log.read_text(encoding='utf-8')[-2000:]}")
        try:
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate()
        counts.update(json.loads(told))


def contest(
    contestant: Contestant, fault: str, groups: Groups, seed: int, requests: int, limit: float
) -> Run:
    """Send a contestant against a server of its own.

    Args:
        contestant: who.
        fault: of the server; empty: it is right.
        groups: what to fuzz; empty: everything.
        seed: what is drawn.
        requests: for each operation, told to those who can be told.
        limit: seconds after which it is interrupted.
    """
    counts: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(fault, counts, folder / "server.log") as url:
            task = Task(url, groups, seed, requests, folder)
            start = time.perf_counter()
            code, trouble = call(contestant.command(task), folder, limit)
            seconds = time.perf_counter() - start
        reported: frozenset[Reported] = frozenset()
        try:
            reported = within(contestant.reported(task), groups)
        except (OSError, ValueError, LookupError) as error:
            trouble = f"{trouble} no report: {error}".strip()
        if not trouble and code not in contestant.codes:
            said = (folder / "said.txt").read_text(encoding="utf-8", errors="replace")
            trouble = f"ended with {code}: {' '.join(said.split())[-200:]}"
    of_all = sum((Counter(answers) for answers in counts.values()), Counter[str]())
    astray = [Counter(answers) for group, answers in counts.items() if groups and group not in {"", *groups}]
    elsewhere = sum(astray, Counter[str]())
    here = of_all - elsewhere
    return Run(reported, here.total(), here["2xx"], elsewhere.total(), seconds, code, trouble)


def call(command: list[str], folder: Path, limit: float) -> tuple[int, str]:
    """Run a command in a folder and return its exit code, and whether it had to be stopped.

    It is interrupted first, so that it can write its report, and killed with all it has started after that.
    """
    with (folder / "said.txt").open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            command, cwd=folder, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        trouble = ""
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            trouble = f"stopped after {limit:g} s"
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        return process.wait(), trouble


# -- the contest ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contest:
    """All runs.

    Attributes:
        contestants: in the order of the tables.
        right: the runs against right servers, by contestant and groups, one for each seed.
        wrong: those against a faulty one, by contestant and fault.
        groups: of each fault.
        faults: by name.
        seconds: all of it took.
    """

    contestants: tuple[Contestant, ...]
    right: Mapping[tuple[str, Groups], tuple[Run, ...]]
    wrong: Mapping[tuple[str, str], Run]
    groups: Mapping[str, Groups]
    faults: Mapping[str, Fault]
    seconds: float

    def news(self, contestant: Contestant, fault: str) -> frozenset[Reported]:
        """Return what it reports about the faulty server and about no right one."""
        right = self.right[contestant.name, self.groups[fault]]
        known = frozenset().union(*(run.reported for run in right))
        news = self.wrong[contestant.name, fault].reported - known
        if " 500" in self.faults[fault].sentence:
            return frozenset(one for one in news if one.status >= 500)
        return news

    def alarms(self, contestant: Contestant) -> frozenset[Reported]:
        """Return what it reports about right servers."""
        runs = (runs for (name, _), runs in self.right.items() if name == contestant.name)
        return frozenset().union(*(run.reported for several in runs for run in several))

    def noise(self, contestant: Contestant) -> tuple[int, int]:
        """Return how many runs against a right server report what the others of its groups do not, of how many.

        This is what a fault would look found by, were there none.
        """
        told = total = 0
        for (name, _), runs in self.right.items():
            if name == contestant.name and len(runs) > 1:
                for place, run in enumerate(runs):
                    others = (other.reported for other in runs[:place] + runs[place + 1 :])
                    total += 1
                    told += bool(run.reported - frozenset().union(*others))
        return told, total

    def runs(self, contestant: Contestant) -> list[Run]:
        """Return all of its runs."""
        right = (runs for (name, _), runs in self.right.items() if name == contestant.name)
        wrong = (run for (name, _), run in self.wrong.items() if name == contestant.name)
        return [*itertools.chain.from_iterable(right), *wrong]


def held(
    contestants: tuple[Contestant, ...],
    groups: Mapping[str, Groups],
    *,
    seed: int,
    faultless: int,
    limit: float,
    jobs: int,
    tell: Callable[[str], None],
) -> Contest:
    """Hold the contest.

    Args:
        contestants: ours first: the others are told how many requests it sends.
        groups: of each fault.
        seed: of the runs against faulty servers, and of the first one against a right one.
        faultless: runs against a right server for each set of groups.
        limit: seconds of one run.
        jobs: runs at the same time.
        tell: called with a line about each run.
    """
    start, known = time.perf_counter(), catalogue()
    reaches = sorted(set(groups.values()))
    operations = sizes()
    count = {reach: sum(operations[one] for one in reach or operations) for reach in reaches}
    each = dict.fromkeys(reaches, 1)

    def one(contestant: Contestant, fault: str, reach: Groups, drawn: int) -> Run:
        run = contest(contestant, fault, reach, drawn, each[reach], limit)
        about = f"{run.sent:,} requests, {run.seconds:.0f} s, {len(run.reported)} reported"
        tell(f"{contestant.name}: {fault or 'no fault'} ({', '.join(reach) or 'everything'}): {about}")
        return run

    with ThreadPoolExecutor(jobs) as pool:
        right = {
            (contestant.name, reach): [
                pool.submit(one, contestant, "", reach, seed + further) for further in range(faultless)
            ]
            for contestant in contestants[:1]
            for reach in reaches
        }
        for (_, reach), futures in right.items():
            most = max(future.result().sent for future in futures)
            each[reach] = max(1, -(-most // count[reach]))
        for contestant in contestants[1:]:
            for reach in reaches:
                right[contestant.name, reach] = [
                    pool.submit(one, contestant, "", reach, seed + further) for further in range(faultless)
                ]
        wrong = {
            (contestant.name, fault): pool.submit(one, contestant, fault, reach, seed)
            for fault, reach in groups.items()
            for contestant in contestants
        }
        return Contest(
            contestants,
            {key: tuple(future.result() for future in futures) for key, futures in right.items()},
            {key: future.result() for key, future in wrong.items()},
            groups,
            {name: known[name] for name in groups},
            time.perf_counter() - start,
        )


# -- the tables ----------------------------------------------------------------------------------------------


def page(held: Contest, command: str, faultless: int, jobs: int, whole: bool) -> Iterator[str]:
    """Yield the lines of the page."""
    contestants, faults = held.contestants, list(held.groups)
    yield from ("# Our fuzzer beside schemathesis", "")
    yield from _opening(held, command, faultless, jobs, whole)
    yield from ("", "## In short", "")
    yield from _row("", (one.name for one in contestants))
    yield from _rule(len(contestants))
    for title, names in _parts(faults):
        if names:
            found = (sum(bool(held.news(one, name)) for name in names) for one in contestants)
            yield from _row(f"found of {title}", (f"{count} of {len(names)}" for count in found))
    yield from _figures(held)
    yield from ("", "## Fault by fault", "")
    yield from _lost(held)
    yield from ("", "In a cell: how many reports are new, and one of them.", "")
    yield from _row("fault", ("fuzzed", *(one.name for one in contestants)))
    yield from _rule(len(contestants) + 1)
    for name in faults:
        cells = (_cell(held.news(one, name), held.wrong[one.name, name]) for one in contestants)
        yield from _row(name, (", ".join(held.groups[name]) or "everything", *cells))
    yield from ("", "## What is reported about the right server", "")
    yield from _alarms(held)
    yield from _troubles(held)


def _opening(held: Contest, command: str, faultless: int, jobs: int, whole: bool) -> Iterator[str]:
    theirs = [f"{name} {version(name)}" for name in ("schemathesis", "hypothesis", "jsonschema-rs")]
    ours = f"cohere-conformance {version('cohere-conformance')}, contract {load_contract().version}"
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {jobs} runs at the same time"
    yield f"Made on {datetime.now(UTC):%Y-%m-%d} in {held.seconds / 60:.0f} minutes by"
    yield from ("", f"    {command}", "")
    yield f"with {ours}; {', '.join(theirs)}; {machine}."
    yield ""
    yield "- **Found** is a fault if a contestant reports something (operation, kind, status, place) about the"
    yield f"  server that has it and in none of its {faultless} runs against one that has none. Where the fault is"
    yield "  a 500, it has to be a report about a 500. Nobody looks whether the report names the cause."
    yield "- **A false alarm** is what is reported about the server without a fault: here a report about a mistake"
    yield "  of that server that nobody has planted counts as one, too."
    yield "- **Noise** is how often one of several runs against the right server reports what the others do not:"
    yield "  by that much a contestant may seem to find what it does not see."
    yield "- Every contestant fuzzes the same operations:" + (
        " all of them." if whole else " the group named with each fault."
    )
    yield "  Requests that ours sends to others to get there are counted apart."
    yield "- *schemathesis, defaults* has the contract as an OpenAPI document, the address, and the key."
    yield "- *schemathesis, configured* goes on after failures, has as many examples as it takes to send at least"
    yield "  as many requests as ours, knows the bodies that ours starts from as examples and the names of models,"
    yield "  reads a document that allows null where the service does, and runs without two checks that fail on"
    yield "  most operations of the right server (`positive_data_acceptance`, `unsupported_method`)."
    yield "- The faults are our own: the server, its faults and our fuzzer come from one hand, which made the"
    yield "  former for what the latter looks for. The ordinary ones were chosen before anything was measured."


def _parts(faults: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    names = list(faults)
    yield "what unusual input reveals", [name for name in names if name.startswith(INPUT)]
    yield "ordinary faults", [name for name in names if not name.startswith(INPUT)]
    yield "all", names


def _figures(held: Contest) -> Iterator[str]:
    contestants = held.contestants
    yield from _row("false alarms, distinct", (str(len(held.alarms(one))) for one in contestants))
    noises = (held.noise(one) for one in contestants)
    yield from _row("noise, of runs", (f"{told} of {total}" if total else "-" for told, total in noises))
    several = [held.runs(one) for one in contestants]
    sent = [sum(run.sent for run in runs) for runs in several]
    yield from _row("requests, all runs", (f"{count:,}" for count in sent))
    yield from _row(
        "requests to other operations", (f"{sum(run.astray for run in runs):,}" for runs in several)
    )
    served = (sum(run.served for run in runs) for runs in several)
    yield from _row("answered 2xx", (f"{got / max(of, 1):.0%}" for got, of in zip(served, sent, strict=True)))
    median = (statistics.median(run.seconds for run in runs) for runs in several)
    yield from _row("seconds of a run, median", (f"{seconds:.1f}" for seconds in median))
    yield from _row("seconds of all runs", (f"{sum(run.seconds for run in runs):,.0f}" for runs in several))
    codes = (Counter(run.code for run in runs) for runs in several)
    told = (", ".join(f"{code}: {count}" for code, count in sorted(one.items())) for one in codes)
    yield from _row("exit codes", told)


def _lost(held: Contest) -> Iterator[str]:
    """Yield who finds what somebody else does not."""
    found = {one.name: {name for name in held.groups if held.news(one, name)} for one in held.contestants}
    ours, *others = held.contestants
    theirs = set().union(*(found[one.name] for one in others)) if others else set()
    if others:
        yield f"- only schemathesis: {_names(theirs - found[ours.name])}"
        yield f"- only ours: {_names(found[ours.name] - theirs)}"
    yield f"- nobody: {_names(set(held.groups) - theirs - found[ours.name])}"


def _names(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


def _cell(news: frozenset[Reported], run: Run) -> str:
    if news:
        first = min(news, key=lambda one: (-one.status, one))
        return f"{len(news)}: {first.status} {first.kind}"
    return "no, and it was cut short" if run.trouble else "no"


def _alarms(held: Contest) -> Iterator[str]:
    for one in held.contestants:
        classes: dict[str, list[str]] = {}
        for alarm in sorted(held.alarms(one)):
            classes.setdefault(f"{alarm.status} {alarm.kind}", []).append(alarm.operation)
        yield f"- {one.name}: {'' if classes else 'nothing'}"
        for kind, operations in sorted(classes.items()):
            counted = Counter(operations)
            told = ", ".join(f"{name} ({count})" for name, count in sorted(counted.items()))
            yield f"  - {kind}: {told}"


def _troubles(held: Contest) -> Iterator[str]:
    told = Counter(
        f"{one.name}: {run.trouble}" for one in held.contestants for run in held.runs(one) if run.trouble
    )
    if told:
        yield from ("", "## Runs that did not end as they should", "")
        yield from (f"- {trouble} ({count} times)" for trouble, count in sorted(told.items()))


def _row(first: str, cells: Iterable[str]) -> Iterator[str]:
    yield f"| {' | '.join(cell.replace('|', '/') for cell in (first, *cells))} |"


def _rule(columns: int) -> Iterator[str]:
    yield "|---|" + "---|" * columns


def goals(held: Contest) -> Iterator[str]:
    """Yield a line for each goal, with `MISSED` where it is."""
    ours, *others = held.contestants
    found = {one.name: sum(bool(held.news(one, name)) for name in held.groups) for one in held.contestants}
    for other in others:
        missed = "" if found[ours.name] >= found[other.name] else " MISSED"
        yield f"at least as many faults as {other.name}: {found[ours.name]} to {found[other.name]}{missed}"
        sent, most = (sum(run.sent for run in held.runs(one)) for one in (ours, other))
        if isinstance(other, Schemathesis) and other.as_many:
            missed = "" if most >= sent else " MISSED"
            yield f"{other.name} sends at least as many requests as ours: {most:,} to {sent:,}{missed}"
    alarms = len(held.alarms(ours))
    yield f"no false alarm of ours: {alarms}{' MISSED' if alarms else ''}"


# -- the command ---------------------------------------------------------------------------------------------


def chosen(told: list[str] | None, *, quick: bool, known: Collection[str]) -> list[str]:
    """Return the names of the faults to plant.

    Raises:
        ValueError: one is not known, or none of the application.
    """
    every = [name for name in known if name.startswith(INPUT)]
    names = told or (list(QUICK) if quick else [*every, *ORDINARY])
    for name in names:
        if name not in known or name.startswith(TRANSPORT):
            raise ValueError(f"no fault that the application makes: {name}")
    return names


def reach(name: str) -> Groups:
    """Return the groups of operations in which a fault is looked for."""
    return tuple(group for group, names in REACH.items() if name in names) or (ANYWHERE,)


def main(arguments: list[str] | None = None) -> int:
    """Hold the contest and write the page; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", metavar="NAMES", help="with commas between them")
    parser.add_argument("--quick", action="store_true", help="five faults, one run against the right server")
    parser.add_argument("--whole", action="store_true", help="fuzz every operation for every fault")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds of one run")
    parser.add_argument("--faultless", type=int, help="runs against the right server for each group (3)")
    parser.add_argument("--output", type=Path, default=TABLE, help="the page that is written")
    parser.add_argument("--ours", metavar="COMMAND", help="calls our command line")
    parser.add_argument("--schemathesis", metavar="COMMAND", help="calls theirs")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever comes out")
    options = parser.parse_args(arguments)
    told = options.faults.split(",") if options.faults else None
    try:
        names = chosen(told, quick=options.quick, known=catalogue())
    except ValueError as error:
        parser.error(str(error))
    faultless = options.faultless or (1 if options.quick else 3)
    groups = {name: () if options.whole else reach(name) for name in names}
    with tempfile.TemporaryDirectory() as name:
        contestants: list[Contestant] = [Ours(tuple(shlex.split(options.ours))) if options.ours else Ours()]
        if not options.only_ours:
            beside = Path(sys.executable).with_name("schemathesis")
            binary = tuple(shlex.split(options.schemathesis or str(beside)))
            contestants += schemathesis(binary, Path(name))
        result = held(
            tuple(contestants),
            groups,
            seed=options.seed,
            faultless=faultless,
            limit=options.limit,
            jobs=options.jobs,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
    words = ["python", "benchmarks/fuzz.py", *(sys.argv[1:] if arguments is None else arguments)]
    lines = page(result, shlex.join(words), faultless, options.jobs, options.whole)
    options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    missed = False
    for line in goals(result):
        print(line)
        missed = missed or "MISSED" in line
    print(f"wrote {options.output}")
    return 1 if missed and not options.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
