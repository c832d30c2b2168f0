"""The benchmarks run and print their tables; what they measure is nobody's promise here."""

import socket
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def _lines(script: str, *options: str) -> list[str]:
    command = [sys.executable, str(BENCHMARKS / script), "--no-gate", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.splitlines()


def test_the_comparison_prints_all_contestants_and_the_goals() -> None:
    lines = _lines("judge.py", "--rounds", "2", "--slot", "0.0001", "--only", "chat, clean")

    judges = [line.split(" | ")[1] for line in lines if line.startswith("| chat, clean")]
    assert judges[:4] == ["ours", "ours, schemas alone", "ours, amendments explained", "floor"]
    assert {"schemathesis", "jsonschema", "openapi-core"} < set(judges)
    assert "| ours: calls the clean answer clean | | yes |" in lines


def test_injected_faults_are_found_and_nothing_else() -> None:
    lines = _lines("drift.py", "--exchanges", "520", "--repeat", "1")

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    counted = {row[0]: (row[1], row[2]) for row in rows if len(row) == 4 and row[1].isdecimal()}
    assert counted.pop("nothing: false alarms") == ("494", "0")
    unjudged = {"request: undocumented query key", "request: query value of a wrong type"}
    missed = {name for name, (planted, found) in counted.items() if planted != found}
    assert missed <= unjudged


def test_the_first_causes_name_the_faults_of_a_server() -> None:
    """One small set of the benchmark; all of them take hours."""
    lines = _lines("causes.py", "--sets", "1", "--first", "100")

    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    measured = {row[1].partition(",")[0]: row[2] for row in rows}
    # By the first five in most sets, not in each: the benchmark has the share.
    assert measured["by the first eight"] == "100.0"
    assert measured["no more causes once one fault is mended"] == "100.0"
    assert measured["causes that name several faults"] == "0"


def test_the_cost_of_requests_is_printed_without_another_server() -> None:
    port = str(free_port())
    lines = _lines("server_cost.py", "--rounds", "1", "--requests", "64", "--first-port", port)

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    measured = [(row[0], row[1]) for row in rows if row[0] in {"rerank", "chat", "embed"}]
    assert measured == [(name, count) for name in ("rerank", "chat", "embed") for count in ("1", "16", "64")]
    assert [row[0] for row in rows if row[0].endswith(" stream")] == ["median stream", "last stream"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
