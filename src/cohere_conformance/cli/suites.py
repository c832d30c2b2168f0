"""The options of the commands that run the suites, and how they become arguments of pytest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable, encoded, used
from cohere_conformance.cli.leftover import hint, ledger_file
from cohere_conformance.client.deadline import GRACE
from cohere_conformance.errors import UsageError
from cohere_conformance.session.suites import SuitesResult, pytest_arguments, run_suites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_REACHING = (
    click.option(
        "--live",
        is_flag=True,
        help="Allow a target that is somebody else's server; it is called with your key.",
    ),
    click.option(
        "--own-server/--no-own-server",
        default=None,
        help="The host in --url is yours, such as http://gateway:4000: allow http and everything that is "
        "allowed on this machine.",
    ),
    click.option(
        "--key-variable",
        metavar="NAME",
        help="Environment variable with the key, CO_API_KEY by default; '' sends none.",
    ),
    click.option(
        "--header",
        "headers",
        metavar="FIELD",
        multiple=True,
        help="Add a header field to every request, such as 'X-Tenant: ${TENANT}' with the value of an "
        "environment variable; repeatable.",
    ),
    *options.tls,
    click.option(
        "--request-timeout",
        metavar="SECONDS",
        type=click.FloatRange(0, min_open=True),
        help="Maximum time that one response may take; 120 by default, 180 with --live.",
    ),
)
_EMBEDDED = (
    click.option(
        "--fault",
        "faults",
        metavar="NAME",
        multiple=True,
        help="Inject a fault into the embedded reference server (see `list faults`); repeatable.",
    ),
)
"""For the embedded reference server only."""
_SERVER = (
    click.option(
        "--url",
        metavar="URL",
        help="Base URL of the target, or unix:///PATH for a Unix socket; by default the embedded reference "
        "server.",
    ),
    click.option(
        "--declares",
        metavar="NAMES",
        help="What the target implements: groups (chat), groups of one version (v2.chat), "
        "operations (POST /v2/chat). Everything by default.",
    ),
    click.option(
        "--without",
        metavar="NAMES",
        help="Features that the target does without, such as tools,thinking (see `list features`).",
    ),
    click.option(
        "--protocol-only",
        is_flag=True,
        help="Judge shape, framing, statuses and errors only: the target has canned answers.",
    ),
    click.option(
        "--profile",
        metavar="NAME",
        help="Expected behaviour: contract, or live-2026 (the default with --live).",
    ),
    click.option(
        "--allow",
        metavar="TIERS",
        help="With --live, allow these tiers as well: cheap-compute, creates, billed, destroys, retired.",
    ),
    click.option(
        "--model",
        "models",
        metavar="ROLE=NAME",
        multiple=True,
        help="Model that a role of the cases means, such as chat=command-a-03-2025; repeatable.  "
        "[default: a model that the target lists, else that of the profile]",
    ),
    click.option("--max-requests", metavar="N", type=click.IntRange(1), help="Maximum number of requests."),
    click.option(
        "--max-billed",
        metavar="AMOUNT",
        help="Stop when responses say that so much was billed, such as tokens=1500,search_units=40.",
    ),
    click.option(
        "--time-limit",
        metavar="TIME",
        help="End the whole run after this time: 90 (seconds), 5m or 1h. Created resources are then removed, "
        f"which takes at most {GRACE:g} seconds, and the exit code is 2.",
    ),
    click.option(
        "--patience",
        metavar="SECONDS",
        type=click.FloatRange(0),
        help="Maximum time to wait for a dataset, job or training to be ready.  [default: as each case "
        "declares; at most 60 with a target on this machine]",
    ),
    *_EMBEDDED,
    options.ledger,
)
_SCOPE = (
    click.option("--only", metavar="GROUPS", help="Run these groups only, such as chat,rerank."),
    click.option(
        "--case", "cases", metavar="ID", multiple=True, help="Run this case or test only; repeatable."
    ),
    options.fail_on,
    options.baseline,
    click.option("-n", "workers", metavar="N", type=click.IntRange(1, 64), help="Number of processes."),
    options.report_dir,
    options.verbose,
    options.quiet,
    click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED),
)


def scope(command: _Command) -> _Command:
    """Add the options that every command has that runs the suites."""
    return _with(_SCOPE, configurable(command))


def target(command: _Command) -> _Command:
    """Add the options that every command has that calls a target."""
    return _with((*_SERVER[:1], *_REACHING, *_SERVER[1:]), scope(command))


def two_servers(command: _Command) -> _Command:
    """Add the options of a command that calls two servers, and names them in options of its own."""
    server = [option for option in _SERVER[1:] if option not in _EMBEDDED]
    return _with((*_REACHING, *server), scope(command))


def reaching(command: _Command) -> _Command:
    """Add the options that say how a server is reached."""
    return _with(_REACHING, command)


def _with(added: Iterable[Callable[[_Command], _Command]], command: _Command) -> _Command:
    for option in reversed(tuple(added)):
        command = option(command)
    return command


def suites(
    given: Mapping[str, Any], further: Mapping[str, Iterable[object]], plugins: Iterable[str] = ()
) -> SuitesResult:
    """Run the suites, and return the outcome.

    Args:
        given: the options of the command by their names in Python; missing ones are left out.
        further: further options of the plugin, with their values.
        plugins: plugins of pytest to load besides our own.
    """
    # Plugins of the user's own project could interfere with the suites, and take longer to load than the
    # suites to run; the processes of -n inherit the variable.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    named: dict[str, Iterable[object]] = {
        name: [] if (value := given.get(name.replace("-", "_"))) is None else [value]
        for name in (
            "url",
            "only",
            "declares",
            "without",
            "profile",
            "allow",
            "max-requests",
            "max-billed",
            "time-limit",
            "patience",
            "request-timeout",
            "key-variable",
            "ca-file",
            "client-cert",
            "client-key",
            "seed",
            "shard",
            "fail-on",
            "baseline",
            "ledger",
            "observed",
            "report-dir",
        )
    }
    named["sdk-effect-node"] = [node] if (node := given.get("sdk_effect_node")) else []
    named |= {"case": given["cases"], "fault": given.get("faults", ()), "header": given.get("headers", ())}
    named["model"] = given.get("models", ())
    if (configuration := used()) is not None:
        named["configured"] = [encoded(configuration)]
    if "history" in given:
        file = options.history_file(given["history"], given["report_dir"], given.get("shard"))
        named["history"] = [] if file is None else [file]
    named |= further
    flags = [text for plugin in plugins for text in ("-p", plugin)]
    flags += ["--conformance-live"] if given.get("live") else []
    flags += ["--conformance-own-server"] if given.get("own_server") else []
    flags += ["--conformance-no-tls-verify"] if given.get("tls_verify") is False else []
    flags += ["--conformance-plan"] if given.get("plan") else []
    flags += ["--conformance-no-plan"] if given.get("no_plan") else []
    flags += ["--conformance-learn"] if given.get("learn") else []
    flags += ["--conformance-protocol-only"] if given.get("protocol_only") else []
    flags += ["--conformance-sdk-effect"] if given.get("sdk_effect") else []
    flags += ["--conformance-no-sdk-effect"] if given.get("sdk_effect") is False else []
    flags += ["-v"] if given.get("verbose") else ["-q"] if given.get("quiet") else []
    flags += ["-p", "xdist.plugin", "-n", str(given["workers"])] if given["workers"] else []
    _check_further(given["pytest_options"])
    lasting = given.get("url") is not None
    path = ledger_file(given.get("ledger"), given["report_dir"])
    known = hint(path, set(), "earlier runs") if lasting else set()
    outcome = run_suites(pytest_arguments(named, [*flags, *given["pytest_options"]]))
    if lasting:
        hint(path, known, "this run")
    if outcome.report is None and outcome.status == 0 and not given.get("plan"):
        click.echo(
            "cohere-conformance: nothing was sent: the arguments for pytest did not run any test", err=True
        )
    return outcome


def _check_further(arguments: Iterable[str]) -> None:
    """Reject -n after `--`, where pytest does not know the option."""
    for argument in arguments:
        if argument.startswith(("-n", "--numprocesses")):
            raise UsageError(f"-- {argument}: expected -n in front of --, such as: run -n 2 -- -x")
