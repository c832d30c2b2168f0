"""A progress bar on standard error, where somebody can see it."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress

_PAUSE = 0.1
"""Seconds between two pictures of the bar."""


class ProgressBar:
    """Counts what is done; draws nothing unless standard error is a terminal.

    No thread draws it: a process may be forked or interrupted at any time.

    Args:
        description: what is done.
        total: how many times; `None` if that is not known.
        wanted: draw it where there is a terminal.
    """

    def __init__(self, description: str, total: int | None = None, *, wanted: bool = True) -> None:
        self._bar: Progress | None = None
        self._drawn = 0.0
        if not wanted or not on_terminal():
            return
        from rich.console import Console  # slow to import, and most calls have no terminal
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(_shown(description), total=total)
        self._bar.start()
        self._bar.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def drawn(self) -> bool:
        """Whether there is something to see."""
        return self._bar is not None

    def advance(self, number: int = 1, description: str = "") -> None:
        """Count what was done, and say what is done now."""
        if self._bar is None:
            return
        self._bar.advance(self._task, number)
        if description:
            self._bar.update(self._task, description=_shown(description))
        if (now := time.monotonic()) - self._drawn >= _PAUSE:
            self._drawn = now
            self._bar.refresh()

    def close(self) -> None:
        """Remove the bar; a second call does nothing."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _shown(description: str) -> str:
    from rich.markup import escape

    return escape(plain(description))


def on_terminal() -> bool:
    """Return whether standard error is a terminal that can rewrite a line."""
    stream = sys.stderr
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    except ValueError:  # it is closed
        return False
