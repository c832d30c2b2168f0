"""Options that several commands share."""

from pathlib import Path

import click

from cohere_conformance.golden import OWN
from cohere_conformance.report.render.parts import DEFAULT_FOLDER

report_dir = click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(DEFAULT_FOLDER),
    show_default=True,
    help="The folder of report.json and report.md.",
)

verbose = click.option(
    "-v", "--verbose", is_flag=True, help="Print the full report; the short one has the worst findings only."
)

cassettes = click.option(
    "--cassettes",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the golden cassettes.  [default: cassettes where it has some, else those shipped]",
)
"""Of a command that reads them."""
own_cassettes = click.option(
    "--cassettes",
    type=click.Path(file_okay=False, path_type=Path),
    default=OWN,
    show_default=True,
    help="The folder of the golden cassettes.",
)
"""Of a command that writes them."""
