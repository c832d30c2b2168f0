"""The script of a cause sends what its case has sent, with the ids of today."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from cohere_conformance import cli
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference import ServerState, chosen
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.report import load
from cohere_conformance.report.script import _line, script_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    # A run sets it for good, and other tests are about the plugins of pytest.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerThread]:
    state = ServerState(
        step=0.01, faults=chosen(["embed-jobs.truncate-differs", "tokenize.not-deterministic"])
    )
    with ServerThread(state) as running:
        yield running


def report_of(folder: Path, url: str, *arguments: str) -> Path:
    """Run, and return the folder of the report."""
    assert cli.run(["run", "--url", url, "--report-dir", str(folder), *arguments]) == 1
    return folder


def printed(script: str) -> list[str]:
    """Run a script, and return the lines that it prints."""
    environment = {"PATH": os.environ["PATH"], "CO_API_KEY": PRODUCTION, "NO_PROXY": "*", "LC_ALL": "C"}
    done = subprocess.run(["sh"], input=script.encode(), env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return [line for line in done.stdout.decode().split("\n") if line]


def test_what_a_request_needs_is_made_again_and_its_ids_are_put_in(
    server: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CO_API_KEY", PRODUCTION)
    folder = report_of(tmp_path, server.url, "--case", "embed-jobs.get.options")
    (cause,) = load(folder).causes
    script = script_of(folder, cause.id)
    assert PRODUCTION not in script
    *_, made, read = (json.loads(line) for line in printed(script))
    assert made["job_id"] == read["job_id"]
    assert read["truncate"] == "END", "the fault is seen again: the request says START"


def test_a_comparison_is_repeated_as_a_whole(
    server: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CO_API_KEY", PRODUCTION)
    folder = report_of(tmp_path, server.url, "--case", "tokenize.relations.the-same-text-has-the-same-tokens")
    (cause,) = load(folder).causes
    answers = [json.loads(line)["tokens"] for line in printed(script_of(folder, cause.id))]
    assert len({*map(tuple, answers)}) > 1


def test_an_unknown_cause_is_a_wrong_call(server: ServerThread, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected the id of a cause of the report in"):
        script_of(report_of(tmp_path, server.url, "--case", "embed-jobs.get.options"), "00000000")


def test_whatever_an_id_is_the_shell_runs_nothing_of_it(tmp_path: Path) -> None:
    hostile = "x'\"$(touch hacked)`touch hacked`;'"
    body = json.dumps({"a": "it's", "id": hostile, "b": "'"}).encode()
    request = Request("POST", f"http://127.0.0.1:1/{hostile}", (("content-type", "application/json"),), body)
    exchange = Exchange(request, Response(200, (), b"{}"), Source("run", "case"))
    line, _ = _line(exchange, {hostile: "ID1"})
    shown = line.replace("curl", "printf '%s\\n'", 1)
    done = subprocess.run(
        ["sh"], input=shown.encode(), env={"ID1": "today", "CO_API_KEY": "k"}, cwd=tmp_path,
        capture_output=True, check=True,
    )  # fmt: skip
    assert '{"a": "it\'s", "id": "' in done.stdout.decode()
    assert list(tmp_path.iterdir()) == []


def test_what_a_list_shows_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_KEY", PRODUCTION)
    state = ServerState(step=0.01, faults=chosen(["connectors.unsorted"]))
    with ServerThread(state) as running:
        folder = report_of(tmp_path, running.url, "--case", "connectors.list.newest-first")
        (cause,) = load(folder).causes
        script = script_of(folder, cause.id)
        assert "for connectors.tides" in script, "each request says what it is for"
        *made, listed = (json.loads(line) for line in printed(script))
    names = [one["connector"]["id"] for one in made]
    times = [one["created_at"] for one in listed["connectors"] if one["id"] in names]
    assert times != sorted(times, reverse=True), "the fault is seen again"
