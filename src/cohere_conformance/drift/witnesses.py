"""What witnesses of the API know that our contract does not: a document, SDKs, traffic.

Each witness is compared with the contract. What it has and the contract lacks is a gap; gaps of several
witnesses at one declaration are one line. What only the contract has is counted for each witness: an older
SDK lacks much of the contract, and traffic shows a part of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cohere_conformance.drift.compare import ADDED, REMOVED, Change, compared
from cohere_conformance.drift.digest import facts_digest
from cohere_conformance.drift.edits import ContractLines, Edit
from cohere_conformance.drift.facts import DescriptionKind, in_request, operation_key
from cohere_conformance.drift.folding import Detail, FoldedChange, folded
from cohere_conformance.drift.models_seen import KnownModels, ModelNews, declared_models
from cohere_conformance.drift.severity import of_attribute
from cohere_conformance.drift.traffic import served_models, traffic_changes

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cohere_conformance.drift.facts import Description
    from cohere_conformance.drift.lock import Lock
    from cohere_conformance.report.shape import Report, Row

TRAFFIC = "traffic"
_EVERYTHING = "contract"
"""The profile of a server of everything that is declared."""
_Key = tuple[str, ...]


@dataclass(frozen=True)
class Sighting:
    """A witness that shows a gap.

    Attributes:
        witness: its name.
        exchanges: of the traffic that show it; 0 for a description.
        since: RFC 3339 time of the first one, if it is known.
    """

    witness: str
    exchanges: int = 0
    since: str = ""

    def __str__(self) -> str:
        if not self.exchanges:
            return self.witness
        since = f", since {self.since[:10]}" if self.since else ""
        plural = "exchange" if self.exchanges == 1 else "exchanges"
        return f"{self.witness}: {self.exchanges:,} {plural}{since}"


@dataclass(frozen=True)
class Gap:
    """Something that the contract lacks.

    Attributes:
        line: the change of the contract.
        edit: where it has to be made.
        evidence: the witnesses that show it.
        changes: all that the line consists of.
    """

    line: FoldedChange
    edit: Edit
    evidence: Sequence[Sighting]
    changes: Sequence[Change]


@dataclass(frozen=True)
class ModelGap:
    """Something that `contracts/models.yaml` lacks.

    Attributes:
        news: about a model.
        evidence: the witnesses that show it.
    """

    news: ModelNews
    evidence: Sequence[Sighting]


@dataclass(frozen=True)
class Witness:
    """One witness.

    Attributes:
        name: for the lines: `document`, an SDK with its version, `traffic`.
        shown: what it is.
        size: how much there is of it, in words.
        facts: their number; 0 for traffic.
        digest: of the facts; empty for traffic.
        since: the day since which they are unchanged, if the lock has them.
        gaps: how many lines it shows.
        lacks: what only the contract has.
    """

    name: str
    shown: str
    size: str
    facts: int = 0
    digest: str = ""
    since: datetime.date | None = None
    gaps: int = 0
    lacks: Sequence[FoldedChange] = ()


@dataclass(frozen=True)
class Drift:
    """What the contract lacks.

    Attributes:
        contract: the name of our contract.
        version: of our contract.
        witnesses: what it was compared with.
        gaps: what it lacks, the worst class first.
        models: what its list of models lacks.
    """

    contract: str
    version: str
    witnesses: Sequence[Witness]
    gaps: Sequence[Gap]
    models: Sequence[ModelGap]

    @property
    def found(self) -> bool:
        """Whether the contract lacks something."""
        return bool(self.gaps or self.models)


@dataclass
class _Seen:
    """Changes that witnesses show, each once, and who shows it."""

    changes: dict[_Key, Change] = field(default_factory=dict)
    evidence: dict[_Key, list[Sighting]] = field(default_factory=dict)

    def add(self, change: Change, shown: Sighting) -> None:
        key = _key(change)
        self.changes.setdefault(key, change)
        self.evidence.setdefault(key, []).append(shown)


def drift_of(
    ours: Description,
    root: Path,
    descriptions: Sequence[tuple[str, Description]],
    report: Report | None,
    lock: Lock,
) -> Drift:
    """Return what witnesses know and our contract does not.

    Args:
        ours: the facts of our contract, amended.
        root: the folder of our contract.
        descriptions: documents and SDKs, by name.
        report: the traffic.
        lock: what the witnesses knew when they were last looked at.
    """
    seen, models = _Seen(), _Models(KnownModels(root))
    witnesses = [_described(ours, name, facts, lock, seen) for name, facts in descriptions]
    for name, facts in descriptions:
        for model in declared_models(facts):
            models.add(model, Sighting(name))
    if report is not None:
        for change, row in traffic_changes(ours, report):
            for part in _directions(change)[0]:
                seen.add(part, _of_row(row))
        # A server of everything that is declared serves retired models as well.
        target = report.header.target
        everything = target is not None and target.profile == _EVERYTHING
        for model, example in served_models(report):
            time = example.recorded_at or ""
            models.add(model, Sighting(TRAFFIC, 1, time), served="" if everything else time)
        witnesses.append(Witness(TRAFFIC, TRAFFIC, f"{report.exchanges_judged:,} exchanges"))
    gaps, news = _gaps(seen, root), models.gaps
    evidence = [*(gap.evidence for gap in gaps), *(model.evidence for model in news)]
    shown = Counter(one.witness for many in evidence for one in many)
    return Drift(
        ours.name, ours.version, [replace(one, gaps=shown[one.name]) for one in witnesses], gaps, news
    )


def _described(ours: Description, name: str, facts: Description, lock: Lock, seen: _Seen) -> Witness:
    """Return a document or an SDK as a witness; what the contract lacks is added to `seen`."""
    known: list[Change] = []
    for change in compared(ours, facts):
        lacking, rest = _directions(change)
        known += rest
        for part in lacking:
            seen.add(part, Sighting(name))
    shown = name if facts.kind in {DescriptionKind.SDK, DescriptionKind.NPM} else f"{name} {facts.name}"
    digest, count = facts_digest(facts), facts.count()
    size, since = f"{count:,} facts", lock.since(name, digest)
    return Witness(name, shown, size, count, digest, since, lacks=folded(known))


class _Models:
    def __init__(self, known: KnownModels) -> None:
        self._known = known
        self._found: dict[ModelNews, list[Sighting]] = {}

    def add(self, name: str, shown: Sighting, *, served: str = "") -> None:
        """Add a witness of a model."""
        news = self._known.news(name, served=served)
        if news is not None:
            self._found.setdefault(news, []).append(shown)

    @property
    def gaps(self) -> list[ModelGap]:
        """What is new about models, by name."""
        return [
            ModelGap(news, _summed(evidence))
            for news, evidence in sorted(self._found.items(), key=lambda item: item[0].name)
        ]


def _of_row(row: Row) -> Sighting:
    return Sighting(TRAFFIC, row.count, row.first_seen or "")


def _key(change: Change) -> _Key:
    """Return what is equal for the same change, whichever witness shows it."""
    operation = operation_key(*change.operation.partition(" ")[::2])
    after = change.after
    value = "" if change.what == ADDED else repr(sorted(after) if isinstance(after, frozenset) else after)
    return (operation, "".join(change.path), change.what, value)


def _directions(change: Change) -> tuple[list[Change], list[Change]]:
    """Return the part of a change that the witness knows and the contract lacks, and the other part.

    Args:
        change: from our contract to the witness.
    """
    before, after = change.before, change.after
    if change.what in (ADDED, REMOVED):
        return ([change], []) if change.what == ADDED else ([], [change])
    if isinstance(before, frozenset) and isinstance(after, frozenset):
        if change.what != "enum":
            return ([change], []) if after - before else ([], [change])
        # One change for each value: two witnesses may know different ones.
        gaps = [_values(change, before | {value}) for value in sorted(after - before)]
        return gaps, [_values(change, before & after)] if before - after else []
    return ([], [change]) if after is None or after is False else ([change], [])


def _values(change: Change, after: frozenset[str]) -> Change:
    severity = of_attribute("enum", change.before, after, request=in_request(change.path))
    return replace(change, after=after, severity=severity)


def _gaps(seen: _Seen, root: Path) -> list[Gap]:
    if not seen.changes:
        return []
    lines = ContractLines(root / "openapi")
    found: list[Gap] = []
    for line in folded(list(seen.changes.values())):
        keys = dict.fromkeys(
            _key(replace(change, what=detail.what, before=detail.before, after=detail.after))
            for change in line.changes
            for detail in line.details
        )
        evidence = [shown for key in keys for shown in seen.evidence[key]]
        changes = [seen.changes[key] for key in keys]
        edit = lines.edit(line.changes[0], ours_is_old=True)
        found.append(Gap(replace(line, details=_joined(line.details)), edit, _summed(evidence), changes))
    return found


def _joined(details: Iterable[Detail]) -> tuple[Detail, ...]:
    """Return details with the new values of an enumeration as one of them."""
    found: dict[str, Detail] = {}
    for detail in details:
        other = found.get(detail.what)
        if other is not None and isinstance(other.after, frozenset) and isinstance(detail.after, frozenset):
            detail = replace(other, after=other.after | detail.after)
        found[detail.what if detail.what == "enum" else repr(detail)] = detail
    return tuple(found.values())


def _summed(evidence: Iterable[Sighting]) -> list[Sighting]:
    """Return each witness once, with all of its exchanges and the first time."""
    found: dict[str, Sighting] = {}
    for one in evidence:
        other = found.get(one.witness, Sighting(one.witness))
        since = min(filter(None, (other.since, one.since)), default="")
        found[one.witness] = Sighting(one.witness, other.exchanges + one.exchanges, since)
    return list(found.values())
