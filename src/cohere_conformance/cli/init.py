"""`init`: asks a server what it has, and writes a configuration file for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cohere_conformance.cli.server import server_options
from cohere_conformance.cli.suites import reaching
from cohere_conformance.client.added import field_of
from cohere_conformance.configuration.find import FILE
from cohere_conformance.configuration.load import load
from cohere_conformance.configuration.schema import URL as SCHEMA
from cohere_conformance.contract import load_contract
from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.report.verdict import quantity
from cohere_conformance.session.plan import TargetKind, plan
from cohere_conformance.session.survey import Survey, names_of, survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract import Contract

_PAGE = "https://cohere-conformance.github.io/cohere-conformance/configuration/"


@click.command()
@click.argument("url")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path(FILE),
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@reaching
def init(url: str, output: Path, force: bool, **given: Any) -> None:
    """Ask a server which operations of the API it has, and write a configuration file for it.

    One request is sent for each operation that only reads, or computes and stores nothing. The file has the
    base path at which the API begins, the variable of the key, and what the server declares, with comments.

    \b
    Examples:
      cohere-conformance init http://localhost:4000
      cohere-conformance init http://gateway:4000 --own-server --key-variable GATEWAY_KEY
    """
    if output.exists() and not force:
        raise UsageError(f"{output}: expected no file, got one; name another with --output, or add --force")
    contract = load_contract()
    planned = plan(server_options(url, given), contract.groups, os.environ)
    found = survey(planned, contract)
    local = planned.target_kind is TargetKind.OWN and not given["own_server"]
    text = "\n".join(_lines(found, contract, given, local=local)) + "\n"
    _write(output, text)
    load(output)  # what is written can be read
    asked = len(found.statuses)
    click.echo(
        f"{found.where.shown}: {quantity(asked, 'operation')} asked, {len(found.present)} found, "
        f"{len(found.missing)} not found"
    )
    if found.refused:
        click.echo(
            f"the server refuses the key in {planned.key_variable or KEY_VARIABLE}: set it and try again"
        )
    click.echo(f"wrote {output}; next: cohere-conformance run{' --live' if given['live'] else ''}")


def _lines(found: Survey, contract: Contract, given: Mapping[str, Any], *, local: bool) -> Iterator[str]:
    """Yield the lines of the file."""
    yield f"#:schema {SCHEMA}"
    yield f"# Written by cohere-conformance init. Every key is explained at {_PAGE}"
    yield "# Options of the command line win over this file."
    yield ""
    yield f"url = {_text(found.where.shown)}"
    if given["own_server"]:
        yield "own = true  # the host is yours: http and every operation are allowed"
    yield from _key(found, given)
    yield ""
    yield from _declares(found, contract)
    yield ""
    yield "# Features that the server does not have, such as tools or citations."
    yield '# without = ["tools"]'
    yield "# Least severity that fails a run: breaking tolerates undocumented properties."
    yield '# fail-on = "breaking"'
    yield '# report-dir = "conformance-report"'
    if given["headers"]:
        yield ""
        yield "[headers]"
        yield from (f"{_text(name)} = {_text(value)}" for name, value in map(field_of, given["headers"]))
    yield from _tls(given)
    yield ""
    yield from _models(found)
    yield ""
    yield "[limits]"
    yield from _limits(given, local=local)


def _key(found: Survey, given: Mapping[str, Any]) -> Iterator[str]:
    variable = given["key_variable"]
    if found.keyless and variable is None:
        yield 'key-variable = ""  # the server answers requests without a key, so none is sent'
        return
    if found.refused:
        yield "# The server refuses the key in this environment variable, or it is not set."
    yield f"key-variable = {_text(KEY_VARIABLE if variable is None else variable)}"


def _declares(found: Survey, contract: Contract) -> Iterator[str]:
    names = names_of(found, contract)
    if found.anything:
        yield "# The server answers requests for any path, so this may be more than it implements."
    if found.refused:
        yield "# What the server has is not known, because it refuses the key."
        yield '# declares = ["v2.chat", "rerank"]'
    elif not names:
        yield "# The server has every operation that was asked. To test fewer:"
        yield '# declares = ["v2.chat", "rerank"]'
    else:
        yield "# Groups, groups of one version, or operations. Everything else is not tested."
        yield "declares = ["
        yield from (f"  {_text(name)}," for name in names)
        yield "]"
    if found.missing:
        yield f"# Not found (status 404, 405 or 501): {', '.join(sorted(found.missing))}"
    silent = sorted(label for label, status in found.statuses.items() if not status)
    if silent:
        yield f"# No response: {', '.join(silent)}"


def _tls(given: Mapping[str, Any]) -> Iterator[str]:
    said = {
        name.replace("_", "-"): given[name]
        for name in ("ca_file", "client_cert", "client_key")
        if given[name]
    }
    if given["tls_verify"] is False or said:
        yield ""
        yield "[tls]"
        if given["tls_verify"] is False:
            yield "verify = false"
        yield from (f"{key} = {_text(str(Path(value).resolve()))}" for key, value in said.items())


def _models(found: Survey) -> Iterator[str]:
    """Yield the models, as comments: a run chooses them from the same list."""
    yield "# The model of each role of the cases; by default chosen from those that the server lists."
    yield "# [models]"
    for one in found.models:
        yield f"# {one.role} = {_text(one.model)}"


def _limits(given: Mapping[str, Any], *, local: bool) -> Iterator[str]:
    if given["request_timeout"]:
        yield f"request-timeout = {given['request_timeout']:g}  # seconds that one response may take"
    else:
        usual = 120 if local or given["own_server"] else 180
        yield f"# request-timeout = {usual}  # seconds that one response may take"
    yield "# patience = 60  # seconds to wait for a dataset, job or training"
    yield "# max-requests = 5000"
    yield "# n = 4  # processes"


def _text(value: str) -> str:
    """Return a text of TOML, on one line and without control characters."""
    shown = "".join(one if one.isprintable() else "?" for one in value)
    return json.dumps(shown, ensure_ascii=False)


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{output}: expected a file to write to, got: {error.strerror or error}") from error
