"""`report`: tell a run again from its journals, also one that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cohere_conformance.cli import options
from cohere_conformance.cli.output import deliver
from cohere_conformance.contract import load_contract
from cohere_conformance.session.evidence import publish

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.report_dir
@options.verbose
def report(report_dir: Path, verbose: bool) -> int:
    """Build the report of a run again from its journals.

    Partial results of a run that did not come to its end are included; the exit code is then 2.
    """
    return deliver(report_dir, lambda: publish(report_dir, load_contract()), verbose=verbose)
