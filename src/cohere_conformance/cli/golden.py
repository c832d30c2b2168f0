"""`record`, `replay` and `verify`: golden cassettes made, judged again, and held against a target."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from cohere_conformance.cli import options
from cohere_conformance.cli.suites import scope, suites, target
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.golden import clear_begun, counts, find, load, own_or_shipped
from cohere_conformance.golden.changes import Change, What, changes, keep
from cohere_conformance.golden.compare import load_rules
from cohere_conformance.report.render.parts import golden_line
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ENDED = frozenset({0, 1, 3})
"""The exit codes of a run that came to its end, whatever it found."""
_SDK = "sdk.json"
_SHOWN = 50
"""Cassettes whose differences are shown before they are only counted."""


@click.command()
@options.own_cassettes
@click.option(
    "--yes", is_flag=True, help="Keep also what differs from the cassettes that are there, unasked."
)
@target
def record(cassettes: Path, yes: bool, report_dir: Path, **told: Any) -> int:
    """Send the written cases to a target and make a golden cassette of each that passes.

    Without --url the target is the reference server, in this process. What differs from the cassettes that
    are there is shown before it takes their place.
    """
    outcome = suites({**told, "report_dir": report_dir}, {"golden": ["record"]})
    if outcome.code not in _ENDED:
        return outcome.code
    if not outcome.complete:
        click.echo(f"kept nothing: the recording is incomplete, and {cassettes} is as it was")
        return outcome.code
    with outcome.agreeing():
        if not _kept(report_dir, cassettes, unasked=yes):
            outcome.conclude(deviations=("recorded cassettes differ and were not kept",))
    return outcome.code


def _kept(report_dir: Path, cassettes: Path, *, unasked: bool) -> bool:
    """Show what a recording changes, and write it where nobody objects; return whether it was written."""
    from cohere_conformance.golden.recorder import STAGED  # brings the server's libraries along

    contract = load_contract()
    found = list(changes(contract, load_rules(folder("suites"), contract), report_dir / STAGED, cassettes))
    _show(found)
    if any(change.matters for change in found) and not (unasked or _agreed(len(found))):
        click.echo(f"kept nothing: {cassettes} is as it was; with --yes the new ones take their place")
        return False
    clear_begun(cassettes)
    written = keep(cassettes, found)
    click.echo(f"wrote {written} cassettes to {cassettes}; {golden_line(counts(find(cassettes).values()))}")
    return True


def _show(found: list[Change]) -> None:
    differing = [change for change in found if change.findings]
    for change in differing[:_SHOWN]:
        told = change.cassette.provenance
        click.echo(f"\n{told.id} ({change.origin} -> {told.origin})")
        for finding in change.findings:
            click.echo(plain(f"  {finding.location or 'the answer'}: {finding.value_class}"))
            click.echo(plain(f"  - {finding.expected}"))
            click.echo(plain(f"  + {finding.observed}"))
    if len(differing) > _SHOWN:
        click.echo(f"\n... and {len(differing) - _SHOWN} more that differ")
    moved = Counter((change.origin, change.cassette.provenance.origin) for change in found if change.matters)
    for (old, new), number in moved.items():
        if old is not new:
            click.echo(f"\nin place of {old} ones: {number} {new}")
    numbers = Counter(change.what for change in found)
    click.echo(
        "\nrecorded: " + (", ".join(f"{numbers[what]} {what}" for what in What if numbers[what]) or "nothing")
    )


def _agreed(number: int) -> bool:
    return sys.stdin.isatty() and click.confirm(f"Keep all {number}?")


@click.command()
@options.cassettes
@click.option("--sdk", "through_sdk", is_flag=True, help="Read every answer with the official SDK as well.")
@scope
def replay(cassettes: Path | None, through_sdk: bool, report_dir: Path, **told: Any) -> int:
    """Judge the answers in golden cassettes by today's contract, requirements and cases; nothing is sent.

    Each cassette is played by VCR.py through pytest-recording, with the network blocked. With --sdk the
    command also lists what the official SDK loses of the answers, writes it to sdk.json, and exits with 1
    where the SDK cannot read one.
    """
    if through_sdk:
        # Only who asks for the SDK needs it, and waits for it.
        from cohere_conformance.golden import sdk

        sdk.installed()  # a minute of replaying would be lost without it
    outcome = suites(
        {**told, "report_dir": report_dir},
        _golden("replay", cassettes),
        ["pytest_recording.plugin"],
    )
    if through_sdk and outcome.code in _ENDED:
        with outcome.agreeing():
            if lost := _unreadable(cassettes, report_dir, told):
                outcome.conclude(deviations=(f"the official SDK cannot read {quantity(lost, 'response')}",))
    return outcome.code


def _unreadable(cassettes: Path | None, report_dir: Path, told: Mapping[str, Any]) -> int:
    """Show and store what the official SDK makes of the responses; return how many it cannot read."""
    # Only who asks for the SDK needs it, and waits for it.
    from cohere_conformance.golden import sdk

    groups, cases = set((told["only"] or "").replace(" ", "").split(",")) - {""}, told["cases"]
    replayed = sdk.replay(
        load(path)
        for name, path in find(cassettes or own_or_shipped()).items()
        if (not groups or name.partition(".")[0] in groups) and (not cases or name in cases)
    )
    click.echo()
    sdk.render(replayed, Console(soft_wrap=False))
    (report_dir / _SDK).write_bytes(sdk.as_json(replayed))
    return len(replayed.failed)


@click.command()
@options.cassettes
@target
def verify(cassettes: Path | None, **told: Any) -> int:
    """Send the recorded requests to a target, and tell where its answers mean something else than they did.

    Without --url the target is the reference server, in this process.
    """
    return suites(told, _golden("verify", cassettes)).code


def _golden(mode: str, cassettes: Path | None) -> dict[str, list[object]]:
    return {"golden": [mode], "cassettes": [] if cassettes is None else [cassettes]}
