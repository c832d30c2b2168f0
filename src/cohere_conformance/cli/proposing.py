"""`contract propose` and `contract apply`: what the contract lacks, as a file that a person reviews."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from cohere_conformance.cli.witnesses import ROOT, require_witness, witnesses
from cohere_conformance.data import folder, in_checkout
from cohere_conformance.errors import UsageError
from cohere_conformance.report.render.safe import plain


@click.command()
@witnesses
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the proposals to this file; to standard output by default.",
)
@ROOT
def propose(
    document: str | None, sdks: tuple[str, ...], traffic: Path | None, output: Path | None, root: Path | None
) -> int:
    """Write what `contract drift` finds as actions on the contract, for a person to review.

    The file is an OpenAPI Overlay. Each action has its witnesses, its class and the line of the contract
    that it belongs to. Nothing that is valid now becomes invalid, and nothing is removed: that is in
    comments. `contract apply` carries the actions out. The exit code is 1 if there is a proposal, 0 if the
    contract lacks nothing, and 3 if something cannot be read.

    \b
    Example:
      cohere-conformance contract propose --sdk cohere==7.3.1 -o proposals.yaml
    """
    # Imported here for the same reason as in `contract diff`.
    from cohere_conformance.contract import load_declarations
    from cohere_conformance.drift.lock import LOCK, load_lock
    from cohere_conformance.drift.named_witnesses import described
    from cohere_conformance.drift.proposals import Proposer, action_count, as_overlay
    from cohere_conformance.drift.sources import our_facts
    from cohere_conformance.drift.witnesses import drift_of
    from cohere_conformance.report import load

    require_witness(document, sdks, traffic)
    declarations = load_declarations(root)
    root = root or folder("contracts")
    ours = our_facts(declarations, root, amended=True)
    descriptions = described(document, sdks)
    report = load(traffic) if traffic is not None else None
    found = drift_of(ours, root, descriptions, report, load_lock(root / LOCK))
    today = datetime.datetime.now(datetime.UTC).date()
    proposals = Proposer(ours, declarations, descriptions, today).proposals(found)
    text = as_overlay(found, proposals, str(output or "proposals.yaml"))
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"-o {output}: cannot be written: {error.strerror or error}") from error
        count, lines = action_count(found, proposals), len(found.gaps) + len(found.models)
        click.echo(plain(f"{output}: {count} actions; {lines} lines of contract drift", longest=None))
    return 1 if found.found else 0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@ROOT
def apply(file: Path, root: Path | None) -> int:
    """Carry out the actions of a file that `contract propose` has written, after you have reviewed it.

    The files below contracts/ are edited in place; comments and layout stay as they are. If one action does
    not fit the contract any more, nothing is changed and the exit code is 3. `contract lint` then
    names what is still missing.

    \b
    Example:
      cohere-conformance contract apply proposals.yaml
    """
    from cohere_conformance.drift.applying import apply_proposals

    if root is None and not in_checkout():
        raise UsageError("expected --root: the files of an installed package are not edited")
    applied = apply_proposals(file, root or folder("contracts"))
    for name in applied.files:
        click.echo(plain(f"edited {name}", longest=None))
    click.echo(f"{len(applied.actions)} actions; contract lint names what is still missing")
    return 0
