"""`report`: tell a run again from its journals, also one that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console

from cohere_conformance.cli import options
from cohere_conformance.contract import load_contract
from cohere_conformance.report import render_terminal
from cohere_conformance.session.evidence import publish

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.report_dir
def report(report_dir: Path) -> int:
    """Build the report of a run again from its journals; what was killed is told as far as it came."""
    told, files = publish(report_dir, load_contract())
    render_terminal(told, Console(soft_wrap=False), folder=str(report_dir))
    click.echo(f"wrote {', '.join(str(path) for path in files)}")
    return told.footer.exit_code
