"""What our fuzzer finds beside `schemathesis run`: the same faulty servers, the same operations, one machine.

Each contestant is sent against a right server and against servers with one known fault each. What it reports
about a faulty one and about no right one is what it has found; what it reports about a right one is a false
alarm. A fault is looked for in the group of operations in which it shows (`--whole`: in all of them), and the
server counts what is sent. Where a fault makes the server answer 500, only a 500 counts as found.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from counted import TRANSPORT
from fuzz_page import INPUT, ORDINARY, Contest, Run, goals, page
from fuzzers import Ours, Schemathesis, Task, schemathesis, sizes, within

from cohere_conformance.reference.faults import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fuzz_page import Contestant, Groups
    from fuzzers import Reported

HERE = Path(__file__).parent
TABLE = HERE.parent / "reports" / "fuzz-comparison.md"
LOT = 40
"""Faults that are chosen at random from all others; most violate what no schema describes."""
QUICK = (
    "input.astral-crash",
    "input.last-result-lost",
    "input.maximum-ignored",
    "json.duplicate-key",
    "validation.crash",
)
REACH: Mapping[str, tuple[str, ...]] = {
    "audio": ("input.empty-form-crash", "input.unknown-part-crash"),
    "batches": ("batches.cancel-ignored",),
    "classify": ("input.last-class-lost",),
    "connectors": ("input.nested-required-ignored",),
    "datasets": ("batches.cancel-ignored", "embed-jobs.rows-dropped"),
    "detokenize": ("detokenize.foreign-500",),
    "embed": (
        "headers.tokens-text",
        "input.astral-replaced",
        "input.composed",
        "input.enum-ignored",
        "input.last-text-lost",
        "input.last-vector-lost",
        "input.max-items-ignored",
        "input.max-items-refused",
        "input.min-items-ignored",
        "input.nested-unknown-ignored",
        "input.nul-cuts",
        "input.trimmed",
    ),
    "embed-jobs": ("embed-jobs.rows-dropped",),
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
        "input.nested-type-ignored",
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
"""Faults by a small group in which they can show.

Every other one is looked for in the group it is named after, or in that which takes a text.
"""
ANYWHERE = "tokenize"


# -- one run -------------------------------------------------------------------------------------------------


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
            output, _ = process.communicate()
        counts.update(json.loads(output))


def contest(
    contestant: Contestant, fault: str, groups: Groups, seed: int, requests: int, limit: float
) -> Run:
    """Send a contestant against a server of its own.

    Args:
        contestant: who.
        fault: of the server; empty: it is right.
        groups: what to fuzz; empty: everything.
        seed: what is drawn.
        requests: for each operation; for contestants that accept a number of requests.
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


def held(
    contestants: tuple[Contestant, ...],
    groups: Mapping[str, Groups],
    *,
    seed: int,
    faultless: int,
    limit: float,
    jobs: int,
    log: Callable[[str], None],
) -> Contest:
    """Hold the contest.

    Args:
        contestants: ours first, because the others get the number of its requests.
        groups: of each fault.
        seed: of the runs against faulty servers, and of the first one against a right one.
        faultless: runs against a right server for each set of groups.
        limit: seconds of one run.
        jobs: runs at the same time.
        tell: called with a line about each run.
    """
    start, known = time.perf_counter(), catalogue()
    reaches, (ours, *others) = sorted(set(groups.values())), contestants

    def one(contestant: Contestant, fault: str, reach: Groups, drawn: int, requests: int) -> Run:
        run = contest(contestant, fault, reach, drawn, requests, limit)
        about = f"{run.sent:,} requests, {run.seconds:.0f} s, {len(run.reported)} reported"
        log(f"{contestant.name}: {fault or 'no fault'} ({', '.join(reach) or 'everything'}): {about}")
        return run

    with ThreadPoolExecutor(jobs) as pool:

        def right(contestant: Contestant, reach: Groups) -> list[Future[Run]]:
            drawn = range(seed, seed + faultless)
            return [pool.submit(one, contestant, "", reach, number, each[reach]) for number in drawn]

        each = dict.fromkeys(reaches, 1)
        first = {reach: right(ours, reach) for reach in reaches}
        as_many = [other for other in others if isinstance(other, Schemathesis) and other.as_many]
        least = {
            reach: [pool.submit(one, other, "", reach, seed, 1) for other in as_many] for reach in reaches
        }
        for reach in reaches:
            most = max(future.result().sent for future in first[reach])
            few = min((future.result().sent for future in least[reach]), default=0)
            each[reach] = examples(most, few, reach)
        runs = {(ours.name, reach): first[reach] for reach in reaches}
        runs |= {(other.name, reach): right(other, reach) for other in others for reach in reaches}
        wrong = {
            (contestant.name, fault): pool.submit(one, contestant, fault, reach, seed, each[reach])
            for fault, reach in groups.items()
            for contestant in contestants
        }
        return Contest(
            contestants,
            {key: tuple(future.result() for future in futures) for key, futures in runs.items()},
            {key: future.result() for key, future in wrong.items()},
            groups,
            {name: known[name] for name in groups},
            time.perf_counter() - start,
        )


def examples(most: int, few: int, groups: Groups) -> int:
    """Return how many examples of each operation schemathesis needs to send as many requests as ours.

    Args:
        most: requests of ours.
        few: its requests with one example of each operation; the rest it derives from the document.
        groups: of operations; empty: all.
    """
    operations = sizes()
    missing = max(0, most - few) / sum(operations[one] for one in groups or operations)
    return 1 + math.ceil(_MARGIN * missing)


_MARGIN = 1.1
"""It does not always make as many examples as it may."""


# -- the command ---------------------------------------------------------------------------------------------


def chosen(given: list[str] | None, *, quick: bool, known: Collection[str]) -> list[str]:
    """Return the names of the faults to plant.

    Raises:
        ValueError: one is not known, or none of the application.
    """
    every = [name for name in known if name.startswith(INPUT)]
    names = given or (list(QUICK) if quick else [*every, *ORDINARY, *drawn(known)])
    for name in names:
        if name not in known or name.startswith(TRANSPORT):
            raise ValueError(f"no fault that the application makes: {name}")
    return names


def drawn(known: Collection[str]) -> list[str]:
    """Return the names of some faults that nobody has chosen, the same ones each time."""
    others = {name for name in known if not name.startswith((INPUT, TRANSPORT))} - {*ORDINARY}
    return sorted(random.Random(0).sample(sorted(others), min(LOT, len(others))))


def reach(name: str) -> Groups:
    """Return the groups of operations in which a fault is looked for."""
    named = name.partition(".")[0]
    own = (named if named in sizes() else ANYWHERE,)
    return tuple(group for group, names in REACH.items() if name in names) or own


def main(arguments: list[str] | None = None) -> int:
    """Hold the contest and write the page; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", metavar="NAMES", help="with commas between them")
    parser.add_argument("--quick", action="store_true", help="five faults, one run against the right server")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each Nth of the faults only")
    parser.add_argument("--whole", action="store_true", help="fuzz every operation for every fault")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds of one run")
    parser.add_argument("--faultless", type=int, help="runs against the right server for each group (3)")
    parser.add_argument("--output", type=Path, default=TABLE, help="the page that is written")
    parser.add_argument("--ours", metavar="COMMAND", help="calls our command line")
    parser.add_argument("--profile", choices=("smoke", "gate", "deep"), default="gate", help="of ours")
    parser.add_argument("--schemathesis", metavar="COMMAND", help="calls theirs")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever comes out")
    options = parser.parse_args(arguments)
    given = options.faults.split(",") if options.faults else None
    try:
        names = chosen(given, quick=options.quick, known=catalogue())[options.every - 1 :: options.every]
    except ValueError as error:
        parser.error(str(error))
    faultless = options.faultless or (1 if options.quick else 3)
    groups = {name: () if options.whole else reach(name) for name in names}
    with tempfile.TemporaryDirectory() as name:
        ours = Ours(profile=options.profile)
        if options.ours:
            ours = replace(ours, binary=tuple(shlex.split(options.ours)))
        contestants: list[Contestant] = [ours]
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
            log=lambda line: print(line, file=sys.stderr, flush=True),
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
