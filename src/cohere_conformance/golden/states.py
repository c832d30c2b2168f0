"""What there is to say about golden cassettes, as a value that is told and written as it is."""

from __future__ import annotations

import datetime
import enum
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.golden.cassette import Origin
from cohere_conformance.golden.policy import Stale, Verdict
from cohere_conformance.report import Golden

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
"""The version of the status as JSON."""


class Outcome(enum.StrEnum):
    """What the gate says."""

    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"


class Reason(msgspec.Struct, frozen=True):
    """One thing that is the matter.

    Attributes:
        stale: what it is.
        verdict: what follows.
        detail: what was found.
        why: why that follows, as the policy says.
    """

    stale: Stale
    verdict: Verdict
    detail: str
    why: str


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One cassette.

    Attributes:
        id: of its case, or what an imported exchange is called; the name of its file.
        operation: label; empty where the file is broken, as all that follows.
        origin: what kind of server has answered.
        imported: name of the file that it was taken from; empty where a case was recorded.
        recorded_at: RFC 3339 time of the exchange, where it is known.
        days: whole days from then to the day of the status.
        reasons: everything that is the matter with it; a fresh one has none.
    """

    id: str
    operation: str = ""
    origin: Origin | None = None
    imported: str = ""
    recorded_at: str = ""
    days: int | None = None
    reasons: tuple[Reason, ...] = ()


class Absence(msgspec.Struct, frozen=True):
    """A written case or an operation without any cassette.

    Attributes:
        name: id of the case, or label of the operation.
        reason: what follows.
    """

    name: str
    reason: Reason


class LeftOut(msgspec.Struct, frozen=True):
    """A written case that nobody records.

    Attributes:
        id: of the case.
        why: what keeps it from being recorded.
    """

    id: str
    why: str


class Ages(msgspec.Struct, frozen=True):
    """How old the cassettes of one origin are.

    Attributes:
        origin: what kind of server has answered.
        cassettes: how many there are.
        oldest: days since the first was recorded; `None` where no cassette has a date.
        newest: days since the last was recorded, likewise.
    """

    origin: Origin
    cassettes: int
    oldest: int | None
    newest: int | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to say about a folder of cassettes.

    Attributes:
        outcome: what the gate says.
        today: the day of the status.
        golden: how many cassettes there are, by what kind of server has answered.
        ages: how old they are, of each origin that has some.
        cassettes: each, by id.
        cases: written cases without one, for no reason that anybody knows.
        operations: operations without one.
        replay: what is the matter with the last replay as a whole, if anything.
        left_out: written cases that nobody records, with the reason.
        format: version of this value.
    """

    outcome: Outcome
    today: datetime.date
    golden: Golden
    ages: tuple[Ages, ...]
    cassettes: tuple[State, ...]
    cases: tuple[Absence, ...]
    operations: tuple[Absence, ...]
    replay: Reason | None
    left_out: tuple[LeftOut, ...]
    format: int = FORMAT

    def reasons(self) -> Iterator[tuple[str, Reason]]:
        """Yield everything that is the matter, and with what."""
        for state in self.cassettes:
            yield from ((state.id, reason) for reason in state.reasons)
        for absence in (*self.cases, *self.operations):
            yield absence.name, absence.reason
        if self.replay is not None:
            yield "all", self.replay
