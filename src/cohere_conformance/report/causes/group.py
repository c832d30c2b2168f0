"""A group of findings that one mistake explains, while causes are searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cohere_conformance.report.verdict import RANK

if TYPE_CHECKING:
    from cohere_conformance.report.causes.seen import SeenFinding


@dataclass(frozen=True)
class Key:
    """What the findings of a group have in common; equal keys are one mistake.

    Attributes:
        rule: its name.
        parts: what distinguishes its groups; nothing that depends on wording or order.
        feature: of a server, if it lacks one.
        framework: whose default behaviour it is, if one is recognised.
    """

    rule: str
    parts: tuple[str, ...]
    feature: str | None = None
    framework: str | None = None


@dataclass
class CauseGroup:
    """The findings of one key, and those that follow from them."""

    key: Key
    members: list[SeenFinding] = field(default_factory=list)
    followers: list[SeenFinding] = field(default_factory=list)

    @property
    def every(self) -> list[SeenFinding]:
        """All findings, what says most first."""
        return [*self.members, *self.followers]

    @property
    def operations(self) -> frozenset[str]:
        """Labels of the operations of the members."""
        return frozenset(one.row.operation for one in self.members)

    @property
    def cases(self) -> frozenset[str]:
        """Ids of the cases that show a member."""
        return frozenset(case for one in self.members for case in one.cases)

    @property
    def count(self) -> int:
        """Number of exchanges that show a member, at least."""
        return max(one.row.count for one in self.members)

    @property
    def severity(self) -> int:
        """The rank of the worst severity: 0 is the worst."""
        return min(RANK[one.row.severity] for one in self.every)

    def follow(self, other: CauseGroup) -> None:
        """Take over a group that this one explains."""
        self.followers += other.every
