"""What observed shapes see on real recordings: a property that vanishes, and nothing where all is as it was.

The recordings are a file of JSON Lines whose records name the repository that they are from (`repo`). There
are two tables:

- Each property that all recorded responses of an operation have (status 200, JSON) is removed from the
  responses of the last recorded day. It counts as seen by the contract if each of them has a new finding,
  and by observed shapes if each of them has a `shape-vanished` there. The shapes are those that ship, and for
  a second figure those of all earlier days only. Goal: 76 of 80 by both together.
- Each source is left out in turn, and compared with what the others have shown. Then the same with each day,
  and with each day and all later ones, as a nightly job would have seen it. Goal: no `shape-vanished`.

`expected` is how many times a property was expected in what was left out: what the goal is worth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.model import Exchange, Finding, Kind
from cohere_conformance.observed.compare import ObservedShapes
from cohere_conformance.observed.evidence import together
from cohere_conformance.observed.file import shipped_observed
from cohere_conformance.observed.response import sample_of
from cohere_conformance.pointer import escaped, unescaped
from cohere_conformance.recordings import parse_recording
from cohere_conformance.session import Judge, JudgeSettings
from cohere_conformance.session.learning import Learner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.observed.evidence import Evidence
    from cohere_conformance.observed.response import Sample

SEEN, ALWAYS = 76, 80
OTHERS = 1
"""The transcript of `POST /v2/audio/transcriptions`: always present in recordings that may not be passed on.
The contract requires it, so its removal is seen."""


class Recorded(NamedTuple):
    """An exchange with its source and its operation.

    Attributes:
        source: the repository that it is from.
        operation: its label.
        exchange: as recorded.
        sample: of its response.
        reported: locations of its findings.
        taught: what it teaches; empty if it is not learned from.
    """

    source: str
    operation: str
    exchange: Exchange
    sample: Sample | None
    reported: frozenset[str]
    taught: Evidence

    @property
    def day(self) -> str:
        """The day of the recording; empty if unknown."""
        return (self.exchange.source.recorded_at or "")[:10]


def locations(value: Any, at: str = "") -> set[str]:
    """Return the location of every property of a value."""
    found = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{at}/{escaped(name)}"
            found |= {here} | locations(inner, here)
    elif isinstance(value, list):
        for inner in value:
            found |= locations(inner, f"{at}/*")
    return found


def without(value: Any, tokens: list[str]) -> Any:
    """Return a value without the property at a location."""
    token, *rest = tokens
    if token == "*":
        return [without(inner, rest) for inner in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or token not in value:
        return value
    if not rest:
        return {name: inner for name, inner in value.items() if name != token}
    return {**value, token: without(value[token], rest)}


def removed(exchange: Exchange, location: str) -> Exchange:
    """Return an exchange whose response lacks a property."""
    body = without(json.loads(exchange.response.body or b""), [*map(unescaped, location.split("/")[1:])])
    return replace(exchange, response=replace(exchange.response, body=json.dumps(body).encode()))


def recorded(path: Path, judge: Judge) -> list[Recorded]:
    """Return the exchanges of a file with an operation."""
    sources = [json.loads(line)["repo"] for line in path.read_text(encoding="utf-8").splitlines()]
    exchanges = [one for one in parse_recording(str(path)) if isinstance(one, Exchange)]
    found = []
    for source, exchange in zip(sources, exchanges, strict=True):
        operation = judge.contract.route(exchange.request.method, exchange.request.url).operation
        if operation is not None:
            learner = Learner(judge)
            learner.take(exchange)
            sample = sample_of(judge.contract, ParsedExchange(exchange))
            reported = frozenset(one.location for one in judge.findings(exchange))
            found.append(Recorded(source, operation, exchange, sample, reported, learner.evidence))
    return found


def learned(every: Iterable[Recorded]) -> ObservedShapes:
    """Return what exchanges teach."""
    return ObservedShapes(together(one.taught for one in every))


def always(every: list[Recorded]) -> dict[str, set[str]]:
    """Return the properties that all JSON responses of status 200 have, by operation."""
    found: dict[str, set[str]] = {}
    for one in every:
        value = ParsedExchange(one.exchange).response[0]
        if (
            one.exchange.response.status == 200
            and one.exchange.response.events is None
            and value is not NOTHING
        ):
            names = locations(value)
            found[one.operation] = found.get(one.operation, names) & names
    return found


def vanished(shapes: ObservedShapes, judge: Judge, exchange: Exchange, location: str = "") -> list[Finding]:
    """Return what has vanished from a response, by observed shapes alone."""
    sample = sample_of(judge.contract, ParsedExchange(exchange))
    found = [] if sample is None else shapes.findings(sample)
    return [
        one for one in found if one.kind is Kind.SHAPE_VANISHED and (not location or one.location == location)
    ]


def removals(every: list[Recorded], judge: Judge) -> list[str]:
    """Print the first table, and return the properties whose removal is not seen."""
    shipped, rows = ObservedShapes(shipped_observed()), []
    for operation, names in sorted(always(every).items()):
        served = [one for one in every if one.operation == operation and one.exchange.response.status == 200]
        plain = [one for one in served if one.exchange.response.events is None]
        last = max(one.day for one in plain)
        chosen = [one.exchange for one in plain if one.day == last]
        earlier = learned(one for one in served if one.day < last)
        before = [{found.fingerprint for found in judge.findings(one)} for one in chosen]
        for name in sorted(names):
            cut = [removed(one, name) for one in chosen]
            contract = all(
                any(found.fingerprint not in known for found in judge.findings(one))
                for one, known in zip(cut, before, strict=True)
            )
            by_shapes = (
                all(vanished(shapes, judge, one, name) for one in cut) for shapes in (shipped, earlier)
            )
            rows.append((f"{operation} {name}", contract, *by_shapes))
    print("| property | contract | shipped shapes | shapes of earlier days |\n|---|---|---|---|")
    for name, *seen in rows:
        print(f"| {name} | {' | '.join('seen' if one else '-' for one in seen)} |")
    print(f"\nalways present: {len(rows)} here, {len(rows) + OTHERS} with the transcript of audio")
    print(f"seen by the contract alone: {sum(row[1] for row in rows) + OTHERS}")
    print(f"seen with the shipped shapes: {sum(row[1] or row[2] for row in rows) + OTHERS}")
    print(f"seen with the shapes of all earlier days: {sum(row[1] or row[3] for row in rows) + OTHERS}")
    return [name for name, contract, by_shapes, _ in rows if not contract and not by_shapes]


def compared(known: Iterable[Recorded], own: list[Recorded]) -> tuple[int, int, int]:
    """Return how often a property was expected in responses, what has vanished in them, and what is new."""
    shapes, expected, kinds = learned(known), 0, Counter[Kind]()
    for one in own:
        if one.sample is not None:
            expected += len(list(shapes.expected(one.sample)))
            kinds.update(found.kind for found in shapes.findings(one.sample, one.reported))
    return expected, kinds[Kind.SHAPE_VANISHED], kinds[Kind.SHAPE_NEW]


def left_out(every: list[Recorded]) -> int:
    """Print the second table, and return the number of false alarms."""
    print("\n| left out | responses | expected | shape-vanished | shape-new |\n|---|--:|--:|--:|--:|")
    rows = []
    for source in sorted({one.source for one in every}):
        own = [one for one in every if one.source == source]
        rest = [one for one in every if one.source != source]
        rows.append((f"source {source}", len(own), *compared(rest, own)))
    days = [
        ([one for one in every if one.day == day], [one for one in every if one.day != day])
        for day in sorted({one.day for one in every})
    ]
    for name, later in (("each day", True), ("each day and all later ones", False)):
        figures = [
            compared((one for one in rest if later or one.day < own[0].day), own) for own, rest in days
        ]
        rows.append((name, len(every), *map(sum, zip(*figures, strict=True))))
    for name, *numbers in rows:
        print(f"| {name} | {' | '.join(map(str, numbers))} |")
    return sum(row[3] for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 if a goal is missed")
    given = parser.parse_args()
    if not given.recordings.is_file():
        print(f"{given.recordings}: no such file; nothing measured")
        return 0
    judge = Judge(JudgeSettings())
    every = recorded(given.recordings, judge)
    missed = removals(every, judge)
    alarms = left_out(every)
    print(f"\nmissed: {', '.join(missed) or 'none'}\nfalse alarms: {alarms}")
    reached = ALWAYS - len(missed) >= SEEN and alarms == 0
    print(f"goals ({SEEN} of {ALWAYS}, no false alarm): {'reached' if reached else 'missed'}")
    return 0 if reached or given.no_gate else 1


if __name__ == "__main__":
    sys.exit(main())
