"""What is the matter with the cassettes in a folder, by all that this installation knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.cases import shipped_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.models import shipped_retired
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder as shipped
from cohere_conformance.errors import ReportError
from cohere_conformance.golden import find
from cohere_conformance.golden.compare import shipped_rules
from cohere_conformance.golden.policy import load_policy
from cohere_conformance.golden.reference_check import ReferenceCheck
from cohere_conformance.golden.status import Criteria, status
from cohere_conformance.report import Opening, Record, read_journals

if TYPE_CHECKING:
    import datetime
    from pathlib import Path

    from cohere_conformance.golden.states import Status
    from cohere_conformance.report import CaseOutcome

_POLICY = "policy.yaml"


def staleness(folder: Path, report: Path, today: datetime.date) -> Status:
    """Return what is the matter.

    Args:
        folder: of the cassettes; its policy counts, or else the one that ships, as that of a part.
        report: folder in which the journals of a replay may lie.
        today: the day in UTC.

    Raises:
        CassetteError: the policy is broken, or two cassettes have one name.
    """
    contract, suite, own = load_contract(), shipped_suite(), folder / _POLICY
    policy = load_policy(own) if own.is_file() else load_policy(shipped("cassettes") / _POLICY).of_a_part()
    with ReferenceCheck(suite, contract, shipped_rules()) as reference:
        return status(
            find(folder),
            Criteria(
                suite=suite,
                contract=contract,
                requirements=tuple(shipped_requirements().requirements.values()),
                policy=policy,
                today=today,
                retired=shipped_retired(),
                replayed=replayed(report),
                reference_change=reference.changed,
            ),
        )


def replayed(folder: Path) -> dict[str, CaseOutcome] | None:
    """Return how the last replay of each cassette ended, by its journals; `None` where no replay is known."""
    found: dict[str, CaseOutcome] = {}
    try:
        for journal in read_journals(folder):
            for line in journal.lines():
                if isinstance(line, Opening) and line.header.arguments[:1] != ("replay",):
                    return None
                if isinstance(line, Record) and line.exchange is not None:
                    found[line.case] = line.outcome
    except ReportError:
        return None
    return found
