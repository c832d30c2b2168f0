"""`check`: judge recorded traffic."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cohere_conformance import session
from cohere_conformance.baseline import in_force
from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.cli.output import deliver_traffic
from cohere_conformance.client.address import base_url
from cohere_conformance.data import folder
from cohere_conformance.errors import UsageError
from cohere_conformance.library import judged
from cohere_conformance.model import Severity
from cohere_conformance.report.render.progress import ProgressBar
from cohere_conformance.sdk.parsers import wanted
from cohere_conformance.session.engine import engine_of
from cohere_conformance.session.shapes import AUTO

EXAMPLES = ("conforming", "deviating")


@click.command()
@click.argument("traffic", nargs=-1, type=click.Path(path_type=str))
@click.option(
    "--example",
    type=click.Choice(EXAMPLES),
    help="Judge example exchanges that ship with the package (written by hand, not recorded).",
)
@click.option(
    "--as-published",
    is_flag=True,
    help="Compare with the OpenAPI document as published, without amendments and requirements.",
)
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="URL",
    help="Base URL of a gateway or mock that counts as the API; repeatable. Loopback addresses always do.",
)
@options.fail_on
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 256),
    help="Number of processes.  [default: one for each core where the files have more than 20 MB, else 1]",
)
@click.option(
    "--engine",
    metavar="dask[=ADDRESS]",
    help="Judge on a Dask cluster (the extra 'dask'): on this machine, or that of a scheduler, such as "
    "dask=tcp://10.0.0.7:8786.",
)
@options.baseline
@options.history
@options.sdk_effect
@click.option(
    "--sdk-effect-all",
    is_flag=True,
    help="Pass conforming responses through the official SDKs as well; what these do not return as it was "
    "sent is a finding (a gate before a release of an SDK).",
)
@options.observed
@options.report_dir
@options.verbose
@options.quiet
@configurable
def check(
    traffic: tuple[str, ...],
    example: str | None,
    as_published: bool,
    servers: tuple[str, ...],
    fail_on: str,
    jobs: int | None,
    engine: str | None,
    baseline: str | None,
    history: str | None,
    sdk_effect: bool | None,
    sdk_effect_node: str | None,
    sdk_effect_all: bool,
    observed: str | None,
    report_dir: Path,
    verbose: bool,
    quiet: bool,
) -> int:
    """Judge recorded TRAFFIC: files or folders of HAR archives, VCR cassettes, JSON Lines and more.

    Nothing is sent. The format of each file is recognised by its content.

    \b
    Examples:
      cohere-conformance check chat.har
      cohere-conformance check cassettes/ --server https://gateway.example/cohere
      cohere-conformance check cassettes/ --sdk-effect-all
      cohere-conformance check 's3://traffic/2026-11/*.jsonl' --engine dask=tcp://10.0.0.7:8786
    """
    paths = traffic
    if example is not None:
        paths = (*traffic, str(folder("cassettes") / "examples" / f"{example}.jsonl"))
    if not paths:
        raise UsageError("name at least one file or folder of recorded traffic, or --example conforming")
    for server in servers:
        base_url("--server", server)
    sdks = wanted(sdk_effect, sdk_effect_node)
    if sdk_effect_all and not sdks:
        raise UsageError(
            "--sdk-effect-all: expected an official SDK, got none; add --sdk-effect, which says why"
        )
    cluster = None if engine is None else engine_of(engine, jobs or 0)
    judge = session.Judge(
        session.JudgeSettings(
            as_published=as_published,
            servers=servers,
            sdks=sdks,
            gates_sdks=sdk_effect_all,
            observed=observed or AUTO,
        )
    )
    with ProgressBar("judging", wanted=not quiet) as bar:
        report = judged(
            paths,
            judge,
            fail_on=Severity(fail_on),
            jobs=jobs or 0,
            engine=cluster,
            progress=lambda file, count: bar.advance(count, f"judging {Path(file).name}"),
            arguments=tuple(sys.argv[1:]),
            baseline=in_force(baseline),
            interruptible=True,
        )
    kept = options.history_file(history, report_dir)
    return deliver_traffic(report, report_dir, kept, verbose=verbose, quiet=quiet)
