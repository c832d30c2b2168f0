"""The script of a cause sends what its case has sent, with the ids of today."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance import cli
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference import ServerState, chosen
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.reference.state import Clock
from cohere_conformance.report import load
from cohere_conformance.report.script import _line, script_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PACE = 0.02
"""Seconds that pass on a server with each request of a script."""


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


def ran(script: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script."""
    # With the python3 of this process first: another one may be a script that looks for it.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {"PATH": path, "CO_API_KEY": PRODUCTION, "NO_PROXY": "*", "LC_ALL": "C"}
    return subprocess.run(["sh"], input=script.encode(), env=environment, capture_output=True, check=False)


def printed(script: str) -> list[str]:
    """Run a script that reports no failure, and return the lines that it prints."""
    done = ran(script)
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


def script_against(
    fault: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, pace: float = PACE
) -> tuple[str, list[dict[str, Any]]]:
    """Return the script of the first cause of a run against a server with a fault, and what it prints.

    Args:
        fault: of the server.
        folder: of the report.
        monkeypatch: sets the key.
        arguments: of `run`.
        pace: seconds that pass with each request of the run, and with nothing else.
    """
    monkeypatch.setenv("CO_API_KEY", PRODUCTION)
    clock = Clock(runs=False)
    state = ServerState(step=0.05, time_per_request=pace, clock=clock, faults=chosen([fault]))
    with ServerThread(state) as running:
        report_of(folder, running.url, *arguments)
        script = script_of(folder, load(folder).causes[0].id)
        state.time_per_request = PACE
        return script, [json.loads(line) for line in printed(script.replace("sleep 1", "sleep 0.05"))]


def test_what_a_list_contains_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = ("--case", "datasets.list.finished-opinions")
    script, answers = script_against("datasets.schema-no-json", tmp_path, monkeypatch, *case)
    assert "the run waited for datasets.opinions: until it is validated" in script
    (listed,) = answers[-1]["datasets"]
    assert listed["schema"].startswith("{'type'"), "the fault is seen again: this is no JSON"


@pytest.mark.parametrize("pace", [PACE, 3 * PACE, 30 * PACE])
def test_of_a_long_case_only_the_requests_about_one_resource_are_sent(
    pace: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the run had to look at three times, or not at all, may take eight times today."""
    options = ("--case", "batches.lifecycle.any-order", "--fail-on", "notice")
    fault = "batches.cancel-changes-completed"
    script, answers = script_against(fault, tmp_path, monkeypatch, *options, pace=pace)
    states = [one["batch"]["status"] for one in answers if "batch" in one]
    assert {"BATCH_STATUS_COMPLETED", "BATCH_STATUS_CANCELED"} <= set(states), "the fault is seen again"
    assert script.count("curl ") <= 10, "a loop that waits is one command"


def test_what_is_not_ready_in_time_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script goes on, and says why it may show nothing, and where to change that."""
    monkeypatch.setenv("CO_API_KEY", PRODUCTION)
    state = ServerState(
        step=0.05, time_per_request=PACE, clock=Clock(runs=False), faults=chosen(["datasets.schema-no-json"])
    )
    with ServerThread(state) as running:
        folder = report_of(tmp_path, running.url, "--case", "datasets.list.finished-opinions")
        script = script_of(folder, load(folder).causes[0].id)
        state.time_per_request = 0
        done = ran(script.replace("sleep 1", "sleep 0").replace("-lt 60", "-lt 2"))
    assert done.returncode == 0
    said = done.stderr.decode().splitlines()
    assert said[0].startswith("expected validated at /dataset/validation_status, not seen in 60 requests")
    assert said[1].endswith("change 60 in until_is")
    assert len(json.loads(done.stdout.splitlines()[-1])["datasets"]) == 1


def test_a_list_that_was_read_to_know_an_id_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = ("--case", "connectors.list.offset")
    script, (*_, first, second) = script_against("connectors.offset-ignored", tmp_path, monkeypatch, *case)
    assert "for connectors.first-page" in script
    assert first["connectors"] == second["connectors"], "the fault is seen again"


def test_what_is_removed_at_the_end_of_a_case_is_not_removed_by_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = ("--case", "datasets.relations.datasets-of-one-name-have-two-ids")
    script, (first, second, *_) = script_against("datasets.id-repeated", tmp_path, monkeypatch, *case)
    assert first["id"] == second["id"], "the fault is seen again"
    assert "-X DELETE" not in script


def test_what_has_an_id_that_the_client_chose_is_created_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CO_API_KEY", PRODUCTION)
    faults = chosen(["datasets.id-repeated", "datasets.schema-no-json"])
    with ServerThread(ServerState(step=0.01, faults=faults)) as running:
        report_of(tmp_path, running.url, "--case", "datasets.get.opinions")
        script = script_of(tmp_path, load(tmp_path).causes[0].id)
        *_, read = (json.loads(line) for line in printed(script.replace("sleep 1", "sleep 0.05")))
    assert read["dataset"]["schema"].startswith("{'type'"), "the fault is seen again: this is no JSON"


def test_the_token_of_a_page_is_that_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = ("--case", "finetuning.events.next-page")
    script, (*_, first, second) = script_against("finetuning.page-drops-item", tmp_path, monkeypatch, *case)
    assert "value '/next_page_token'" in script
    assert (len(first["events"]), second["events"]) == (1, []), "the fault is seen again"


def test_what_an_empty_list_lacks_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = ("--case", "datasets.list.type")
    script, (*made, listed) = script_against("datasets.list-omits-new", tmp_path, monkeypatch, *case)
    assert "for datasets.conversations" in script
    assert made
    assert listed["datasets"] == [], "the fault is seen again"


def replayed(faults: list[str], about: str, folder: Path, *cases: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the script of the cause about something, and what it prints the second time it is run."""
    options = [text for fault in faults for text in ("--fault", fault)]
    options += [text for case in cases for text in ("--case", case)]
    assert cli.run(["run", "--report-dir", str(folder), "--fail-on", "notice", *options]) == 1
    cause = next(one for one in load(folder).causes if about in one.title)
    script = script_of(folder, cause.id)
    with ServerThread(ServerState(step=0.01, faults=chosen(faults))) as running:
        again = re.sub(r"http://127\.0\.0\.1:\d+", running.url, script).replace("sleep 1", "sleep 0.05")
        printed(again)
        return script, [json.loads(line) for line in printed(again)]


def test_an_id_that_a_creation_lacks_is_that_of_the_newest_with_its_name(
    tmp_path: Path,
) -> None:
    faults = ["batches.id-missing", "batches.unsorted", "batches.output-missing"]
    case = "batches.get.completed"
    script, answers = replayed(faults, "output_dataset_id", tmp_path, case)
    assert "newest batches id conformance-answers-" in script
    made = next(one["batch"] for one in answers if "batch" in one)
    read = answers[-1]["batch"]
    assert read["created_at"] == made["created_at"], "the batch of the first time has the same name"
    assert (read["status"], read["output_dataset_id"]) == ("BATCH_STATUS_COMPLETED", "")


def test_what_a_list_shows_is_made_again_though_its_creation_returned_no_id(
    tmp_path: Path,
) -> None:
    faults = ["batches.id-missing", "batches.unsorted"]
    cases = ("batches.get.completed", "batches.get.stopped", "batches.list.by-creation")
    script, answers = replayed(faults, "up and down", tmp_path, *cases)
    assert "of case batches.list.by-creation" in script
    made = [one["batch"]["name"] for one in answers if "batch" in one]
    assert made
    assert {one["name"] for one in answers[-1]["batches"]} >= {*made}


def test_what_has_a_chosen_id_is_created_for_a_request_with_the_id_in_its_body(
    tmp_path: Path,
) -> None:
    faults = ["datasets.id-repeated", "batches.updated-before-created"]
    _, answers = replayed(faults, "updated_at", tmp_path, "batches.create.plain")
    made = next(one["batch"] for one in answers if "batch" in one)
    assert made["updated_at"] < made["created_at"], "the fault is seen again"


def test_a_case_that_shows_it_before_a_removal_is_repeated_rather_than_a_shorter_one(
    tmp_path: Path,
) -> None:
    names = ("pages-show-every-batch-once", "results-are-complete")
    faults = ["batches.output-missing", "batches.page-size-ignored"]
    _, answers = replayed(
        faults, "output_dataset_id", tmp_path, *(f"batches.relations.{one}" for one in names)
    )
    assert answers[-1]["batch"]["output_dataset_id"] == "", "the fault is seen again"
    assert answers[-1]["batch"]["status"] == "BATCH_STATUS_COMPLETED"


@pytest.mark.parametrize(
    "cases",
    [
        ["lifecycle.any-order"],
        # The last two take so long that the first batch ends before it is removed.
        ["create.plain", "get.completed", "create.dataset-of-another-type", "create.dataset-not-valid"],
    ],
)
def test_what_takes_time_is_waited_for_though_its_removal_has_shown_it(
    cases: list[str], tmp_path: Path
) -> None:
    names = [f"batches.{case}" for case in cases]
    script, answers = replayed(["batches.output-missing"], "output_dataset_id", tmp_path, *names)
    assert ":cancel" not in script
    assert answers[-1]["batch"]["output_dataset_id"] == "", "the fault is seen again"
    assert answers[-1]["batch"]["status"] == "BATCH_STATUS_COMPLETED"
