"""`run` and `fuzz`: the written cases, and what is derived from the contract, against a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

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
    help="Call the target in other orders than usual, the same ones for the same number.",
)
@target
def run(**told: Any) -> int:
    """Send the written cases to a target, judge every answer, and report.

    Without --url the target is the reference server, in this process: no key, no network. What follows `--`
    goes to pytest.
    """
    return suites(told, {}).code


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
    "--example-db",
    metavar="DB",
    help="Where failing examples are kept, to be tried first next time: folder or redis://host:port/number. "
    "[default: examples, beside the report]",
)
@target
def fuzz(
    fuzz_profile: str,
    max_examples: int | None,
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
        "example-db": [example_db or report_dir / "examples"],
    }
    return suites({**told, "report_dir": report_dir}, further).code
