"""Says that something of earlier runs, or of this one, may be left on a target."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from cohere_conformance.client.ledger import LEDGER_FILE, open_entries, targets
from cohere_conformance.report.render.parts import DEFAULT_FOLDER
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity


def ledger_file(given: str | None, report_dir: Path) -> Path:
    """Return the ledger of a run.

    Args:
        given: the option `--ledger`.
        report_dir: folder of the report.
    """
    return Path(given) if given else report_dir / LEDGER_FILE


def hint(path: Path, known: set[str], when: str) -> set[str]:
    """Print that something may be left on a target, unless it is known, and return what is open.

    Args:
        path: the ledger.
        known: entries that were reported already.
        when: which runs have created it, for the message.
    """
    opened = open_entries(path)
    new = [one for one in opened if one.first.entry not in known]
    if new:
        where = " and ".join(targets(new))
        option = "" if path == Path(DEFAULT_FOLDER) / LEDGER_FILE else f" --ledger {shlex.quote(str(path))}"
        text = (
            f"cohere-conformance: {quantity(len(new), 'resource')} of {when} may be left on {where}; "
            f"remove with: cohere-conformance sweep{option}"
        )
        click.echo(plain(text, longest=None), err=True)
    return {one.first.entry for one in opened}
