"""The file of a history: what is written in which case, by one run or by several at once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path

import msgspec
import pytest

from cohere_conformance.errors import ReportError
from cohere_conformance.history import last_exercised, prune, remember, stored_runs
from cohere_conformance.model import Exchange, Finding, Kind, Request, Response, Severity, Source
from cohere_conformance.report import Header, Mode, Report, Tally

CHAT = "POST /v2/chat"
ELSEWHERE = Path("report")
"""The folder of the reports, in which no history is."""


def report(day: int, *locations: str, exit_code: int | None = None) -> Report:
    """Return a report of one day with a finding at each location."""
    tally = Tally()
    request = Request("POST", "https://api.cohere.com/v2/chat", (), b"{}")
    exchange = Exchange(request, Response(200, (), b"{}"), Source("a.har", "entry 1", None))
    findings = [
        Finding(Kind.TYPE_CHANGED, Severity.BREAKING, CHAT, 200, location, "a text", "a number")
        for location in locations
    ]
    tally.add(exchange, CHAT, findings, "application/json")
    header = Header(
        tool="cohere-conformance",
        version="1",
        contract_version="1",
        contract_digest="sha256:1",
        mode=Mode.AMENDED,
        inputs=("a.har",),
        started_at=f"2026-11-{day:02}T00:00:00Z",
    )
    return tally.finish(header, [CHAT], finished_at=f"2026-11-{day:02}T00:00:01Z", exit_code=exit_code)


def stored(path: Path, one: Report) -> Report:
    changed, written = remember(path, one, lambda shown: shown, folder=ELSEWHERE)
    assert changed is written, "the report with its changes is what is written"
    return changed


def days(path: Path) -> list[str]:
    return [run.started_at[8:10] for _, run in stored_runs(path)]


def test_each_run_is_compared_with_the_ones_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history.sqlite"
    assert stored(path, report(1, "/id")).changes is not None
    second = stored(path, report(2, "/id", "/usage")).changes
    assert second is not None
    assert second.since == "2026-11-01T00:00:01Z"
    assert {one.state for one in second.findings} == {"persisting", "new"}
    third = stored(path, report(3)).changes
    assert third is not None
    assert [one.state for one in third.findings] == ["resolved", "resolved"]
    assert days(path) == ["01", "02", "03"]


def test_a_first_run_is_mentioned_unless_the_file_is_the_default(tmp_path: Path) -> None:
    def first(path: Path, *, other: Report | None = None) -> Report:
        if other is not None:
            remember(path, other, lambda shown: shown, folder=tmp_path)
        return remember(path, report(2), lambda shown: shown, folder=tmp_path)[0]

    assert first(tmp_path / "history.sqlite").changes is None
    named = first(tmp_path / "nightly.sqlite").changes
    assert named is not None
    assert named.since is None
    (tmp_path / "history.sqlite").unlink()
    before = report(1)
    of_old_contract = msgspec.structs.replace(
        before, header=msgspec.structs.replace(before.header, contract_digest="sha256:0")
    )
    with_new_contract = first(tmp_path / "history.sqlite", other=of_old_contract).changes
    assert with_new_contract is not None
    assert with_new_contract.since is None, "what was known is not compared with, which has to be said"


def test_a_run_that_did_not_end_is_compared_and_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    stored(path, report(1, "/id", "/usage"))
    for exit_code in (2, 3, 5):
        changes = stored(path, report(2, "/id", exit_code=exit_code)).changes
        assert changes is not None
        assert [one.state for one in changes.findings] == ["persisting"]
    assert days(path) == ["01"]


def test_it_remembers_when_each_case_was_exercised_last(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    assert last_exercised(path, "a.har") == {}
    for day, items in ((3, ["a", "b"]), (5, ["b"]), (4, ["b", "c"])):
        one = report(day, exit_code=3)  # also of runs without a verdict
        remember(path, one, lambda shown: shown, folder=ELSEWHERE, exercised=items, day=date(2026, 11, day))
    remember(
        path, report(6), lambda shown: shown, folder=ELSEWHERE, exercised=["d"]
    )  # without a day nothing is added
    days_of = {item: day.day for item, day in last_exercised(path, "a.har").items()}
    assert days_of == {"a": 3, "b": 5, "c": 4}
    assert last_exercised(path, "b.har") == {}


def test_a_file_of_the_first_format_is_extended(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    stored(path, report(1, "/id"))
    with closing(sqlite3.connect(path)) as connection:  # as the version before wrote it
        connection.executescript("DROP TABLE exercised; PRAGMA user_version = 1;")
    assert last_exercised(path, "a.har") == {}
    remember(
        path, report(2, "/id"), lambda shown: shown, folder=ELSEWHERE, exercised=["a"], day=date(2026, 11, 2)
    )
    assert (days(path), list(last_exercised(path, "a.har"))) == (["01", "02"], ["a"])


def test_a_report_that_cannot_be_written_leaves_no_run(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    stored(path, report(1))

    def full(_: Report) -> None:
        raise ReportError("the disk is full")

    with pytest.raises(ReportError, match="the disk is full"):
        remember(path, report(2), full, folder=ELSEWHERE)
    assert days(path) == ["01"]


def test_runs_at_the_same_time_are_all_stored(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(lambda day: stored(path, report(day, "/id")), range(1, 25)))
    assert len(days(path)) == 24
    first = [one for one in changed if one.changes is not None and one.changes.since is None]
    assert len(first) == 1, "every other one was compared with a complete run"


def test_pruning_removes_the_oldest_runs(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    for day in (3, 1, 2):
        stored(path, report(day))
    assert prune(path, 2) == 1
    assert days(path) == ["02", "03"]


def test_a_file_of_something_else_is_not_changed(tmp_path: Path) -> None:
    text, other, newer = (tmp_path / name for name in ("text", "other", "newer"))
    text.write_text("not a database, and long enough to be mistaken for one\n" * 20, encoding="utf-8")
    for path, statement in ((other, "CREATE TABLE theirs (id)"), (newer, "PRAGMA user_version = 9")):
        if path is newer:
            stored(path, report(1))
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()
    for path in (text, other, newer):
        before = path.read_bytes()
        with pytest.raises(ReportError, match="expected a history"):
            stored(path, report(1))
        assert path.read_bytes() == before
    with pytest.raises(ReportError, match="no such file"):
        stored_runs(tmp_path / "absent")


def test_a_row_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    stored(path, report(1))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET run = '{'")
    connection.close()
    with pytest.raises(ReportError, match="expected a run"):
        stored(path, msgspec.structs.replace(report(2)))
