"""The difference of two sources in lines, with the edit that each asks for in our contract."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.drift.compare import compared
from cohere_conformance.drift.edits import ContractLines, Edit
from cohere_conformance.drift.facts import ATTRIBUTES, ROOTS, Description, DescriptionKind
from cohere_conformance.drift.folding import FoldedChange, folded
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Difference:
    """What changed from one source to another one.

    Attributes:
        old: the facts of the older source.
        new: the facts of the newer one.
        lines: what changed, the worst class first.
        edits: for each line where our contract has to be edited; `None` if neither source is our contract.
    """

    old: Description
    new: Description
    lines: Sequence[FoldedChange]
    edits: Sequence[Edit | None]

    @property
    def counts(self) -> dict[Severity, int]:
        """The number of lines of each class."""
        found = Counter(line.severity for line in self.lines)
        return {severity: found[severity] for severity in Severity}

    @property
    def not_compared(self) -> list[str]:
        """What one of the sources cannot know, and the references of a document that lead nowhere."""
        if DescriptionKind.LAP in (self.old.kind, self.new.kind):
            unknown = ["everything but operations and the names of query parameters and JSON properties"]
        else:
            unknown = sorted(ROOTS - (self.old.roots & self.new.roots))
            attributes = ATTRIBUTES - (self.old.attributes & self.new.attributes)
            unknown += sorted({"limits" if _is_limit(name) else name for name in attributes})
        missing = sorted({*self.old.missing, *self.new.missing})
        return [*unknown, *(f"what is below {reference}, which is missing" for reference in missing)]


def difference(old: Description, new: Description) -> Difference:
    """Return what changed from one source to another one."""
    lines = folded(compared(old, new))
    folder = old.files or new.files
    if folder is None or not lines:
        return Difference(old, new, lines, [None] * len(lines))
    places = ContractLines(folder)
    ours_is_old = old.files is not None
    edits = [places.edit(line.changes[0], ours_is_old=ours_is_old) for line in lines]
    return Difference(old, new, lines, edits)


def _is_limit(attribute: str) -> bool:
    return attribute.lower().removeprefix("exclusive").startswith(("min", "max"))
