"""`report export`: the exchanges of a run for other tools."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from cohere_conformance.privacy import redact
from cohere_conformance.recordings.archive import ArchiveWriter
from cohere_conformance.report import Record, read_journals
from cohere_conformance.report.coverage import UnreadableInput
from cohere_conformance.report.render.parts import DEFAULT_FOLDER
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import CONFORMS, INCOMPLETE, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Exchange
    from cohere_conformance.report import WorkerJournal


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path(DEFAULT_FOLDER))
@click.option(
    "--har",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="The HTTP archive (HAR 1.2) to write.",
)
def export(folder: Path, har: Path) -> int:
    """Write every exchange of a run to an HTTP archive, without keys, in the order in which they were sent.

    FOLDER is that of the report, with the journals of the run, which may have been killed. Bodies that were
    too long for the journal are left out. The exit code is 3 if a line of a journal cannot be read.

    \b
    Example:
      cohere-conformance report export --har run.har
    """
    unreadable: list[UnreadableInput] = []
    journals = [_exchanges(journal, unreadable) for journal in read_journals(folder)]
    with ArchiveWriter(har) as archive:
        for exchange in heapq.merge(*journals, key=_sent_at):
            archive.add(exchange)
    click.echo(plain(f"wrote {quantity(archive.entries, 'exchange')} to {har}"))
    for one in unreadable:
        click.echo(plain(f"left out: {one.file}: {one.where}: {one.reason}"), err=True)
    return INCOMPLETE if unreadable else CONFORMS


def _exchanges(journal: WorkerJournal, unreadable: list[UnreadableInput]) -> Iterator[Exchange]:
    """Yield the exchanges of one worker; collect the lines that cannot be read."""
    for line in journal.lines():
        if isinstance(line, UnreadableInput):
            unreadable.append(line)
        elif isinstance(line, Record) and line.exchange is not None:
            yield redact.exchange(_without_cut(line, line.exchange))


def _without_cut(record: Record, exchange: Exchange) -> Exchange:
    """Return an exchange without the bodies of which the journal has only a part."""
    request, response = exchange.request, exchange.response
    if any(one.startswith("request body") for one in record.cut):
        request = replace(request, body=None)
    if any(one.startswith("response body") for one in record.cut):
        response = replace(response, body=None, arrivals=())
    return replace(exchange, request=request, response=response)


def _sent_at(exchange: Exchange) -> str:
    return exchange.source.recorded_at or ""
