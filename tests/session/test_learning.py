"""What a run adds to a file of observed shapes, by its journals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from remembering import RERANK, rerank

from cohere_conformance.errors import UsageError
from cohere_conformance.model import Severity
from cohere_conformance.observed.evidence import exchanges
from cohere_conformance.observed.file import load_observed
from cohere_conformance.report import Header, Journal, Mode, Opening, Record
from cohere_conformance.session import Judge, JudgeSettings
from cohere_conformance.session.learning import LearningFile
from cohere_conformance.session.memory import RunMemory

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.model import Exchange

NIGHTS = [f"2026-11-{day:02}" for day in range(1, 13)]
WITHOUT_ID = {name: value for name, value in RERANK.items() if name != "id"}
HEADER = Header(
    tool="cohere-conformance",
    version="0",
    contract_version="0",
    contract_digest="0",
    mode=Mode.AMENDED,
    inputs=(),
    started_at="2026-11-29T02:00:00Z",
    fail_on=Severity.ADDITIVE,
)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(JudgeSettings())


def passed(exchange: Exchange | None, **further: object) -> Record:
    fields = {"case": "c", "operation": "POST /v2/rerank", "outcome": "passed", "exchange": exchange}
    return Record(**{**fields, **further})  # type: ignore[arg-type]


def learned(folder: Path, judge: Judge, *records: Record) -> int:
    """Return how many exchanges the file has after a run."""
    run = folder / f"run-{len(list(folder.iterdir()))}"
    with Journal(run, Opening(worker="main", header=HEADER)) as journal:
        for record in records:
            journal.add(record)
    LearningFile(str(folder / "observed.yaml")).add_run(run, judge)
    return exchanges(load_observed(folder / "observed.yaml"))


def test_only_plain_exchanges_that_passed_are_learned_from(tmp_path: Path, judge: Judge) -> None:
    one = rerank("2026-11-01")
    assert learned(tmp_path, judge, passed(one)) == 1
    for left_out in (
        passed(None),
        passed(one, outcome="failed"),
        passed(one, outcome="inconclusive"),
        passed(one, mode="valid"),
        passed(one, cut=("response body: 9 of 99 bytes",)),
        passed(rerank("2026-11-01", top_n="many")),
    ):
        assert learned(tmp_path, judge, left_out) == 1, left_out
    assert learned(tmp_path, judge, passed(one), passed(one)) == 3


def test_a_night_in_which_something_is_absent_does_not_teach_that(tmp_path: Path, judge: Judge) -> None:
    for night in NIGHTS:
        learned(tmp_path, judge, passed(rerank(night)))
    before = (tmp_path / "observed.yaml").read_bytes()
    assert learned(tmp_path, judge, *[passed(rerank("2026-11-13", WITHOUT_ID))] * 20) == len(NIGHTS)
    assert (tmp_path / "observed.yaml").read_bytes() == before


def test_runs_that_end_at_the_same_time_all_add_what_they_have_seen(tmp_path: Path, judge: Judge) -> None:
    runs = [tmp_path / f"run-{number}" for number in range(4)]
    for number, run in enumerate(runs):
        with Journal(run, Opening(worker="main", header=HEADER)) as journal:
            journal.add(passed(rerank(NIGHTS[number])))
    file = tmp_path / "observed.yaml"
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda run: LearningFile(str(file)).add_run(run, judge), runs))
    assert exchanges(load_observed(file)) == len(runs)


def test_the_first_run_is_compared_with_what_ships_and_the_next_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "observed.yaml"
    assert RunMemory(shapes=str(file), learn=True).compared == "auto"
    file.write_text("format: 1\nexchanges: 0\nscenarios: []\n", encoding="utf-8")
    assert RunMemory(shapes=str(file), learn=True).compared == str(file)
    assert RunMemory(shapes=str(file)).changed_at > 0
    file.write_text("else\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"observed\.yaml"):
        RunMemory(shapes=str(file), learn=True)
