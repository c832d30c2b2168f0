"""The history of the vendor's document, where it is at hand: it is not part of this repository."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.drift.difference import difference
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.drift.sources import facts_of

if TYPE_CHECKING:
    from cohere_conformance.drift.difference import Difference
    from cohere_conformance.drift.facts import Description

UPSTREAM = Path(__file__).resolve().parents[3] / "shared" / "upstream"

pytestmark = pytest.mark.skipif(not UPSTREAM.is_dir(), reason="the vendor's documents are not at hand")


@pytest.fixture(scope="module")
def differences() -> dict[str, Difference]:
    """The difference of each version to the one before it, by the name of its file."""
    files = sorted((UPSTREAM / "history").glob("*.json.gz"))
    versions = [(file.name, _facts(file)) for file in files]
    return {name: difference(old, new) for (_, old), (name, new) in pairwise(versions)}


def _facts(file: Path) -> Description:
    return document_facts(json.loads(gzip.decompress(file.read_bytes())), file.name)


def test_structural_versions_have_few_lines_and_others_none(differences: dict[str, Difference]) -> None:
    counts = [len(found.lines) for found in differences.values() if found.lines]
    assert len(differences) == 59
    assert (len(counts), max(counts)) == (29, 5)
    assert mean(counts) < 1.7


def test_the_changes_of_some_versions_are_known(differences: dict[str, Difference]) -> None:
    found = {name[:3]: value for name, value in differences.items()}

    def lines(version: str) -> list[tuple[str, str, int]]:
        return [(str(one.severity), one.places[0], len(one.operations)) for one in found[version].lines]

    assert lines("166") == [("breaking", "POST /v2/chat request.raw_prompting", 1)]
    assert lines("170") == [("notice", "GET /v1/finetuning/finetuned-models", 7)]
    assert lines("171") == [("breaking", "GET /v1/models response.models[].supports_vision", 2)]
    assert lines("184") == [("breaking", "POST /v2/batches/{id}:retry", 1)]
    assert lines("195") == [("additive", "POST /v1/chat response.meta.billed_units.image_tokens", 13)]
    assert lines("196") == [("breaking", "POST /v2/chat events", 1)]
    assert [line[:2] for line in lines("185")] == [
        ("breaking", "POST /v2/chat request.messages[]<assistant>.tool_calls[].id"),
        ("breaking", "POST /v2/chat request.messages[]<assistant>.tool_calls[].type"),
    ]


def test_our_contract_as_published_is_the_vendors_document() -> None:
    vendor = facts_of(str(UPSTREAM / "cohere-openapi.yaml"))
    assert difference(facts_of("ours:published"), vendor).lines == []
    assert difference(facts_of("ours"), vendor).lines == []
    assert vendor.count() > 7_000
