"""The journals of one run in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.errors import ReportError
from cohere_conformance.report.ended import Ended, read_ended
from cohere_conformance.report.journal import WorkerJournal, read_journals
from cohere_conformance.report.line import Opening

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.report.header import Header


@dataclass(frozen=True)
class RunPart:
    """The journals of one run, which may be a shard of a larger one.

    Attributes:
        folder: where they are.
        journals: of its workers.
        openings: the first lines of these, at least one.
        ended: how the run ended; `None` if it has not, or no process leads it.
    """

    folder: Path
    journals: tuple[WorkerJournal, ...]
    openings: tuple[Opening, ...]
    ended: Ended | None

    @property
    def led(self) -> bool:
        """Whether a process leads the run and writes how it ended."""
        return any(opening.led for opening in self.openings)

    @property
    def planned(self) -> frozenset[str]:
        """Ids of the cases that its workers were going to run."""
        return frozenset(case for opening in self.openings for case in opening.planned or ())

    @property
    def complete(self) -> bool:
        """Whether every process ended by itself, and had tried what it was going to."""
        closings = [journal.closing for journal in self.journals]
        ended = self.ended is not None and not self.ended.interrupted
        return ended and all(closing is not None and not closing.interrupted for closing in closings)

    @property
    def header(self) -> Header:
        """The header of the worker that began first."""
        return min(self.openings, key=lambda one: (one.header.started_at, one.worker)).header


def run_part(folder: Path) -> RunPart:
    """Return the journals in a folder.

    Raises:
        ReportError: there is no journal, none has an opening, or they belong to several runs.
    """
    journals = read_journals(folder)
    begun = ((line for line in journal.lines() if isinstance(line, Opening)) for journal in journals)
    openings = tuple(opening for found in begun if (opening := next(found, None)) is not None)
    if not openings:
        raise ReportError(
            f"{folder}: expected a journal that begins with its opening, got none that does; "
            "the run was killed before it began, run it again"
        )
    if len({(one.run, one.header.contract_digest, one.header.mode) for one in openings}) > 1:
        raise ReportError(
            f"{folder}: expected the journals of one run, got those of several; "
            "name a folder of its own for each run with --report-dir, or clear this one"
        )
    return RunPart(folder, journals, openings, read_ended(folder, openings[0].run))
