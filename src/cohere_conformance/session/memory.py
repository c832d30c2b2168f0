"""What a run remembers: the history of its target, and the shapes of its responses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.history import remember
from cohere_conformance.report import Report, write
from cohere_conformance.session.evidence import exercised_cases
from cohere_conformance.session.learning import LearningFile
from cohere_conformance.session.shapes import AUTO, KEYWORDS, NONE

if TYPE_CHECKING:
    import datetime

    from cohere_conformance.session.judging import Judge


class RunMemory:
    """What a run remembers.

    Args:
        history: file of earlier runs; `None` without one.
        shapes: what responses are compared with besides the contract: a file of observed shapes, `auto`,
            `shipped` or `none`.
        learn: whether the run adds to the file of observed shapes.

    Attributes:
        history: file of earlier runs, if there is one.
        compared: what responses are compared with: not yet the file that the first run is going to write.
        changed_at: when the file of observed shapes was changed, in nanoseconds; 0 if there is none.

    Raises:
        UsageError: there is nothing to add to, or the file is one of something else.
    """

    def __init__(self, history: Path | None = None, shapes: str = NONE, *, learn: bool = False) -> None:
        self.history = history
        self._learning = LearningFile(shapes) if learn else None
        self.compared = AUTO if self._learning is not None and self._learning.is_new else shapes
        path = Path(shapes)
        self.changed_at = path.stat().st_mtime_ns if shapes not in KEYWORDS and path.is_file() else 0

    def remember(self, report: Report, folder: Path, judge: Judge, day: datetime.date) -> Report:
        """Learn from a run that conforms, compare its report with the history, and add it there.

        Args:
            report: of the run.
            folder: of the report.
            judge: judges by the contract.
            day: of the run.

        Returns:
            The report, with what has changed; that is written as well.

        Raises:
            ReportError: a file cannot be read or written.
        """
        if self._learning is not None and report.footer.exit_code == 0:
            self._learning.add_run(folder, judge)
        if self.history is None:
            return report
        changed, _ = remember(
            self.history,
            report,
            lambda one: write(one, folder),
            folder=folder,
            exercised=exercised_cases(folder, report),
            day=day,
        )
        return changed
