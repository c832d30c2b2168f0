"""`contract`: print the OpenAPI document, and check the files below `contracts/`."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import click
import msgspec

from cohere_conformance.checks.fold import FOLDS
from cohere_conformance.cli.proposing import apply, propose
from cohere_conformance.cli.witnesses import ROOT, require_witness, witnesses
from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.export import VERSIONS, as_openapi_31, exported
from cohere_conformance.contract.lint import lint as lint_documents
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from pathlib import Path

_FORMATS = ("terminal", "json", "markdown")
_FORM = click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="terminal",
    show_default=True,
    help="Format of the output.",
)


@click.group()
def contract() -> None:
    """Print the OpenAPI document, or check the contract files.

    \b
    Example:
      cohere-conformance contract bundle --amended --openapi 3.1 > cohere.json
    """


@contract.command()
@click.option("--amended", is_flag=True, help="Apply the amendments.")
@click.option(
    "--openapi",
    "version",
    type=click.Choice(VERSIONS),
    default=VERSIONS[0],
    show_default=True,
    help="OpenAPI version; in 3.1 the schema of a stream describes one server-sent event.",
)
@ROOT
def bundle(amended: bool, version: str, root: Path | None) -> int:
    """Print the OpenAPI document as one self-contained JSON document.

    \b
    Example:
      cohere-conformance contract bundle --amended --openapi 3.1 > cohere.json
    """
    declarations = load_declarations(root)
    document = declarations.published
    if amended:
        document = exported(declarations.amended, declarations.grammars)
    if version == "3.1":
        document = as_openapi_31(document)
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
    return 0


@contract.command()
@ROOT
def lint(root: Path | None) -> int:
    """Check the files below contracts/; the exit code is 1 if a rule is broken.

    After `contract apply`, it names what a new operation still lacks, with the file to edit: the tier for
    live runs, the handler of the reference server, a requirement and a case.

    \b
    Example:
      cohere-conformance contract lint
    """
    from cohere_conformance.cli.counterparts import missing_counterparts  # imports the reference server

    root = root or folder("contracts")
    problems = [*lint_documents(root, FOLDS), *missing_counterparts(root)]
    for problem in problems:
        click.echo(f"{problem.rule}: {problem.where}: {problem.message}")
    click.echo(f"{len(problems)} problems in {root}")
    return 1 if problems else 0


@contract.command()
@click.argument("old")
@click.argument("new")
@_FORM
@ROOT
def diff(old: str, new: str, form: str, root: Path | None) -> int:
    """Compare two descriptions of the API; the exit code is 1 if they differ, 3 if one cannot be read.

    OLD and NEW are each one of: ours (the shipped contract, amended), ours:published, an OpenAPI document
    (.yaml, .json, .json.gz), sdk (the installed cohere package), a wheel (.whl), NAME==VERSION (fetched with
    pip), an archive of npm (.tgz), npm:NAME@VERSION (fetched with npm; nothing else uses the network), or a
    .lap file. Each difference is breaking, additive or a notice for a client, and names the line of our
    contract to edit.

    \b
    Examples:
      cohere-conformance contract diff ours cohere==7.3.1
      cohere-conformance contract diff cohere-openapi.yaml ours --format markdown
    """
    # Imported here: no other command compares descriptions, and the others start faster without it.
    from cohere_conformance.drift.difference import difference
    from cohere_conformance.drift.render import as_json, as_markdown, as_text
    from cohere_conformance.drift.sources import facts_of

    found = difference(facts_of(old, root), facts_of(new, root))
    click.echo(dict(zip(_FORMATS, (as_text, as_json, as_markdown), strict=True))[form](found))
    return 1 if found.lines else 0


@contract.command()
@witnesses
@click.option("--update-lock", is_flag=True, help="Write what the witnesses know now to upstream.lock.")
@click.option("-v", "--verbose", is_flag=True, help="List what only the contract has, too.")
@_FORM
@ROOT
def drift(
    document: str | None,
    sdks: tuple[str, ...],
    traffic: Path | None,
    update_lock: bool,
    verbose: bool,
    form: str,
    root: Path | None,
) -> int:
    """Print what a document, SDKs and traffic show that the contract lacks; the exit code is 1 if anything.

    Each line names the witnesses and the line of the contract to edit. What only the contract has is
    counted: an older SDK lacks much of it, and traffic shows a part. contracts/upstream.lock holds a
    digest of what each document and SDK knew when it was last looked at; a witness with the same digest
    is "unchanged since" that day. The exit code is 3 if something cannot be read. The network is used
    for a URL, NAME==VERSION and npm:NAME@VERSION only.

    \b
    Examples:
      cohere-conformance contract drift --document cohere-openapi.yaml --sdk cohere==7.3.1
      cohere-conformance contract drift --sdk sdk --traffic conformance-report/report.json --format markdown
      cohere-conformance contract drift --document https://example.com/openapi.yaml --update-lock
    """
    # Imported here for the same reason as in `diff`.
    from cohere_conformance.drift.lock import LOCK, load_lock, save_lock
    from cohere_conformance.drift.named_witnesses import described
    from cohere_conformance.drift.render_drift import as_json, as_markdown, as_text
    from cohere_conformance.drift.sources import facts_of
    from cohere_conformance.drift.witnesses import drift_of
    from cohere_conformance.report import load

    require_witness(document, sdks, traffic)
    if update_lock and document is None and not sdks:
        raise click.UsageError("--update-lock needs --document or --sdk: traffic is not in the lock")
    root = root or folder("contracts")
    lock = load_lock(root / LOCK)
    report = load(traffic) if traffic is not None else None
    found = drift_of(facts_of("ours", root), root, described(document, sdks), report, lock)
    render = dict(zip(_FORMATS, (as_text, as_json, as_markdown), strict=True))[form]
    if update_lock:
        today = datetime.datetime.now(datetime.UTC).date()
        looked_at = [(one.name, one.digest, one.facts) for one in found.witnesses if one.digest]
        save_lock(root / LOCK, lock.updated(found.version, looked_at, today))
    click.echo(render(found, verbose=verbose))
    return 1 if found.found else 0


contract.add_command(propose)
contract.add_command(apply)
