"""`sweep`: removes what killed runs have left on a target."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.cli.leftover import ledger_file
from cohere_conformance.cli.server import server_options
from cohere_conformance.cli.suites import reaching
from cohere_conformance.client.ledger import (
    CreationLedger,
    LedgerState,
    exclusive,
    open_entries,
    rewrite,
    targets,
)
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import LedgerError, UsageError
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity
from cohere_conformance.session.plan import Plan, TargetKind, plan
from cohere_conformance.session.sweep import LEFT, Fate, Swept
from cohere_conformance.session.sweeping import sweeping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cohere_conformance.client.ledger import LedgerEntry

_KINDS = {
    "/v1/datasets": "dataset",
    "/v1/connectors": "connector",
    "/v1/finetuning/finetuned-models": "fine-tuned model",
    "/v1/embed-jobs": "embed job",
    "/v2/batches": "batch",
}
"""What a person calls a resource of a collection."""
_LONGEST = 100
"""Characters of a name or an id that are shown."""


@click.command()
@click.option("--url", metavar="URL", help="Target to sweep.  [default: the one in the ledger]")
@reaching
@options.ledger
@options.report_dir
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--yes", is_flag=True, help="With --live, remove without asking.")
@click.option("--forget", is_flag=True, help="Drop what stays untouched from the ledger.")
@configurable
def sweep(ledger: str | None, report_dir: Path, dry_run: bool, yes: bool, forget: bool, **given: Any) -> int:
    """Remove what killed runs have left on a target.

    A run notes in its ledger what it is about to create. Only what both the ledger and its own name, id and
    time of creation prove to be left by a run is removed; everything else stays and is listed. Batches and
    embed jobs cannot be deleted: they are cancelled, and their results are deleted.

    With --live the command asks before it removes anything; where nobody can answer, it only shows what it
    would remove, unless --yes is given. Exit code 0: nothing is left. 1: something is left. 3: the target
    cannot be reached, or the ledger cannot be read.

    \b
    Examples:
      cohere-conformance sweep
      CO_API_KEY=... cohere-conformance sweep --url https://api.cohere.com --live --yes
      cohere-conformance sweep --ledger nightly/ledger.jsonl --dry-run
    """
    path = ledger_file(ledger, report_dir)
    if not path.exists():
        if ledger:
            raise UsageError(f"--ledger {path}: expected the ledger of a run, got no file; name another")
        click.echo(f"{path}: no ledger; no run has left anything that is known here")
        return 0
    with exclusive(path) as descriptor:
        if descriptor is None:
            raise LedgerError(
                f"{path}: expected no run that uses the ledger, got one; sweep when it has ended"
            )
        opened = open_entries(path)
        if not opened:
            rewrite(path)
            click.echo(f"{path}: nothing is left")
            return 0
        planned = _plan(given, opened)
        swept = _swept(planned, path, descriptor, dry_run=dry_run, yes=yes)
        if forget:
            swept = _forgotten(path, descriptor, swept)
        rewrite(path)
    for line in _conclusion(planned.shown_url or "", swept, opened):
        click.echo(plain(line, longest=None))
    return 1 if any(one.fate in LEFT for one in swept) else 0


def _plan(given: Mapping[str, Any], opened: list[LedgerEntry]) -> Plan:
    """Return what may be sent, and to which target."""
    named = targets(opened)
    url = given["url"]
    if url is None and len(named) > 1:
        raise UsageError(f"expected --url with one of the targets in the ledger: {plain(', '.join(named))}")
    contract = load_contract()
    planned = plan(server_options(url or named[0], given), contract.groups, os.environ)
    if planned.shown_url not in named:
        raise UsageError(
            f"--url {planned.shown_url}: expected a target that the ledger has: {plain(', '.join(named))}"
        )
    return planned


def _swept(planned: Plan, path: Path, descriptor: int, *, dry_run: bool, yes: bool) -> list[Swept]:
    """Sweep, after a question where the target is somebody else's."""
    unasked = yes or planned.target_kind is not TargetKind.LIVE
    swept = _passed(planned, path, descriptor, removing=unasked and not dry_run)
    if dry_run or unasked or not any(one.fate is Fate.REMOVABLE for one in swept):
        return swept
    if sys.stdin.isatty() and click.confirm("Remove these?"):
        return _passed(planned, path, descriptor, removing=True)
    return swept


def _passed(planned: Plan, path: Path, descriptor: int, *, removing: bool) -> list[Swept]:
    """Look at everything once, print what becomes of it, and return that."""
    found = []
    with sweeping(planned, path, descriptor, removing=removing) as swept:
        for one in swept:
            found.append(one)
            click.echo(plain(_line(one), longest=None))
    return found


def _line(one: Swept) -> str:
    kind = _KINDS.get(one.entry.first.collection, one.entry.first.collection)
    first = one.entry.first
    if one.entry.names:
        name = repr(one.entry.names[0][:_LONGEST])
    elif first.made_by:
        name = "that a job has made"
    else:
        name = f"of dataset {first.source[:_LONGEST]}" if first.source else "without a name"
    identity = f" ({one.id[:_LONGEST]})" if one.id else ""
    return f"{one.fate:<12} {kind} {name}{identity}{f': {one.reason}' if one.reason else ''}"


def _forgotten(path: Path, descriptor: int, swept: list[Swept]) -> list[Swept]:
    """Drop what stays untouched from the ledger, and return the rest."""
    writer = CreationLedger(path, "", descriptor=descriptor)
    for one in swept:
        if one.fate is Fate.UNTOUCHED:
            writer.note(one.entry.first.entry, LedgerState.FORGOTTEN)
    return [one for one in swept if one.fate is not Fate.UNTOUCHED]


def _conclusion(target: str, swept: list[Swept], opened: list[LedgerEntry]) -> Iterator[str]:
    """Yield the last lines: what is left, and what to do about it."""
    numbers = Counter(one.fate for one in swept)
    ended = numbers[Fate.ENDED]
    except_for = f", except {quantity(ended, 'job')} that no operation deletes" if ended else ""
    if not any(numbers[fate] for fate in LEFT):
        yield f"{target}: nothing is left{except_for}"
    if number := numbers[Fate.REMOVABLE]:
        yield f"{target}: removed nothing; {number} would be removed: sweep with --yes, or without --dry-run"
    if number := numbers[Fate.UNTOUCHED]:
        yield (
            f"{target}: {number} untouched: look at each, remove what is yours by hand, "
            "and sweep with --forget"
        )
    if number := numbers[Fate.FAILED]:
        yield f"{target}: {number} not removed: sweep again later"
    for other in targets(opened):
        if other != target:
            yield f"{other}: not swept: sweep with --url {shlex.quote(other)}"
