"""The sets of faults that servers have at once, drawn by seed."""

from __future__ import annotations

import random
from typing import NamedTuple

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.session.selftest import COMMON, is_fuzzed

SIZE = 5
GENERAL = frozenset({"auth", "billing", "headers", "limits", "paths", "validation"})
"""Groups of faults that show in every operation; a set has at most one of them, as their causes overlap."""
FUZZED = (("tokenize", "rerank"), ("embed", "models"), ("classify", "detokenize", "check-api-key"))
"""The groups that are fuzzed, of which each set draws one."""


class FaultSet(NamedTuple):
    """Faults that a server has at once.

    Attributes:
        seed: what it was drawn by.
        groups: whose suites are run.
        faults: their names.
        mended: index of the one that is mended.
        fuzzed: whether the fuzzer is run instead of the cases.
    """

    seed: int
    groups: tuple[str, ...]
    faults: tuple[str, ...]
    mended: int
    fuzzed: bool = False

    @property
    def repaired(self) -> tuple[str, ...]:
        """The faults without the mended one."""
        return tuple(fault for place, fault in enumerate(self.faults) if place != self.mended)


def draw(seed: int) -> FaultSet:
    """Return five faults of two groups, each of a requirement of its own."""
    chance = random.Random(seed)
    requirements = shipped_requirements().requirements.values()
    groups = sorted(set(load_contract().groups.values()))
    while True:
        chosen = chance.sample(groups, 2)
        general = chance.random() < 0.5
        own = [one for one in requirements if any(group_of(fault) in chosen for fault in one.faults)]
        common = [one for one in requirements if any(group_of(fault) in GENERAL for fault in one.faults)]
        if len(own) < SIZE:
            continue
        drawn = chance.sample(own, SIZE - general) + chance.sample(common, int(general))
        scope = (*chosen, *COMMON) if general else tuple(chosen)
        allowed = {*chosen, *GENERAL} if general else set(chosen)
        faults = [
            chance.choice([fault for fault in one.faults if group_of(fault) in allowed]) for one in drawn
        ]
        named = [name for fault in faults for name in naming(fault)]
        if len(set(faults)) == SIZE and len(set(named)) == len(named):
            return FaultSet(seed, tuple(dict.fromkeys(scope)), tuple(faults), chance.randrange(SIZE))


def draw_fuzzed(seed: int) -> FaultSet:
    """Return five faults that only unusual input shows."""
    chance = random.Random(seed)
    faults = chance.sample(sorted(filter(is_fuzzed, catalogue())), SIZE)
    return FaultSet(seed, chance.choice(FUZZED), tuple(faults), chance.randrange(SIZE), fuzzed=True)


def naming(fault: str) -> list[str]:
    """Return the ids of the requirements that name a fault."""
    return [one.id for one in shipped_requirements().requirements.values() if fault in one.faults]


def group_of(fault: str) -> str:
    """Return the group of a fault."""
    return fault.partition(".")[0]
