"""Every planted change is one line, with the class that was written down for it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from contract_changes import PLANTED, Planted, planted

from cohere_conformance.drift.compare import compared
from cohere_conformance.drift.folding import folded
from cohere_conformance.drift.openapi import document_facts

if TYPE_CHECKING:
    from cohere_conformance.contract import Declarations
    from cohere_conformance.drift.facts import Description


@pytest.fixture(scope="module")
def ours(declarations: Declarations) -> Description:
    return document_facts(declarations.published, "ours")


def test_there_are_planted_changes_of_every_class() -> None:
    counts = Counter(change.severity for change in PLANTED)
    assert len(PLANTED) >= 40
    assert min(counts[severity] for severity in ("breaking", "additive", "notice")) >= 5
    assert len({change.name for change in PLANTED}) == len(PLANTED)


@pytest.mark.parametrize("change", PLANTED, ids=lambda change: change.name)
def test_a_planted_change_is_one_line_of_its_class(
    change: Planted, declarations: Declarations, ours: Description
) -> None:
    lines = folded(compared(ours, document_facts(planted(declarations.published, change.edits), "edited")))
    assert [(str(line.severity), line.places[0], tuple(d.what for d in line.details)) for line in lines] == [
        (change.severity, change.location, change.what)
    ]
    assert len(lines[0].operations) == change.operations


def test_a_document_does_not_differ_from_itself(declarations: Declarations, ours: Description) -> None:
    assert compared(ours, document_facts(planted(declarations.published, {}), "again")) == []
