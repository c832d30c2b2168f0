"""What `explain` prints about facts: the sentence of each that a text refers to, and the page of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.contract.facts import FACT, Fact, FactCatalogue, shipped_facts
from cohere_conformance.contract.requirements import shipped_requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.contract.overlay import Amendment


def fact_lines(text: str) -> list[str]:
    """Return a line for each fact that a text refers to: its id, its sentence and its sources."""
    facts = shipped_facts().cited(text)
    lines = [f"  {fact.id}: {fact.says} ({fact.source})" for fact in facts]
    return ["Facts:", *lines] if lines else []


def explain_fact(fact: Fact, amendments: Iterable[Amendment]) -> str:
    """Return the page about a fact: its sentence, its sources, its evidence and what rests on it."""
    lines = [f"# {fact.id}", "", fact.says, "", "Sources:", *_sources(shipped_facts(), fact)]
    if fact.evidence:
        lines.append(f"Evidence: {fact.evidence}")
    catalogue = shipped_requirements()
    resting = [one.id for one in catalogue.requirements.values() if fact.id in FACT.findall(one.reason)] + [
        one.id for one in amendments if fact.id in FACT.findall(one.evidence)
    ]
    if resting:
        lines += ["Requirements and amendments that refer to it:", *(f"  {name}" for name in resting)]
    if fact.id in catalogue.excluded:
        lines.append(f"Not a requirement: {catalogue.excluded[fact.id]}")
    return "\n".join(lines)


def _sources(facts: FactCatalogue, fact: Fact) -> Iterator[str]:
    for word, source in facts.sources_of(fact).items():
        yield f"  {word}: {source.says}" + (f" {source.link}" if source.link else "")
