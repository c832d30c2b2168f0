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
from cohere_conformance.golden.policy import load_policy
from cohere_conformance.golden.status import status
from cohere_conformance.report import Opening, Record, read_journals

if TYPE_CHECKING:
    import datetime
    from pathlib import Path

    from cohere_conformance.golden.states import Status

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
    contract, own = load_contract(), folder / _POLICY
    return status(
        find(folder),
        shipped_suite(),
        contract,
        load_policy(own) if own.is_file() else load_policy(shipped("cassettes") / _POLICY).of_a_part(),
        today=today,
        replayed=replayed(report),
        models=shipped_retired(),
        requirements=shipped_requirements().requirements.values(),
    )


def replayed(folder: Path) -> frozenset[str] | None:
    """Return the ids of what the last replay has judged, by its journals; `None` where no replay is known."""
    found: set[str] = set()
    try:
        for journal in read_journals(folder):
            for line in journal.lines():
                if isinstance(line, Opening) and line.header.arguments[:1] != ("replay",):
                    return None
                if isinstance(line, Record) and line.exchange is not None:
                    found.add(line.case)
    except ReportError:
        return None
    return frozenset(found)
