"""`run --shard` and `report merge`: shards together are exactly one run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from running import called

from cohere_conformance.history import last_exercised
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.app import application
from cohere_conformance.reference.server import ServerThread

ROOT = Path(__file__).parents[2]
OPTIONS = (
    "--only",
    "tokenize,connectors",
    "--fault",
    "tokenize.strings-short",
    "--fault",
    "tokenize.empty-accepted",
)
_TIME = re.compile(r"20\d\d-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)|\w{3}, \d\d \w{3} 20\d\d [\d:]{8} GMT")
_MADE_ANEW = re.compile(
    r"(?<=127\.0\.0\.1:)\d+|\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)


def report(folder: Path) -> dict[str, Any]:
    """Return a report without times, ports and ids that a server makes anew."""
    text = (folder / "report.json").read_text(encoding="utf-8")
    return json.loads(_MADE_ANEW.sub("ID", _TIME.sub("TIME", text)))


def without_durations(value: Any) -> Any:
    """Return a report without what a clock decides, and without how the run was divided."""
    if isinstance(value, list):
        return [without_durations(one) for one in value]
    if not isinstance(value, dict):
        return value
    left_out = {"latency", "merged", "workers", "arguments"}
    return {name: without_durations(one) for name, one in value.items() if name not in left_out}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run, the same as two shards, and these merged."""
    home = tmp_path_factory.mktemp("shards")
    assert called(home, "run", *OPTIONS, "--report-dir", "one").code == 1
    for number in (1, 2):
        done = called(home, "run", *OPTIONS, "--shard", f"{number}/2", "--report-dir", f"shard-{number}")
        assert done.code == 1, done.output
    done = called(home, "report", "merge", "shard-2", "shard-1/report.json", "-o", "merged")
    assert done.code == 1, done.output
    assert "merged from 2 runs; 2 workers" in done.output
    return home


def test_shards_together_are_one_run(home: Path) -> None:
    one, merged = report(home / "one"), report(home / "merged")
    assert merged["header"]["target"]["merged"] == 2
    assert without_durations(merged) == without_durations(one)
    assert len(one["causes"]) >= 2
    measured = [
        [operation["latency"]["count"] for operation in found["coverage"]["operations"]]
        for found in (one, merged)
    ]
    assert measured[0] == measured[1]


def test_a_shard_says_which_one_it_is(home: Path) -> None:
    shard = report(home / "shard-1")
    assert shard["header"]["target"]["shard"] == {"number": 1, "of": 2}
    assert "shard 1/2" in (home / "shard-1" / "report.md").read_text(encoding="utf-8")
    assert 0 < shard["coverage"]["cases"]["run"] < report(home / "one")["coverage"]["cases"]["run"]


def test_a_merged_run_is_remembered_as_one_run(home: Path) -> None:
    options = ("--history", "nights.sqlite", "-q")
    for _ in range(2):
        done = called(home, "report", "merge", "shard-1", "shard-2", "-o", "again", *options)
        assert done.code == 1, done.output
    changes = report(home / "again")["changes"]
    assert {one["state"] for one in changes["causes"]} == {"persisting"}
    remembered = last_exercised(home / "nights.sqlite", "embedded, profile contract")
    assert len(remembered) == report(home / "one")["coverage"]["cases"]["run"]


def test_incomplete_shards_have_no_report(home: Path) -> None:
    done = called(home, "report", "merge", "shard-1", "-o", "incomplete")
    assert (done.code, "got 1 without 2/2" in done.output) == (3, True)
    assert not (home / "incomplete").exists()
    assert called(home, "report", "merge", "shard-1", "shard-2", "-o", "shard-2").code == 4


def test_the_limit_of_requests_is_that_of_all_shards(tmp_path: Path) -> None:
    limited = ("--only", "tokenize", "--max-requests", "3", "--shard", "1/4")
    done = called(tmp_path, "run", *limited)
    assert done.code == 4
    assert "in each of 4 shards; allow more" in done.output


def test_the_documented_shards_print_what_is_shown(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    block = re.search(
        r"```console\n(\$ cohere-conformance run --only tokenize --shard.*?)```", page, re.DOTALL
    )
    assert block is not None
    command = ""
    for line in block[1].splitlines():
        if line.startswith("$ cohere-conformance "):
            command = line.removeprefix("$ cohere-conformance ")
        else:
            assert called(tmp_path, *command.split()).output.split() == line.split()


def test_coverage_is_read_from_journals_also_below_a_base_path(tmp_path: Path) -> None:
    state = ServerState()
    app = application(state)

    async def below(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix("/cohere")
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    with ServerThread(state, below) as server:
        url = f"{server.url}/cohere"
        done = called(tmp_path, "run", "--url", url, "--only", "tokenize", "--report-dir", "run")
    assert done.code == 0, done.output
    covered = report(tmp_path / "run")["coverage"]["exercise"]
    assert called(tmp_path, "report", "--report-dir", "run").code == 0
    assert report(tmp_path / "run")["coverage"]["exercise"] == covered
    assert sum(one["seen"] for one in covered) > 10


def test_a_shard_without_cases_is_merged_as_well(tmp_path: Path) -> None:
    """All tests that fuzz one operation are in one shard: the others have nothing to do."""
    options = ("--only", "check-api-key", "--fuzz-profile", "smoke")
    codes = [
        called(tmp_path, "fuzz", *options, "--shard", f"{number}/2", "--report-dir", f"shard-{number}").code
        for number in (1, 2)
    ]
    assert sorted(codes) == [0, 5]
    assert called(tmp_path, "report", "merge", "shard-1", "shard-2", "-o", "merged").code == 0
    assert called(tmp_path, "fuzz", *options, "--report-dir", "one").code == 0
    assert without_durations(report(tmp_path / "merged")) == without_durations(report(tmp_path / "one"))
