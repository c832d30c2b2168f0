"""The status of golden cassettes as a value, printed and written as JSON."""

from __future__ import annotations

import datetime
import enum
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.golden.cassette import Origin
from cohere_conformance.golden.policy import PolicyVerdict, Stale
from cohere_conformance.report import GoldenCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
"""The version of the status as JSON."""


class GateOutcome(enum.StrEnum):
    """The result of the gate."""

    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"


class Reason(msgspec.Struct, frozen=True):
    """One problem.

    Attributes:
        stale: its kind.
        verdict: its consequence.
        detail: what was found.
        why: why that is the consequence, from the policy.
    """

    stale: Stale
    verdict: PolicyVerdict
    detail: str
    why: str


class CassetteState(msgspec.Struct, frozen=True, kw_only=True):
    """One cassette.

    Attributes:
        id: of its case or of the imported exchange; the name of its file.
        operation: label; empty, like all that follows, where the file is broken.
        origin: kind of server that responded.
        imported: name of the file that it was imported from; empty where a case was recorded.
        recorded_at: RFC 3339 time of the exchange, where it is known.
        days: complete days from then to the day of the status.
        reasons: its problems; a fresh one has none.
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
        reason: the problem.
    """

    name: str
    reason: Reason


class LeftOut(msgspec.Struct, frozen=True):
    """A written case that is not recorded.

    Attributes:
        id: of the case.
        why: the reason.
    """

    id: str
    why: str


class Ages(msgspec.Struct, frozen=True):
    """How old the cassettes of one origin are.

    Attributes:
        origin: kind of server that responded.
        cassettes: how many there are.
        oldest: days since the first was recorded; `None` where no cassette has a date.
        newest: days since the last was recorded, likewise.
    """

    origin: Origin
    cassettes: int
    oldest: int | None
    newest: int | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a folder of cassettes.

    Attributes:
        outcome: result of the gate.
        today: the day of the status.
        golden: how many cassettes there are, by kind of server.
        ages: how old they are, by origin.
        cassettes: each, by id.
        cases: written cases that have none and should have one.
        operations: operations without one.
        replay: the problem that there is no replay, if so.
        left_out: written cases that are not recorded, with the reason.
        format: version of this value.
    """

    outcome: GateOutcome
    today: datetime.date
    golden: GoldenCounts
    ages: tuple[Ages, ...]
    cassettes: tuple[CassetteState, ...]
    cases: tuple[Absence, ...]
    operations: tuple[Absence, ...]
    replay: Reason | None
    left_out: tuple[LeftOut, ...]
    format: int = FORMAT

    def reasons(self) -> Iterator[tuple[str, Reason]]:
        """Yield every problem with the name of the cassette, case or operation that has it."""
        for state in self.cassettes:
            yield from ((state.id, reason) for reason in state.reasons)
        for absence in (*self.cases, *self.operations):
            yield absence.name, absence.reason
        if self.replay is not None:
            yield "all", self.replay
