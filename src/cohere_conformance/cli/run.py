"""`run`: the suites against a target. pytest runs them; this only says so in fewer words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from cohere_conformance.cli import options
from cohere_conformance.model import Severity
from cohere_conformance.session.suites import pytest_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@click.command()
@click.option(
    "--url", metavar="URL", help="Base URL of the target; the embedded reference server if not given."
)
@click.option("--live", is_flag=True, help="The target may be another host; it is called with CO_API_KEY.")
@click.option("--only", metavar="GROUPS", help="Run these groups only, such as chat,rerank.")
@click.option("--case", "cases", metavar="ID", multiple=True, help="Run this case only; repeatable.")
@click.option(
    "--declares", metavar="GROUPS", help="The groups that the target implements; it is judged on these."
)
@click.option(
    "--profile", metavar="NAME", help="What the target is: contract, or live-2026 (the default with --live)."
)
@click.option("--allow", metavar="TIERS", help="With --live: send these tiers as well (N2, N3, D, X).")
@click.option(
    "--max-requests", metavar="N", type=click.IntRange(1), help="Never send more requests than this."
)
@click.option(
    "--fault",
    "faults",
    metavar="NAME",
    multiple=True,
    help="Make the embedded server wrong; see `list faults`.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    help="Call the target in other orders than usual, the same ones for the same number.",
)
@click.option(
    "--fail-on",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.ADDITIVE.value,
    show_default=True,
    help="The least severity that makes the exit code 1.",
)
@click.option("-n", "workers", metavar="N", type=click.IntRange(1, 64), help="Processes that send.")
@options.report_dir
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def run(
    url: str | None,
    live: bool,
    only: str | None,
    cases: tuple[str, ...],
    declares: str | None,
    profile: str | None,
    allow: str | None,
    max_requests: int | None,
    faults: tuple[str, ...],
    seed: int | None,
    fail_on: str,
    workers: int | None,
    report_dir: Path,
    pytest_options: tuple[str, ...],
) -> int:
    """Send the written cases to a target, judge every answer, and report.

    Without --url the target is the reference server, in this process: no key, no network. What follows `--`
    goes to pytest.
    """
    # Only this command pays for it. Plugins of the caller's own project have no business in the suites, and
    # take longer to load than the suites to run; the variable is handed on to the processes of -n.
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    told: dict[str, Iterable[object]] = {
        "url": [url] if url else [],
        "only": [only] if only else [],
        "case": cases,
        "declares": [declares] if declares else [],
        "profile": [profile] if profile else [],
        "allow": [allow] if allow else [],
        "max-requests": [max_requests] if max_requests else [],
        "fault": faults,
        "seed": [] if seed is None else [seed],
        "fail-on": [fail_on],
        "report-dir": [report_dir],
    }
    further = ["--conformance-live"] if live else []
    further += ["-p", "xdist.plugin", "-n", str(workers)] if workers else []
    return int(pytest.main(pytest_arguments(told, [*further, *pytest_options])))
