"""Accepted drift: findings that somebody has decided to live with, for a time and for a reason."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.report.header import EntryProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from cohere_conformance.report.header import Acceptance, AcceptedDrift
    from cohere_conformance.report.shape import Cause, Row


class Accepted(msgspec.Struct, frozen=True):
    """What a baseline makes of the findings of a report.

    Attributes:
        fingerprints: of the findings that it accepts.
        problems: what is wrong with its entries.
        unseen: how many entries are about operations that were not called.
    """

    fingerprints: frozenset[str] = frozenset()
    problems: tuple[EntryProblem, ...] = ()
    unseen: int = 0


def accept(
    baseline: AcceptedDrift | None,
    rows: Sequence[Row],
    causes: Callable[[], Sequence[Cause]],
    *,
    called: Collection[str],
    uncalled: Collection[str],
    today: str,
    ended: bool,
) -> Accepted:
    """Return which findings a baseline accepts, and which of its entries are wrong.

    Args:
        baseline: the entries; `None` accepts nothing.
        rows: the findings that are not known spec defects.
        causes: returns the causes of these findings; called if an entry names one.
        called: labels of the operations with judged responses.
        uncalled: labels of the other operations of the contract.
        today: the day of the report, such as `2026-11-29`; an entry counts until the end of its last day.
        ended: the run came to its end; before that nothing is known to be gone.
    """
    if baseline is None:
        return Accepted()
    named = causes() if any(entry.cause for entry in baseline.entries) else ()
    members = {cause.id: cause.findings for cause in named}
    accepted: set[str] = set()
    problems: list[EntryProblem] = []
    unseen = 0
    for entry in baseline.entries:
        matching = [row for row in rows if _matches(entry, row, members)]
        if entry.expires < today:
            says = _expired(entry, matching)
            problems.append(EntryProblem(line=entry.line, says=says, gone=not matching))
        elif matching:
            accepted |= {row.fingerprint for row in matching}
        elif not ended or not _exercised(entry, called, uncalled):
            unseen += 1
        else:
            says = _unmatched(entry, rows)
            problems.append(EntryProblem(line=entry.line, says=says, gone=True))
    return Accepted(frozenset(accepted), tuple(problems), unseen)


def _matches(entry: Acceptance, row: Row, causes: Mapping[str, Collection[str]]) -> bool:
    """Return whether an entry is about a finding: all that it names has to fit."""
    return (
        (not entry.finding or row.fingerprint.startswith(entry.finding))
        and (not entry.cause or row.fingerprint in causes.get(entry.cause, ()))
        and (not entry.kind or row.kind.value == entry.kind)
        and (not entry.operation or _fits(entry.operation, row.operation))
        and (entry.location is None or _fits(entry.location, row.location))
    )


def _exercised(entry: Acceptance, called: Collection[str], uncalled: Collection[str]) -> bool:
    """Return whether what an entry accepts would have been seen; without an operation it may be anywhere."""
    if not entry.operation:
        return not uncalled
    return any(_fits(entry.operation, label) for label in called)


def _fits(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern in which `*` means any text."""
    return re.compile(".*".join(map(re.escape, re.split(r"\*+", pattern))), re.DOTALL)


def _expired(entry: Acceptance, matching: Sequence[Row]) -> str:
    if not matching:
        return f"expired on {entry.expires} and not seen any more; remove the entry"
    later = dt.date.fromisoformat(entry.expires) + dt.timedelta(days=90)
    number = f"{len(matching)} finding{'s' * (len(matching) != 1)}"
    return f"expired on {entry.expires}, so {number} fail again; mend the server, or write: expires: {later}"


def _unmatched(entry: Acceptance, rows: Sequence[Row]) -> str:
    """Return that an entry matches nothing, with the correction."""
    moved = _moved(entry, rows)
    if moved is not None:
        place = moved.location or "the whole body"
        return f"not seen any more; if {place} is meant, write: finding: {moved.fingerprint}"
    return "not seen any more; remove the entry"


def _moved(entry: Acceptance, rows: Iterable[Row]) -> Row | None:
    """Return the only finding of the same kind and operation, which may be the same one elsewhere."""
    if not (entry.kind and entry.operation):
        return None
    alike = [row for row in rows if row.kind.value == entry.kind and row.operation == entry.operation]
    return alike[0] if len(alike) == 1 else None
