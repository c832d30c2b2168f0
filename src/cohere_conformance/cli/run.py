"""`run` and `fuzz`: the suites against a target. pytest runs them; this only says so in fewer words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cohere_conformance.cli import options
from cohere_conformance.fuzz.effort import FuzzProfile
from cohere_conformance.model import Severity
from cohere_conformance.session.suites import pytest_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_TARGET = (
    click.option(
        "--url", metavar="URL", help="Base URL of the target; the embedded reference server if not given."
    ),
    click.option(
        "--live", is_flag=True, help="The target may be another host; it is called with CO_API_KEY."
    ),
    click.option("--only", metavar="GROUPS", help="Call these groups only, such as chat,rerank."),
    click.option(
        "--case", "cases", metavar="ID", multiple=True, help="Run this case or test only; repeatable."
    ),
    click.option(
        "--declares", metavar="GROUPS", help="The groups that the target implements; it is judged on these."
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
        "--fault",
        "faults",
        metavar="NAME",
        multiple=True,
        help="Make the embedded server wrong; see `list faults`.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice([severity.value for severity in Severity]),
        default=Severity.ADDITIVE.value,
        show_default=True,
        help="The least severity that makes the exit code 1.",
    ),
    click.option("-n", "workers", metavar="N", type=click.IntRange(1, 64), help="Processes that send."),
    options.report_dir,
    click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED),
)


def _target(command: _Command) -> _Command:
    """Add what is told of a target, alike for every command that calls one."""
    for option in reversed(_TARGET):
        command = option(command)
    return command


@click.command()
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    help="Call the target in other orders than usual, the same ones for the same number.",
)
@_target
def run(**told: Any) -> int:
    """Send the written cases to a target, judge every answer, and report.

    Without --url the target is the reference server, in this process: no key, no network. What follows `--`
    goes to pytest.
    """
    return _suites(told, {})


@click.command()
@click.option(
    "--fuzz-profile",
    type=click.Choice([profile.value for profile in FuzzProfile]),
    default=FuzzProfile.GATE.value,
    show_default=True,
    help="How much is sent.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="What is drawn; the same requests for the same number.",
)
@click.option(
    "--max-examples",
    metavar="N",
    type=click.IntRange(0),
    help="Requests with several changes, for each operation.",
)
@click.option(
    "--time-limit", metavar="SECONDS", type=click.FloatRange(0), help="Derive no requests after this time."
)
@click.option(
    "--example-db",
    metavar="DB",
    help="Where failing examples are kept, to be tried first next time: folder or redis://host:port/number. "
    "[default: examples, beside the report]",
)
@_target
def fuzz(
    fuzz_profile: str,
    max_examples: int | None,
    time_limit: float | None,
    example_db: str | None,
    report_dir: Path,
    **told: Any,
) -> int:
    """Send what is derived from the contract to a target, judge every answer, and report.

    Each operation gets requests that keep every rule, requests that break exactly one, and requests that are
    odd below all rules. Against a live host only what costs nothing is fuzzed; --allow names more.
    """
    further: dict[str, Iterable[object]] = {
        "fuzz": [fuzz_profile],
        "max-examples": [] if max_examples is None else [max_examples],
        "time-limit": [] if time_limit is None else [time_limit],
        "example-db": [example_db or report_dir / "examples"],
    }
    return _suites({**told, "report_dir": report_dir}, further)


def _suites(told: dict[str, Any], further: dict[str, Iterable[object]]) -> int:
    # Only these commands pay for it. Plugins of the caller's own project have no business in the suites, and
    # take longer to load than the suites to run; the variable is handed on to the processes of -n.
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    named: dict[str, Iterable[object]] = {
        name: [] if told[name.replace("-", "_")] is None else [told[name.replace("-", "_")]]
        for name in (
            "url",
            "only",
            "declares",
            "profile",
            "allow",
            "max-requests",
            "seed",
            "fail-on",
            "report-dir",
        )
    }
    named |= {"case": told["cases"], "fault": told["faults"], **further}
    flags = ["--conformance-live"] if told["live"] else []
    flags += ["-p", "xdist.plugin", "-n", str(told["workers"])] if told["workers"] else []
    return int(pytest.main(pytest_arguments(named, [*flags, *told["pytest_options"]])))
