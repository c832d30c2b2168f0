"""`serve`: the reference server on a port, with injected faults on request."""

from __future__ import annotations

import ipaddress
import math
from typing import TYPE_CHECKING

import click

from cohere_conformance.client.listening import USUAL_PORT, address, listen
from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference import ServerState

PROFILES = {
    "contract": "everything that the contract declares works, including retired operations and models",
    "live-2026": "like the live service in 2026: retired operations and models return 404",
}
_SECONDS = click.FloatRange(0, 3600)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=USUAL_PORT,
    show_default=True,
    help="Port to listen on; 0 takes any free one.",
)
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="contract",
    show_default=True,
    help="Behaviour where the contract and the live service differ.",
)
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="Inject a fault (see `list faults`); repeatable."
)
@click.option(
    "--step",
    type=_SECONDS,
    default=0.1,
    show_default=True,
    help="Seconds that each step of a job, a validation or a training takes.",
)
@click.option(
    "--pause", type=_SECONDS, default=0.0, show_default=True, help="Seconds between two events of a stream."
)
@click.option(
    "--time-per-request",
    type=_SECONDS,
    default=0.0,
    show_default=True,
    help="Seconds by which each request moves the server's clock ahead: jobs end after some requests, "
    "however quickly they follow each other.",
)
@click.option("--key", "keys", multiple=True, metavar="TEXT", help="Accept this API key as well; repeatable.")
def serve(
    host: str,
    port: int,
    profile: str,
    faults: tuple[str, ...],
    step: float,
    pause: float,
    time_per_request: float,
    keys: tuple[str, ...],
) -> int:
    """Run the reference server, a mock of the API with state, until Ctrl-C.

    \b
    Examples:
      cohere-conformance serve --port 8765
      cohere-conformance serve --port 0 --profile live-2026 --fault rerank.unsorted

    Point your client at the printed address, such as http://127.0.0.1:8765, with the API key reference-key.
    """
    # Imported here: the other commands need no web server, and start faster without it.
    from cohere_conformance.reference import Profile, ServerState, chosen
    from cohere_conformance.reference.server import serve as run

    for option, seconds in (
        ("--step", step),
        ("--pause", pause),
        ("--time-per-request", time_per_request),
    ):
        if math.isnan(seconds):
            raise UsageError(f"{option} nan: expected seconds such as 0.5")
    for key in keys:
        if not (key.isascii() and key.isprintable() and key and " " not in key):
            raise UsageError(f"--key {key!r}: expected a key that a header can carry: ASCII without blanks")
    on = chosen(faults)
    state = ServerState(
        profile=Profile(profile),
        faults=on,
        step=step,
        pause=pause,
        time_per_request=time_per_request,
        keys=keys,
    )
    with listen(host, port) as listening:
        url = address(listening)
        lines = list(_banner(url, state, keys))

        def ready() -> None:
            if not _loopback(host):
                warning = "everybody who reaches this machine can call the server"
                click.echo(f"warning: {host} is not a loopback address: {warning}", err=True)
            click.echo("\n".join(lines))

        run(state, listening, ready)
    click.echo("stopped")
    return 0


def _banner(url: str, state: ServerState, keys: tuple[str, ...]) -> Iterator[str]:
    from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL, masked

    yield f"listening on {url} (Ctrl-C stops)"
    yield f"profile  {state.profile.value}: {PROFILES[state.profile.value]}"
    accepted = [
        f"{PRODUCTION} (production)",
        f"{TRIAL} (trial: limited, with quota headers)",
        f"{EXPIRED} (rejected as expired)",
        # These may be real keys.
        *(f"{masked(key)} (production, from --key)" for key in keys),
    ]
    yield from _listed("keys", accepted)
    faults = sorted(state.faults, key=lambda one: one.name)
    yield from _listed("faults", [f"{one.name}: {one.sentence}" for one in faults] or ["none"])
    yield from _listed(
        "try", [f"curl -X POST {url}/v1/check-api-key -H 'authorization: Bearer {PRODUCTION}'"]
    )


def _listed(name: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{'' if number else name:<9}{line}"


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
