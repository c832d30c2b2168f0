"""The digest of facts: equal in every process, and of facts only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.data import folder
from cohere_conformance.drift.digest import facts_digest
from cohere_conformance.drift.lock import LOCK, Lock
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.drift.sources import facts_of

UPSTREAM = Path(__file__).resolve().parents[3] / "shared" / "upstream" / "cohere-openapi.yaml"
PROGRAM = """
from cohere_conformance.drift.digest import facts_digest
from cohere_conformance.drift.sources import facts_of
print(facts_digest(facts_of("ours")))
"""


def test_it_is_the_same_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {f"{facts_digest(facts_of('ours'))}\n"}


def test_it_is_of_facts_only() -> None:
    def digest(**schema: object) -> str:
        parameter = {"in": "query", "name": "a", "schema": schema}
        return facts_digest(
            document_facts({"paths": {"/a": {"get": {"parameters": [parameter], "responses": {}}}}}, "a")
        )

    first = digest(type="string", enum=["a", "b"])
    assert first == digest(description="words", enum=["b", "a"], type="string")
    assert len({first, digest(type="string"), digest(type="integer"), digest(type="string", enum=["a"])}) == 4


@pytest.mark.skipif(not UPSTREAM.exists(), reason="the vendor's document is not here")
def test_the_lock_has_the_document_that_the_contract_was_made_from() -> None:
    lock = load_typed(folder("contracts") / LOCK, Lock)
    assert lock.witnesses["document"].digest == facts_digest(facts_of(str(UPSTREAM)))
