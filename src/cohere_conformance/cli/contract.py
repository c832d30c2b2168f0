"""`contract`: the declared API itself, in one document, and whether its own documents are in order."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.export import VERSIONS, as_openapi_31, exported
from cohere_conformance.contract.lint import lint as lint_documents
from cohere_conformance.data import folder

_ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another folder of the layout of contracts/; the shipped one if not given.",
)


@click.group()
def contract() -> None:
    """Show and check the declared API."""


@contract.command()
@click.option("--amended", is_flag=True, help="With the amendments carried out, for validators to read.")
@click.option(
    "--openapi",
    "version",
    type=click.Choice(VERSIONS),
    default=VERSIONS[0],
    show_default=True,
    help="The version of OpenAPI; with 3.1 the schema of server-sent events describes one of them.",
)
@_ROOT
def bundle(amended: bool, version: str, root: Path | None) -> int:
    """Write the OpenAPI document to standard output as one self-contained JSON text.

    Example: cohere-conformance contract bundle --amended --openapi 3.1 > cohere.json
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
    """Check the documents below contracts/; exit code 1 if a rule is broken."""
    root = root or folder("contracts")
    problems = lint_documents(root)
    for problem in problems:
        click.echo(f"{problem.rule}: {problem.where}: {problem.message}")
    click.echo(f"{len(problems)} problems in {root}")
    return 1 if problems else 0
