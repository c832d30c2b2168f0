"""The results of `fuzz.py`, and the page about them."""

from __future__ import annotations

import itertools
import os
import platform
import re
import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from fuzzers import Ours, Schemathesis

from cohere_conformance.contract import load_contract

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from fuzzers import Reported

    from cohere_conformance.reference.faults import Fault

Contestant = Ours | Schemathesis
Groups = tuple[str, ...]
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
_CRASHES = re.compile(r"(?:with|is a) 500\b")
"""What the sentence of a fault says that makes the server answer so."""


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
        trouble: why it reports nothing, or less than it should; empty if neither.
    """

    reported: frozenset[Reported]
    sent: int
    served: int
    astray: int
    seconds: float
    code: int
    trouble: str = ""


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
        if _CRASHES.search(self.faults[fault].sentence):
            return frozenset(one for one in news if one.status >= 500)
        return news

    def alarms(self, contestant: Contestant) -> frozenset[Reported]:
        """Return what it reports about right servers."""
        runs = (runs for (name, _), runs in self.right.items() if name == contestant.name)
        return frozenset().union(*(run.reported for several in runs for run in several))

    def noise(self, contestant: Contestant) -> tuple[int, int]:
        """Return how many runs against a right server report what others like it do not, and of how many.

        By that much a contestant may seem to find a fault that it does not see.
        """
        noisy = total = 0
        for (name, _), runs in self.right.items():
            if name == contestant.name and len(runs) > 1:
                for index, run in enumerate(runs):
                    others = (other.reported for other in runs[:index] + runs[index + 1 :])
                    total += 1
                    noisy += bool(run.reported - frozenset().union(*others))
        return noisy, total

    def runs(self, contestant: Contestant) -> list[Run]:
        """Return all of its runs."""
        right = (runs for (name, _), runs in self.right.items() if name == contestant.name)
        wrong = (run for (name, _), run in self.wrong.items() if name == contestant.name)
        return [*itertools.chain.from_iterable(right), *wrong]


def page(held: Contest, command: str, faultless: int, jobs: int, whole: bool) -> Iterator[str]:
    """Yield the lines of the page."""
    contestants, faults = held.contestants, list(held.groups)
    yield from ("# Our fuzzer compared with schemathesis", "")
    yield from _opening(held, command, faultless, jobs, whole)
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
    yield from ("", "## What is reported about the server without a fault", "")
    yield from _alarms(held)
    yield from _troubles(held)


def _opening(held: Contest, command: str, faultless: int, jobs: int, whole: bool) -> Iterator[str]:
    theirs = [f"{name} {version(name)}" for name in ("schemathesis", "hypothesis", "jsonschema-rs")]
    ours = f"cohere-conformance {version('cohere-conformance')}, contract {load_contract().version}"
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {jobs} runs at the same time"
    yield f"Made on {datetime.now(UTC):%Y-%m-%d} in {held.seconds / 60:.0f} minutes by"
    yield from ("", f"    {command}", "")
    yield f"with {ours}; {', '.join(theirs)}; {machine}."
    fuzzed = "all operations" if whole else "the operations of the group named with each fault"
    yield from (_METHOD.format(faultless=faultless, fuzzed=fuzzed), "", "## In short", "")


_METHOD = """
- A fault is **found** if a fuzzer reports something (operation, kind, status, location) about the server with
  the fault, and in none of its {faultless} runs against the server without it. If the fault is a 500, it
  must be a report about a 500. Whether the report names the cause is not checked. Our notices count, although
  they do not fail a run.
- A **false alarm** is anything that is reported about the server without a fault. A bug of that server, if
  there is one, counts as one, too.
- **Noise** is how often one of the runs against the server without a fault reports what the others do not:
  that much of what a fuzzer seems to find may be chance.
- Every fuzzer sends requests to {fuzzed}.
  Requests to other operations are counted separately.
- *schemathesis, defaults* has the contract as an OpenAPI document, the URL, and the key.
- *schemathesis, configured* continues after failures, has enough examples to send at least as many requests
  as ours, knows the bodies that ours starts from and the names of models, has a document that allows null
  where the service does, adds no undeclared properties, and skips two checks that fail on most operations of
  the server without a fault (`positive_data_acceptance`, `unsupported_method`).
- The server, its faults and our fuzzer have the same authors, and the faults at unusual input were written
  for this fuzzer. The ordinary ones, and their groups, were chosen before anything was measured: a schema can
  detect them, or they crash. The last ones are chosen at random from all other faults (except those of the
  connection); most of them violate what no document describes, and nobody has checked whether a fuzzer can
  reach them."""


def _parts(faults: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    names = list(faults)
    unusual = [name for name in names if name.startswith(INPUT)]
    yield "crashes at unusual input", [name for name in unusual if name.endswith("-crash")]
    yield "other faults at unusual input", [name for name in unusual if not name.endswith("-crash")]
    yield "ordinary faults", [name for name in names if name in ORDINARY]
    yield "faults chosen at random", [name for name in names if name not in {*unusual, *ORDINARY}]
    yield "all", names


def _figures(held: Contest) -> Iterator[str]:
    contestants = held.contestants
    quiet = (
        sum(bool(held.news(one, name)) and not held.wrong[one.name, name].code for name in held.groups)
        for one in contestants
    )
    yield from _row("found, and yet the exit code was 0", map(str, quiet))
    yield from _row("false alarms, distinct", (str(len(held.alarms(one))) for one in contestants))
    noises = (held.noise(one) for one in contestants)
    yield from _row("noise, of runs", (f"{noisy} of {total}" if total else "-" for noisy, total in noises))
    several = [held.runs(one) for one in contestants]
    sent = [sum(run.sent for run in runs) for runs in several]
    yield from _row("requests, all runs", (f"{count:,}" for count in sent))
    astray = (sum(run.astray for run in runs) for runs in several)
    yield from _row("requests to other operations", (f"{count:,}" for count in astray))
    served = (sum(run.served for run in runs) for runs in several)
    yield from _row("answered 2xx", (f"{got / max(of, 1):.0%}" for got, of in zip(served, sent, strict=True)))
    median = (statistics.median(run.seconds for run in runs) for runs in several)
    yield from _row("seconds of a run, median", (f"{seconds:.1f}" for seconds in median))
    yield from _row("seconds of all runs", (f"{sum(run.seconds for run in runs):,.0f}" for runs in several))
    codes = (Counter(run.code for run in runs) for runs in several)
    listed = (", ".join(f"{code}: {count}" for code, count in sorted(one.items())) for one in codes)
    yield from _row("exit codes", listed)


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
        yield f"- {one.name}{'' if classes else ': nothing'}"
        for kind, operations in sorted(classes.items()):
            counted = Counter(operations)
            listed = ", ".join(f"{name} ({count})" for name, count in sorted(counted.items()))
            yield f"  - {kind}: {listed}"


def _troubles(held: Contest) -> Iterator[str]:
    troubles = Counter(
        f"{one.name}: {run.trouble}" for one in held.contestants for run in held.runs(one) if run.trouble
    )
    if troubles:
        yield from ("", "## Runs that did not end as they should", "")
        yield from (f"- {trouble} ({count} times)" for trouble, count in sorted(troubles.items()))


def _row(first: str, cells: Iterable[str]) -> Iterator[str]:
    yield f"| {' | '.join(cell.replace('|', '/') for cell in (first, *cells))} |"


def _rule(columns: int) -> Iterator[str]:
    yield "|---|" + "---|" * columns


def goals(held: Contest) -> Iterator[str]:
    """Yield a line for each goal, with `MISSED` where it is."""
    ours, *others = held.contestants
    found = {one.name: sum(bool(held.news(one, name)) for name in held.groups) for one in held.contestants}
    for other in others:
        missed = "" if found[ours.name] >= 2 * found[other.name] else " MISSED"
        yield f"twice as many faults as {other.name}: {found[ours.name]} to {found[other.name]}{missed}"
        sent, most = (sum(run.sent for run in held.runs(one)) for one in (ours, other))
        if isinstance(other, Schemathesis) and other.as_many:
            missed = "" if most >= sent else " MISSED"
            yield f"{other.name} sends at least as many requests as ours: {most:,} to {sent:,}{missed}"
    alarms = len(held.alarms(ours))
    yield f"no false alarm of ours: {alarms}{' MISSED' if alarms else ''}"
