"""Does the judge see every change that the contract can see?

Makes conforming answers for every operation, status and media type of the contract, alters them in one place
at a time, and counts how often the judge names the change: the right kind at the right place. What no rule
forbids is made as well and must pass; it is counted apart, with the reason.

    python benchmarks/mutation.py [--operation "POST /v2/chat"] [--limit 3] [--as-json counts.json]

Exits with 1 if a change goes unseen or is misnamed, if what is only an addition is called something worse, or
if something that conforms has a finding.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from mutations.measure import INVISIBLE, Tally, judge, measure

from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Kind
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Contract

_CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "interactions.jsonl"
_OUTCOMES = ("killed", "misplaced", "missed", "escalated")
_SHOWN = 400


def recorded(contract: Contract, limit: int, file: Path = _CORPUS) -> Iterator[Exchange]:
    """Yield recorded exchanges without findings, at most so many of each operation and status."""
    taken: Counter[tuple[str, int]] = Counter()
    for exchange in parse_recording(str(file)) if limit and file.is_file() else ():
        if not isinstance(exchange, Exchange):
            continue
        label = contract.route(exchange.request.method, exchange.request.url).operation
        if label is None or judge(contract, exchange):
            continue
        kept = exchange.response.events is not None
        key = (f"{label} {kept}", exchange.response.status)
        short = len(exchange.response.body or b"") < 20_000 and len(exchange.response.events or ()) <= 40
        if short and taken[key] < limit:
            taken[key] += 1
            yield exchange


def lines(tally: Tally) -> Iterator[str]:
    """Yield the tables and every trouble as text."""
    yield _row("kind", "changes", *_OUTCOMES, "rate")
    for kind in Kind:
        if tally.total("", kind=kind):
            yield _counted(tally, str(kind), kind=kind)
    yield _counted(tally, "all kinds")
    yield ""
    yield _row("operation", "changes", *_OUTCOMES, "rate")
    for label in tally.originals:
        yield _counted(tally, label, operation=label)
    yield ""
    yield f"conforming originals: {tally.originals.total()}"
    alarms = tally.total("false alarm", kind=INVISIBLE)
    yield f"changes that no rule forbids: {tally.total('', kind=INVISIBLE)}, false alarms: {alarms}"
    for reason, number in sorted(tally.reasons.items()):
        yield f"  {number:6}  {reason}"
    if tally.noise:
        yield "findings beside the expected ones:"
        for (wanted, extra), number in sorted(tally.noise.items()):
            yield f"  {number:6}  {extra} beside {wanted}"
    yield from _troubles(tally)


def _row(name: str, *cells: object) -> str:
    return f"{name:72}" + "".join(f"{cell!s:>10}" for cell in cells)


def _counted(tally: Tally, name: str, *, kind: str | None = None, operation: str | None = None) -> str:
    counts = [tally.total(outcome, kind=kind, operation=operation) for outcome in ("", *_OUTCOMES)]
    # Rounded down: 100 % means all of them.
    return _row(name, *counts, f"{counts[1] * 10_000 // counts[0] / 100:.2f}%" if counts[0] else "-")


def _troubles(tally: Tally) -> Iterator[str]:
    """Yield each kind of trouble with its first example: many operations share a schema."""
    groups = defaultdict(list)
    for trouble in tally.troubles:
        groups[trouble.what, trouble.change, trouble.location, trouble.must, trouble.found].append(trouble)
    for (what, change, location, must, found), members in groups.items():
        first = members[0]
        yield ""
        yield f"{what.upper()}: {change} at {location!r} ({len(members)} times)"
        yield f"  operations: {', '.join(sorted({member.operation for member in members}))}"
        yield f"  first: {first.operation} {first.origin}, status {first.status}"
        yield f"  expected: {'; '.join(must) or 'nothing'}"
        yield f"  found: {'; '.join(found[:5]) or 'nothing'}"
        yield f"  header fields: {first.headers}"
        yield f"  body: {first.body[:_SHOWN]}{'…' if len(first.body) > _SHOWN else ''}"


def as_json(tally: Tally) -> str:
    """Return everything that was counted, and every trouble whole."""
    rows = [
        {"operation": label, "class": kind, **outcomes}
        for (label, kind), outcomes in sorted(tally.made.items())
    ]
    summary = {
        "originals": dict(tally.originals),
        "changes": rows,
        "reasons": dict(tally.reasons),
        "troubles": [dataclasses.asdict(trouble) for trouble in tally.troubles],
    }
    return json.dumps(summary, indent=1, ensure_ascii=False)


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option(
    "--operation", "chosen", multiple=True, metavar="LABEL", help="Only this operation; repeatable."
)
@click.option(
    "--limit", default=3, show_default=True, help="Recorded exchanges of each operation and status."
)
@click.option("--as-json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the counts.")
def main(chosen: tuple[str, ...], limit: int, file: Path | None) -> None:
    """Run from the command line."""
    started = time.perf_counter()
    contract = load_contract()
    unknown = set(chosen) - set(contract.operations)
    if unknown:
        raise click.UsageError(f"no such operation: {', '.join(sorted(unknown))}")
    tally = measure(contract, chosen or contract.operations, recorded(contract, limit))
    for line in lines(tally):
        click.echo(line)
    click.echo(f"\n{time.perf_counter() - started:.1f} seconds")
    if file is not None:
        file.write_text(as_json(tally), encoding="utf-8")
    sys.exit(1 if tally.troubles else 0)


if __name__ == "__main__":
    main()
