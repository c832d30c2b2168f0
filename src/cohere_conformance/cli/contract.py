"""`contract`: print the OpenAPI document, and check the files below `contracts/`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from cohere_conformance.checks.fold import FOLDS
from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.export import VERSIONS, as_openapi_31, exported
from cohere_conformance.contract.lint import lint as lint_documents
from cohere_conformance.data import folder

_FORMATS = ("terminal", "json", "markdown")
_ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with the layout of contracts/; the shipped one by default.",
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
@_ROOT
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
@_ROOT
def lint(root: Path | None) -> int:
    """Check the files below contracts/; the exit code is 1 if a rule is broken.

    \b
    Example:
      cohere-conformance contract lint
    """
    root = root or folder("contracts")
    problems = lint_documents(root, FOLDS)
    for problem in problems:
        click.echo(f"{problem.rule}: {problem.where}: {problem.message}")
    click.echo(f"{len(problems)} problems in {root}")
    return 1 if problems else 0


@contract.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="terminal",
    show_default=True,
    help="Format of the output.",
)
@_ROOT
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
