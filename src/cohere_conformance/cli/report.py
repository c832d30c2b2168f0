"""`report`: build the report of a run from its journals, even if the run was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.cli.output import deliver
from cohere_conformance.contract import load_contract
from cohere_conformance.session.evidence import publish

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.report_dir
@options.verbose
@configurable
def report(report_dir: Path, verbose: bool) -> int:
    """Build the report of a run from its journals, also of one that was interrupted or killed.

    Partial results of an interrupted run are included; the exit code is then 2.

    \b
    Example:
      cohere-conformance report --report-dir conformance-report
    """
    return deliver(report_dir, lambda: publish(report_dir, load_contract()), verbose=verbose)
