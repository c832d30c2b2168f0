"""Options that several commands share."""

from pathlib import Path

import click

from cohere_conformance.report.render.parts import DEFAULT_FOLDER

report_dir = click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(DEFAULT_FOLDER),
    show_default=True,
    help="The folder of report.json and report.md.",
)
