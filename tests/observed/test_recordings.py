"""On real recordings, where there are some: what ships is theirs, and nothing vanishes that has not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.data import folder
from cohere_conformance.model import Kind, Severity
from cohere_conformance.observed.evidence import together
from cohere_conformance.observed.file import shipped_observed, write_by_group
from cohere_conformance.observed.response import declared_part
from cohere_conformance.session import Judge, JudgeSettings

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT.parent / "shared" / "corpus" / "interactions.jsonl"

pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason="the real recordings are not here")


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("observed_benchmark", ROOT / "benchmarks" / "observed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recorded(benchmark: ModuleType) -> list[Any]:
    return list(benchmark.recorded(RECORDINGS, Judge(JudgeSettings())))


def test_what_ships_is_what_the_recordings_teach(recorded: list[Any], tmp_path: Path) -> None:
    judge = Judge(JudgeSettings())
    taught = declared_part(together(one.taught for one in recorded), judge.contract)
    write_by_group(tmp_path, taught, judge.contract.groups)
    shipped = {path.name: path.read_text() for path in (folder("contracts") / "observed").glob("*.yaml")}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == shipped, (
        "run: cohere-conformance learn RECORDINGS -o contracts/observed --declared-only"
    )


def test_no_source_misses_what_the_others_have(benchmark: ModuleType, recorded: list[Any]) -> None:
    expected = vanished = 0
    for source in {one.source for one in recorded}:
        own = [one for one in recorded if one.source == source]
        figures = benchmark.compared([one for one in recorded if one.source != source], own)
        expected, vanished = expected + figures[0], vanished + figures[1]
    assert expected > 1500
    assert vanished == 0


def test_the_recordings_conform_to_what_they_teach(benchmark: ModuleType, recorded: list[Any]) -> None:
    expected, vanished, _ = benchmark.compared(recorded, recorded)
    assert expected > 5000
    assert vanished == 0
    assert len(shipped_observed()) > 60


@pytest.mark.parametrize(("sends", "severity"), [(True, Severity.ADDITIVE), (False, Severity.NOTICE)])
def test_what_vanishes_fails_a_live_run_and_is_a_notice_about_recordings(
    benchmark: ModuleType, recorded: list[Any], sends: bool, severity: Severity
) -> None:
    judge = Judge(JudgeSettings(observed="auto", sends=sends))
    embedded = [one.exchange for one in recorded if one.operation == "POST /v1/embed" and one.taught]
    newest = max(embedded, key=lambda one: one.source.recorded_at or "")
    assert [one for one in judge.findings(newest) if one.kind is Kind.SHAPE_VANISHED] == []
    gone = judge.findings(benchmark.removed(newest, "/meta"))
    found = [(one.location, one.severity) for one in gone if one.kind is Kind.SHAPE_VANISHED]
    assert found == [("/meta", severity)]
