"""`run` and `fuzz`: send test cases, or requests generated from the contract, to a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cohere_conformance.cli import options
from cohere_conformance.cli.suites import suites, target
from cohere_conformance.fuzz.effort import FuzzProfile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@click.command()
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    help="Shuffle the lifecycle tests with this seed.",
)
@click.option(
    "--learn",
    is_flag=True,
    help="If the target conforms, add what its responses have shown to the file in --observed.",
)
@options.shard
@click.option(
    "--plan",
    is_flag=True,
    help="Print which cases this night would send to a live target and what that can cost; send nothing.",
)
@options.no_plan
@options.history
@options.sdk_effect
@options.observed
@target
def run(**given: Any) -> int:
    """Run the test cases against a target, judge every response, and write a report.

    Without --url the target is the embedded reference server: no key, no network. Arguments after `--` are
    passed to pytest.

    \b
    Examples:
      cohere-conformance run
      cohere-conformance run --url http://localhost:4000 --declares v2.chat,rerank -n 4
      CO_API_KEY=... cohere-conformance run --url https://api.cohere.com --live --history runs.db
      cohere-conformance run --url https://api.cohere.com --live --plan
      cohere-conformance run --only chat -- -x --pdb
    """
    outcome = suites(given, {})
    return outcome.status if given["plan"] else outcome.code


@click.command()
@click.option(
    "--fuzz-profile",
    type=click.Choice([profile.value for profile in FuzzProfile]),
    default=FuzzProfile.GATE.value,
    show_default=True,
    help="How many requests are sent: seconds, a minute, or a night.",
)
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the random choices; the same seed sends the same requests.",
)
@click.option(
    "--max-examples",
    metavar="N",
    type=click.IntRange(0),
    help="Maximum number of requests with several changes for each operation.",
)
@click.option(
    "--example-db",
    metavar="DB",
    help="Where failing examples are stored, to be sent first next time: folder or redis://host:port/number. "
    "[default: examples in the report folder]",
)
@options.shard
@options.history
@options.sdk_effect
@options.observed
@target
def fuzz(
    fuzz_profile: str,
    max_examples: int | None,
    example_db: str | None,
    report_dir: Path,
    **given: Any,
) -> int:
    """Send requests generated from the contract to a target, judge every response, and write a report.

    Each operation receives valid requests, requests that break exactly one rule, and malformed HTTP requests.
    On a live host only free read operations are fuzzed; --allow adds more.

    \b
    Examples:
      cohere-conformance fuzz --url http://localhost:4000 --only chat
      cohere-conformance fuzz --fuzz-profile smoke --seed 7
    """
    further: dict[str, Iterable[object]] = {
        "fuzz": [fuzz_profile],
        "max-examples": [] if max_examples is None else [max_examples],
        "example-db": [example_db or report_dir / "examples"],
    }
    return suites({**given, "report_dir": report_dir}, further).code
