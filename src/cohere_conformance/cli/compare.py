"""`compare`: what a gateway changes in the responses of its upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cohere_conformance.cli.suites import suites, two_servers
from cohere_conformance.client.address import address
from cohere_conformance.errors import UsageError
from cohere_conformance.golden import find
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import CONFORMS, DEVIATES, INCOMPLETE, WRONG_CALL, quantity
from cohere_conformance.session.evidence import clear_report

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.client.address import Address

_UPSTREAM = "upstream"
"""Folder in that of the report for the responses of the upstream."""


@click.command()
@click.option("--upstream", required=True, metavar="URL", help="Base URL of the server behind the gateway.")
@click.option(
    "--gateway",
    "url",
    metavar="URL",
    help="Base URL of the gateway.  [default: url of the configuration file]",
)
@click.option(
    "--upstream-key-variable",
    metavar="NAME",
    help="Environment variable with the key for the upstream.  [default: CO_API_KEY]",
)
@click.option(
    "--upstream-header",
    "upstream_headers",
    metavar="FIELD",
    multiple=True,
    help="Add a header field to every request to the upstream; --header is for the gateway. Repeatable.",
)
@two_servers
def compare(
    upstream: str,
    upstream_key_variable: str | None,
    upstream_headers: tuple[str, ...],
    report_dir: Path,
    **given: Any,
) -> int:
    """Send the test cases to a server and then through a gateway to it, and report what the gateway changes.

    Status, header fields, bodies and streams are compared by meaning, as `verify` does it; a stream that is
    held back is a finding, too. Deviations of the upstream itself are not reported.

    \b
    Example:
      cohere-conformance compare --upstream http://localhost:8000 --gateway http://localhost:4000 --only chat
    """
    from cohere_conformance.golden.recorder import STAGED  # imports the web server

    if given["url"] is None:
        raise UsageError("expected --gateway URL, got none")
    behind, gateway = address("--upstream", upstream), address("--gateway", given["url"])
    if behind == gateway:
        raise UsageError("--gateway: expected another address than --upstream, got the same")
    # What a file says of the host of the gateway is not true of another one.
    source = click.get_current_context().get_parameter_source("own_server")
    own = given["own_server"] if source is ParameterSource.COMMANDLINE else None
    live = _live(behind, given["live"], own), _live(gateway, given["live"], given["own_server"])
    if given["live"] and not any(live):
        raise UsageError("--live is for the server of somebody else: expected one, got two of yours")
    # One profile for both: it decides what is sent.
    profile = given["profile"] or ("live-2026" if live[0] else "contract")
    folder = report_dir / _UPSTREAM
    clear_report(report_dir)
    click.echo(plain(f"upstream {behind.shown}"))
    captured = suites(
        {
            **given,
            "url": upstream,
            "live": live[0],
            "own_server": own,
            "profile": profile,
            "key_variable": upstream_key_variable,
            "headers": upstream_headers,
            "client_cert": None,
            "client_key": None,
            "baseline": None,
            "history": None,
            "report_dir": folder,
            "verbose": False,
            "quiet": True,
        },
        {"golden": ["capture"]},
    )
    if captured.code == WRONG_CALL:
        return captured.code
    if captured.report is None or not captured.complete:
        click.echo(f"compared nothing: the responses of the upstream are incomplete; see {folder}")
        return INCOMPLETE if captured.code in {CONFORMS, DEVIATES} else captured.code
    number = quantity(len(find(folder / STAGED)), "response")
    click.echo()
    click.echo(plain(f"gateway  {gateway.shown}, compared with {number} of the upstream"))
    return suites(
        {**given, "live": live[1], "profile": profile, "report_dir": report_dir},
        {"golden": ["gateway"], "cassettes": [folder / STAGED], "compare": ["values"]},
    ).code


def _live(server: Address, live: bool, own: bool | None) -> bool:
    """Return whether a server is called as that of somebody else."""
    return live and not server.is_local and not own
