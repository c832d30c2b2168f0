"""`cassettes`: whether golden cassettes are still fresh, and traffic from elsewhere made into some."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console

from cohere_conformance.cli import options
from cohere_conformance.client.address import base_url
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.golden import clear_begun, counts, find, own_or_shipped
from cohere_conformance.golden.digest import ContractDigests
from cohere_conformance.golden.importing import add, gather, traffic
from cohere_conformance.golden.staleness import staleness
from cohere_conformance.golden.states import Outcome
from cohere_conformance.golden.status_render import render_json, render_terminal
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.report.render.parts import golden_line
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity
from cohere_conformance.session.judging import Judge, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.golden.importing import Added, ImportTally

_SHOWN = 10


@click.group()
def cassettes() -> None:
    """Look after golden cassettes."""


@cassettes.command()
@options.cassettes
@click.option("--verbose", is_flag=True, help="Every cassette, and what policy ignores.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@options.report_dir
def status(cassettes: Path | None, verbose: bool, as_json: bool, report_dir: Path) -> int:
    """Say which cassettes are old, or say less than they did; exits with 1 where the policy says so.

    The policy is the file policy.yaml in the folder of the cassettes, or else the one that ships. What was
    replayed last is read from the journals in the folder of the report.
    """
    found = staleness(cassettes or own_or_shipped(), report_dir, datetime.now(UTC).date())
    if as_json:
        click.echo(render_json(found).decode("utf-8"), nl=False)
    else:
        render_terminal(found, Console(soft_wrap=False), verbose=verbose)
    return 1 if found.outcome is Outcome.FAIL else 0


@cassettes.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=str))
@options.own_cassettes
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="URL",
    help="A base URL that also counts as the API (a gateway, a mock); repeatable. Loopback always does.",
)
def import_(files: tuple[str, ...], cassettes: Path, servers: tuple[str, ...]) -> int:
    """Make golden cassettes of traffic in FILES or folders: HAR archives, VCR cassettes, JSON Lines.

    What no operation is declared for, and what looks like something that is there already, is left out.
    Exits with 3 where something could not be read or written, and with 5 where nothing became a cassette.
    """
    from cohere_conformance.session.plan import KEY  # brings the server's libraries along

    for server in servers:
        base_url("--server", server)
    judge = Judge(Settings(servers=servers))
    found = gather(
        traffic(files, servers),
        judge.contract,
        judge.findings,
        ContractDigests(judge.contract, shipped_requirements().requirements.values()).of,
    )
    clear_begun(cassettes)
    keys = [Secret(key)] if (key := os.environ.get(KEY, "").strip()) else []
    added = add(cassettes, found.cassettes, keys)
    _tell(found.tally, added)
    told = golden_line(counts(find(cassettes).values()))
    written, there = quantity(len(added.written), "cassette"), len(added.unchanged)
    click.echo(f"wrote {written} to {cassettes}, {there} there already; {told}")
    if found.tally.unreadable or added.refused:
        return 3
    return 0 if found.cassettes else 5


def _tell(tally: ImportTally, added: Added) -> None:
    click.echo(
        f"read {quantity(tally.read, 'exchange')}: {tally.kept} of a shape of their own, "
        f"{tally.duplicates} alike, {tally.unrouted} of no operation, {tally.partial} not whole, "
        f"{sum(tally.foreign.values())} of other hosts"
    )
    if tally.undated:
        click.echo(f"{quantity(tally.undated, 'cassette')} without a date: the recording tells none")
    _list("unreadable", [str(error) for error in tally.unreadable])
    _list("refused", [f"{name}: {reason}" for name, reason in added.refused.items()])
    _list("remarks", [f"{one.file}: {one.where}: {one.text}" for one in tally.remarks])
    _list("skipped", [f"{one.file}: {one.reason}" for one in tally.skipped])
    _list(
        "findings that no cassette shows",
        [f"{one.kind} {one.operation} {one.location}" for one in tally.lost],
    )
    _list("findings of redaction", [f"{one.kind} {one.operation} {one.location}" for one in tally.gained])


def _list(title: str, lines: list[str]) -> None:
    if lines:
        click.echo(f"{title}: {len(lines)}")
        for line in lines[:_SHOWN]:
            click.echo(plain(f"  {line}"))
        if len(lines) > _SHOWN:
            click.echo(f"  (+{len(lines) - _SHOWN} more)")
