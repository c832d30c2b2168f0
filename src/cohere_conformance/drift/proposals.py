"""The file of proposed changes: an Overlay in which each action has its evidence, for a person to review."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.overlay import apply
from cohere_conformance.drift.actions import NoActionError, ProposedStep, steps_of
from cohere_conformance.drift.compare import REMOVED
from cohere_conformance.drift.folding import place
from cohere_conformance.drift.render import details_in_words, extent
from cohere_conformance.drift.written import Writer, operation_id, shared_schemas
from cohere_conformance.drift.yamltext import as_yaml, json_path
from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Mapping, Sequence

    from cohere_conformance.contract import Declarations
    from cohere_conformance.contract.documents import Document
    from cohere_conformance.drift.facts import Description
    from cohere_conformance.drift.witnesses import Drift, Gap, ModelGap, Sighting

_HEAD = """\
# What the contract of {version} lacks, as actions on it. Review each one: edit it, delete it, or uncomment
# what is a comment, and add descriptions in your own words. Then:
#
#   cohere-conformance contract apply {file}
#   cohere-conformance contract lint
#
# x-class      where it is written to: document = contracts/openapi/, sdk-addition = contracts/additions.yaml,
#              observed-addition = contracts/amendments.yaml, model = contracts/models.yaml
# x-severity   what it means for a client: breaking, additive or notice
# x-edit       the file and line that it belongs to
# x-replaces   what is there now, where a value is replaced
#
# No action removes anything or makes invalid what is valid now: that is in comments, for a person to decide.
"""
DOCUMENT, SDK, OBSERVED, MODEL = "document", "sdk-addition", "observed-addition", "model"
"""What an action is written to: the vendor's document, what only its SDKs declare, what the server sends,
and the list of models."""
_SAYS = {
    DOCUMENT: "The vendor's document declares {}.",
    SDK: "An SDK of the vendor declares {}, and its document does not.",
    OBSERVED: "The server has {}, which is not declared.",
}


@dataclass(frozen=True)
class Proposal:
    """What to do about one gap.

    Attributes:
        id: of its actions.
        klass: `document`, `sdk-addition` or `observed-addition`.
        gap: what the contract lacks.
        steps: the actions.
        by_hand: why there is no action for a part of it; empty if there is.
        evidence: who shows it, in words.
        since: the day on which it was first seen.
    """

    id: str
    klass: str
    gap: Gap
    steps: Sequence[ProposedStep]
    by_hand: str
    evidence: str
    since: str


class Proposer:
    """Makes proposals of what the contract lacks.

    Args:
        ours: the facts of our contract.
        declarations: our contract.
        descriptions: the documents and SDKs that it was compared with, by name.
        today: the day.
    """

    def __init__(
        self,
        ours: Description,
        declarations: Declarations,
        descriptions: Sequence[tuple[str, Description]],
        today: datetime.date,
    ) -> None:
        self._ours = ours
        self._descriptions = dict(descriptions)
        self._today = today
        self._ids: set[str] = {one.id for one in declarations.changes}
        self._documents = {
            DOCUMENT: declarations.published,
            SDK: declarations.declared,
            OBSERVED: apply(declarations.published, declarations.amendments),
        }
        self._taken = set(_operation_ids(declarations.amended))

    def proposals(self, found: Drift) -> list[Proposal]:
        """Return a proposal for each gap."""
        since = {one.name: str(one.since) for one in found.witnesses if one.since is not None}
        writers: dict[tuple[str, str], Writer] = {}
        proposals = []
        for gap in found.gaps:
            witness, klass = gap.evidence[0].witness, _class(gap.evidence, self._descriptions)
            document = self._documents[klass]
            writer = writers.get((witness, klass))
            if writer is None:
                theirs = self._descriptions.get(witness)
                shared = (
                    shared_schemas(self._ours.declared or self._ours, theirs) if theirs is not None else {}
                )
                known = document.get("components", {}).get("schemas", {})
                shared = {one: ref for one, ref in shared.items() if ref.rpartition("/")[2] in known}
                writer = writers[witness, klass] = Writer(document, shared, witness)
            steps, by_hand = self._steps(gap, document, writer)
            days = [one.since[:10] or since.get(one.witness, "") for one in gap.evidence]
            proposals.append(
                Proposal(
                    self._id(gap),
                    klass,
                    gap,
                    steps,
                    by_hand,
                    "; ".join(_sighting(one, since) for one in gap.evidence) + f"; looked at {self._today}",
                    min(filter(None, days), default=str(self._today)),
                )
            )
        return proposals

    def _steps(self, gap: Gap, document: Document, writer: Writer) -> tuple[list[ProposedStep], str]:
        steps: list[ProposedStep] = []
        reason = ""
        seen: set[tuple[object, ...]] = set()
        for change in gap.changes:
            key = (
                change.what,
                change.old,
                change.path[-1:],
                repr(change.after) if change.what == "enum" else "",
            )
            if key in seen and change.what not in {"media", "statuses"}:
                continue
            seen.add(key)
            writer.begin()
            try:
                made = steps_of(change, document, writer, self._taken)
            except NoActionError as error:
                reason = f"{place(change)}: {error}"
                continue
            steps += [step for step in made if step not in steps]
        return steps, reason

    def _id(self, gap: Gap) -> str:
        """Return an id, such as `rerank-v2.request-relevant-spans`, that nothing else has."""
        change = gap.changes[0]
        method, _, path = change.operation.partition(" ")
        steps = [change.path[0], change.path[-1]] if len(change.path) > 1 else change.path or ("operation",)
        words = _slug(" ".join(steps))
        name = f"{_slug(operation_id(method, path, set()))}.{words}"
        if change.what != "added":
            name += f"-{_slug(change.what)}"
        free, number = name, 2
        while free in self._ids:
            free, number = f"{name}-{number}", number + 1
        self._ids.add(free)
        return free


def as_overlay(found: Drift, proposals: Sequence[Proposal], file: str) -> str:
    """Return the file.

    Args:
        found: the drift.
        proposals: for its gaps.
        file: its name, for the command in its head.
    """
    lines = [_HEAD.format(version=plain(found.version), file=plain(file)), "overlay: 1.0.0", "info:"]
    lines += ["  title: Proposed changes of the contract"]
    lines += list(as_yaml({"version": found.version}, 2))
    body = [line for proposal in proposals for line in _proposal(proposal)]
    body += [line for model in found.models for line in _model(model, found)]
    has_actions = action_count(found, proposals) > 0
    lines.append("actions:" if has_actions else "actions: []")
    return "\n".join([*lines, *body, *_only_ours(found)]) + "\n"


def action_count(found: Drift, proposals: Sequence[Proposal]) -> int:
    """Return the number of actions in the file, without those in comments."""
    steps = sum(not step.stricter for proposal in proposals for step in proposal.steps)
    return steps + sum(model.news.unknown for model in found.models)


def _model(model: ModelGap, found: Drift) -> Iterator[str]:
    news, evidence = model.news, "; ".join(map(str, model.evidence))
    yield ""
    yield _comment(f"model  {news.name}: {news.news}")
    if not news.unknown:
        yield _comment(f"By hand, in {news.edit}: what the list knows is not changed. Shown by {evidence}.")
        return
    yield _comment("Add what is known about it: endpoints, context, output, features, since.")
    digests = {one.name: one.digest for one in found.witnesses}
    sources = [
        "spec" if one.witness == DOCUMENT else "sdk" if digests.get(one.witness) else "observed"
        for one in model.evidence
    ]
    action = {
        "target": "$.models",
        "x-id": f"model.{_slug(news.name)}",
        "x-class": MODEL,
        "x-reason": "The list of models does not have it.",
        "x-evidence": plain(evidence, longest=1000),
        "x-edit": str(news.edit),
        "update": {news.name: {"source": list(dict.fromkeys(sources)), "evidence": plain(evidence)}},
    }
    yield from as_yaml([action], 2)


def _proposal(proposal: Proposal) -> Iterator[str]:
    gap = proposal.gap
    what = f"{gap.line.places[0]}: {details_in_words(gap.line)} ({extent(gap.line)})"
    yield ""
    yield _comment(f"{gap.line.severity}  {what}")
    if proposal.by_hand:
        yield _comment(f"By hand, in {gap.edit}: {proposal.by_hand}.")
    head = {
        "x-id": proposal.id,
        "x-class": proposal.klass,
        "x-severity": str(gap.line.severity),
        "x-reason": plain(_SAYS[proposal.klass].format(_thing(gap))),
        "x-evidence": plain(proposal.evidence, longest=1000),
        "x-since": proposal.since,
        "x-edit": str(gap.edit),
    }
    for step in sorted(proposal.steps, key=lambda step: step.stricter):
        action: dict[str, Any] = {"target": json_path(step.target), **head}
        if step.replaces:
            action["x-replaces"] = dict(step.replaces)
        lines = list(as_yaml([{**action, "update": step.update}], 2))
        if step.stricter:
            yield _comment("Stricter than now, so only a person decides; uncomment it to apply it.")
            yield from (f"  # {line[2:]}" for line in lines)
        else:
            yield from lines


def _only_ours(found: Drift) -> Iterator[str]:
    """Yield comments about what a witness lacks: the contract never loses anything by itself."""
    for one in found.witnesses:
        if not one.lacks:
            continue
        yield ""
        if one.name != DOCUMENT:
            count = len(one.lacks)
            yield _comment(
                f"notice  {count} in the contract only, not in {one.name} (contract drift -v lists them)"
            )
            continue
        for line in one.lacks:
            words = "absent" if line.details[0].what == REMOVED else details_in_words(line)
            words = f"{line.places[0]}: {words} ({extent(line)})"
            yield _comment(f"notice  only in the contract, not in {one.shown}: {words}")


def _comment(text: str) -> str:
    return f"  # {plain(text, longest=None)}"


def _thing(gap: Gap) -> str:
    line = gap.line
    more = len(line.places) - 1
    shown = line.places[0] + (f" and {more} more" if more else "")
    changes = details_in_words(line)
    return shown if changes == "added" else f"{shown} ({changes})"


def _class(evidence: Sequence[Sighting], descriptions: Mapping[str, Description]) -> str:
    names = {one.witness for one in evidence}
    if DOCUMENT in names:
        return DOCUMENT
    return SDK if names & descriptions.keys() else OBSERVED


def _sighting(one: Sighting, since: Mapping[str, str]) -> str:
    known = since.get(one.witness)
    return f"{one}, unchanged since {known}" if known else str(one)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "other"


def _operation_ids(document: Document) -> Iterator[str]:
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and isinstance(operation.get("operationId"), str):
                yield operation["operationId"]
