"""`record`, `replay` and `verify`: make golden cassettes, judge them again, compare a target."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from cohere_conformance.cli import options
from cohere_conformance.cli.suites import scope, suites, target
from cohere_conformance.contract import load_contract
from cohere_conformance.golden import clear_begun, counts, find, load, own_or_shipped
from cohere_conformance.golden.changes import CassetteChange, ChangeKind, changes, keep
from cohere_conformance.golden.compare import shipped_rules
from cohere_conformance.golden.reference_comparison import ReferenceComparison
from cohere_conformance.report.render.golden import golden_line
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ENDED = frozenset({0, 1, 3})
"""The exit codes of a run that ended by itself, whatever it found."""
_SDK = "sdk.json"
_SHOWN = 50
"""Cassettes whose differences are shown; the rest are only counted."""


@click.command()
@options.own_cassettes
@click.option("--yes", is_flag=True, help="Replace cassettes that differ without asking.")
@options.no_plan
@options.history
@target
def record(cassettes: Path, yes: bool, report_dir: Path, **given: Any) -> int:
    """Run the test cases and record a golden cassette of each that passes.

    Without --url the target is the embedded reference server. Differences from existing cassettes are shown
    before these are replaced. With --live the cases of this night are recorded, as `run` plans them: the
    cassettes become live ones night by night.

    \b
    Examples:
      cohere-conformance record --cassettes mine
      CO_API_KEY=... cohere-conformance record --url https://api.cohere.com --live
    """
    outcome = suites({**given, "report_dir": report_dir}, {"golden": ["record"]})
    if outcome.code not in _ENDED:
        return outcome.code
    if not outcome.complete:
        click.echo(f"kept nothing: the recording is incomplete; {cassettes} is unchanged")
        return outcome.code
    with outcome.agreeing():
        if not _kept(report_dir, cassettes, unasked=yes):
            outcome.conclude(
                deviations=("recorded cassettes differ from the existing ones and were not kept",)
            )
    return outcome.code


def _kept(report_dir: Path, cassettes: Path, *, unasked: bool) -> bool:
    """Show what a recording changes, and write it unless somebody objects; return whether it was written."""
    from cohere_conformance.golden.recorder import STAGED  # imports the web server

    contract = load_contract()
    found = list(changes(contract, shipped_rules(), report_dir / STAGED, cassettes))
    _show(found)
    if any(change.matters for change in found) and not (unasked or _agreed(len(found))):
        click.echo(f"kept nothing: {cassettes} is unchanged; use --yes to replace its cassettes")
        return False
    clear_begun(cassettes)
    written = keep(cassettes, found)
    click.echo(f"wrote {written} cassettes to {cassettes}; {golden_line(counts(find(cassettes).values()))}")
    return True


def _show(found: list[CassetteChange]) -> None:
    differing = [change for change in found if change.findings]
    for change in differing[:_SHOWN]:
        provenance = change.cassette.provenance
        click.echo(f"\n{provenance.id} ({change.origin} -> {provenance.origin})")
        for finding in change.findings:
            click.echo(plain(f"  {finding.location or 'response'}: {finding.value_class}"))
            click.echo(plain(f"  - {finding.expected}"))
            click.echo(plain(f"  + {finding.observed}"))
    if len(differing) > _SHOWN:
        click.echo(f"\n... and {len(differing) - _SHOWN} more that differ")
    moved = Counter((change.origin, change.cassette.provenance.origin) for change in found if change.matters)
    for (old, new), number in moved.items():
        if old is not new:
            click.echo(f"\n{old} cassettes replaced by {new} ones: {number}")
    numbers = Counter(change.kind for change in found)
    counts = ", ".join(f"{numbers[kind]} {kind}" for kind in ChangeKind if numbers[kind])
    click.echo(f"\nrecorded: {counts or 'nothing'}")


def _agreed(number: int) -> bool:
    return sys.stdin.isatty() and click.confirm(f"Replace with all {number}?")


@click.command()
@options.cassettes
@click.option(
    "--sdk", "through_sdk", is_flag=True, help="Parse every response with the official SDK as well."
)
@scope
def replay(cassettes: Path | None, through_sdk: bool, report_dir: Path, **given: Any) -> int:
    """Judge the responses in golden cassettes by the current contract, requirements and cases; send nothing.

    VCR.py replays each cassette through pytest-recording, with the network blocked. With --sdk the command
    also lists what the official SDK drops from the responses and writes it to sdk.json; the exit code is 1 if
    the SDK cannot parse a response.

    \b
    Examples:
      cohere-conformance replay
      cohere-conformance replay --only chat --sdk
    """
    if through_sdk:
        # Imported on demand: the SDK is optional, and slow to import.
        from cohere_conformance.golden import sdk

        sdk.installed()  # fail now, not after a minute of replaying
    outcome = suites(
        {**given, "report_dir": report_dir},
        _golden("replay", cassettes),
        ["pytest_recording.plugin"],
    )
    if through_sdk and outcome.code in _ENDED:
        with outcome.agreeing():
            if lost := _unreadable(cassettes, report_dir, given):
                outcome.conclude(deviations=(f"the official SDK cannot parse {quantity(lost, 'response')}",))
    return outcome.code


def _unreadable(cassettes: Path | None, report_dir: Path, given: Mapping[str, Any]) -> int:
    """Show and store how the official SDK parses the responses; return how many it cannot parse."""
    # Imported on demand: the SDK is optional, and slow to import.
    from cohere_conformance.golden import sdk

    groups, cases = set((given["only"] or "").replace(" ", "").split(",")) - {""}, given["cases"]
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
@click.option(
    "--compare",
    type=click.Choice([comparison.value for comparison in ReferenceComparison]),
    help="What is compared with cassettes of the reference server.  [default: values with the embedded "
    "server, shape with any other]",
)
@options.shard
@options.history
@options.sdk_effect
@target
def verify(cassettes: Path | None, compare: str | None, **given: Any) -> int:
    """Send the recorded requests to a target, and report where its responses differ in meaning.

    Without --url the target is the embedded reference server. With cassettes of the reference server, which
    are those that ship, only status and shape are compared; values with cassettes of any other server.

    \b
    Example:
      cohere-conformance verify --url http://localhost:4000 --only chat
    """
    further = _golden("verify", cassettes)
    return suites(given, {**further, "compare": [] if compare is None else [compare]}).code


def _golden(mode: str, cassettes: Path | None) -> dict[str, list[object]]:
    return {"golden": [mode], "cassettes": [] if cassettes is None else [cassettes]}
