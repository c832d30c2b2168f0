"""How commands run the suites: pytest does, and this only says so in fewer words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cohere_conformance.cli import options
from cohere_conformance.client.deadline import GRACE
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Severity
from cohere_conformance.session.suites import Outcome, pytest_arguments, run_suites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_SERVER = (
    click.option(
        "--url", metavar="URL", help="Base URL of the target; the embedded reference server if not given."
    ),
    click.option(
        "--live", is_flag=True, help="The target may be another host; it is called with CO_API_KEY."
    ),
    click.option(
        "--declares",
        metavar="NAMES",
        help="What the target implements, and is judged on: groups (chat), groups of one version (v2.chat), "
        "operations (POST /v2/chat).",
    ),
    click.option(
        "--profile",
        metavar="NAME",
        help="What the target is: contract, or live-2026 (the default with --live).",
    ),
    click.option(
        "--allow", metavar="TIERS", help="With --live: send these tiers as well (N1, N2, N3, D, X)."
    ),
    click.option(
        "--max-requests", metavar="N", type=click.IntRange(1), help="Never send more requests than this."
    ),
    click.option(
        "--time-limit",
        metavar="TIME",
        help="End the whole run after this time: 90 (seconds), 5m or 1h. What it made is then removed, "
        f"for at most {GRACE:g} seconds more, and the exit code is 2.",
    ),
    click.option(
        "--patience",
        metavar="SECONDS",
        type=click.FloatRange(0),
        help="Wait this long for each dataset, job or training that is not ready.  [default: what each case "
        "says; at most 60 with a target on this machine]",
    ),
    click.option(
        "--fault",
        "faults",
        metavar="NAME",
        multiple=True,
        help="Make the embedded server wrong; see `list faults`.",
    ),
)
_SCOPE = (
    click.option("--only", metavar="GROUPS", help="These groups only, such as chat,rerank."),
    click.option("--case", "cases", metavar="ID", multiple=True, help="This case or test only; repeatable."),
    click.option(
        "--fail-on",
        type=click.Choice([severity.value for severity in Severity]),
        default=Severity.ADDITIVE.value,
        show_default=True,
        help="The least severity that makes the exit code 1.",
    ),
    click.option("-n", "workers", metavar="N", type=click.IntRange(1, 64), help="Processes."),
    options.report_dir,
    options.verbose,
    click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED),
)


def scope(command: _Command) -> _Command:
    """Add what is told of a run, alike for every command that runs the suites."""
    return _with(_SCOPE, command)


def target(command: _Command) -> _Command:
    """Add what is told of a target as well, alike for every command that calls one."""
    return _with(_SERVER, scope(command))


def _with(added: Iterable[Callable[[_Command], _Command]], command: _Command) -> _Command:
    for option in reversed(tuple(added)):
        command = option(command)
    return command


def suites(
    told: Mapping[str, Any], further: Mapping[str, Iterable[object]], plugins: Iterable[str] = ()
) -> Outcome:
    """Run the suites, and return what the run comes to.

    Args:
        told: the options of the command, by their names in Python; what it does not have is not told.
        further: options of the plugin, with their values.
        plugins: of pytest, beside our own.
    """
    # Plugins of the caller's own project have no business in the suites, and take longer to load than the
    # suites to run; the variable is handed on to the processes of -n.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    named: dict[str, Iterable[object]] = {
        name: [] if (value := told.get(name.replace("-", "_"))) is None else [value]
        for name in (
            "url",
            "only",
            "declares",
            "profile",
            "allow",
            "max-requests",
            "time-limit",
            "patience",
            "seed",
            "fail-on",
            "report-dir",
        )
    }
    named |= {"case": told["cases"], "fault": told.get("faults", ()), **further}
    flags = [text for plugin in plugins for text in ("-p", plugin)]
    flags += ["--conformance-live"] if told.get("live") else []
    flags += ["-v"] if told.get("verbose") else []
    flags += ["-p", "xdist.plugin", "-n", str(told["workers"])] if told["workers"] else []
    _check_further(told["pytest_options"])
    outcome = run_suites(pytest_arguments(named, [*flags, *told["pytest_options"]]))
    if outcome.report is None and outcome.status == 0:
        click.echo("cohere-conformance: nothing was sent: pytest was asked for something else", err=True)
    return outcome


def _check_further(arguments: Iterable[str]) -> None:
    """Say what has to be in front of `--`: there it would be an option that pytest does not know."""
    for argument in arguments:
        if argument.startswith(("-n", "--numprocesses")):
            raise UsageError(f"-- {argument}: expected -n in front of --, such as: run -n 2 -- -x")
