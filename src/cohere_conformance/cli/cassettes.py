"""`cassettes`: report stale golden cassettes, and import cassettes from recorded traffic."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console

from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.client.address import base_url
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.golden import clear_begun, counts, find, own_or_shipped
from cohere_conformance.golden.digest import ContractDigests
from cohere_conformance.golden.importing import add, gather, traffic
from cohere_conformance.golden.states import GateOutcome
from cohere_conformance.golden.status_render import render_json, render_terminal
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.report.render.golden import golden_line
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity
from cohere_conformance.session.judging import Judge, JudgeSettings

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.golden.importing import Added, ImportTally

_SHOWN = 10


@click.group()
def cassettes() -> None:
    """Report stale golden cassettes, and import recorded traffic.

    \b
    Examples:
      cohere-conformance cassettes status
      cohere-conformance cassettes import chat.har --cassettes mine
    """


@cassettes.command()
@options.cassettes
@click.option("--verbose", is_flag=True, help="List every cassette, and what the policy ignores.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.report_dir
@configurable
def status(cassettes: Path | None, verbose: bool, as_json: bool, report_dir: Path) -> int:
    """List cassettes that are old, orphaned or out of date; the exit code is 1 where the policy says so.

    The policy is the file policy.yaml in the cassettes folder; by default the one that ships. The time of the
    last replay is read from the journals in the report folder.

    \b
    Example:
      cohere-conformance cassettes status --verbose
    """
    from cohere_conformance.golden.staleness import staleness  # imports the web server

    found = staleness(cassettes or own_or_shipped(), report_dir, datetime.now(UTC).date())
    if as_json:
        click.echo(render_json(found).decode("utf-8"), nl=False)
    else:
        render_terminal(found, Console(soft_wrap=False), verbose=verbose)
    return 1 if found.outcome is GateOutcome.FAIL else 0


@cassettes.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=str))
@options.own_cassettes
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="URL",
    help="Base URL of a gateway or mock that counts as the API; repeatable. Loopback addresses always do.",
)
def import_(files: tuple[str, ...], cassettes: Path, servers: tuple[str, ...]) -> int:
    """Make golden cassettes from recorded traffic in FILES or folders: HAR, VCR cassettes, JSON Lines.

    Exchanges that match no operation, and duplicates of existing cassettes, are left out. The exit code is 3
    if something could not be read or written, and 5 if no cassette was made.

    \b
    Example:
      cohere-conformance cassettes import chat.har --cassettes mine
    """
    from cohere_conformance.session.plan import KEY  # imports the web server

    for server in servers:
        base_url("--server", server)
    judge = Judge(JudgeSettings(servers=servers))
    found = gather(
        traffic(files, servers),
        judge.contract,
        judge.findings,
        ContractDigests(judge.contract, shipped_requirements().requirements.values()).of,
    )
    clear_begun(cassettes)
    keys = [Secret(key)] if (key := os.environ.get(KEY, "").strip()) else []
    added = add(cassettes, found.cassettes, keys)
    _show(found.tally, added)
    origins = golden_line(counts(find(cassettes).values()))
    written, there = quantity(len(added.written), "cassette"), len(added.unchanged)
    click.echo(f"wrote {written} to {cassettes}, {there} exist already; {origins}")
    if found.tally.unreadable or added.refused:
        return 3
    return 0 if found.cassettes else 5


def _show(tally: ImportTally, added: Added) -> None:
    click.echo(
        f"read {quantity(tally.read, 'exchange')}: {tally.kept} distinct, "
        f"{tally.duplicates} duplicates, {tally.unrouted} without an operation, {tally.partial} incomplete, "
        f"{sum(tally.foreign.values())} of other hosts"
    )
    if tally.undated:
        click.echo(f"{quantity(tally.undated, 'cassette')} without a date: the recording has none")
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
