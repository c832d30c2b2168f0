"""`sweep` as its users meet it: after a run that was killed, and with what it must not remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import sweep as benchmark
from hosted import URL as HOSTED
from hosted import hosted

from cohere_conformance.cli import run
from cohere_conformance.cli.leftover import hint
from cohere_conformance.client.ledger import CreationLedger, LedgerState, open_entries
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
NAME = "conformance-reviews-1a2b3c"
OTHER = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServerThread(ServerState()) as server:
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers=benchmark.HEADERS) as client:
        yield client


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "conformance-report"


def upload(client: httpx.Client, name: str) -> str:
    files = {"data": ("rows.jsonl", '{"text": "a"}\n', "application/jsonl")}
    answer = client.post("/v1/datasets", params={"name": name, "type": "embed-input"}, files=files)
    return str(answer.raise_for_status().json()["id"])


def note(folder: Path, target: str, identity: str, name: str = NAME) -> None:
    """Note a dataset in the ledger, as a run that was killed."""
    ledger = CreationLedger(folder / "ledger.jsonl", target)
    entry = ledger.begin("POST /v1/datasets", "/v1/datasets", name=name)
    ledger.note(entry, LedgerState.CREATED, identity=identity)
    ledger.close()


def test_a_killed_run_is_swept_and_nothing_else_touched(
    url: str, client: httpx.Client, folder: Path, capsys: Capture
) -> None:
    """The next run says what may be left and how to remove it; then nothing is left."""
    theirs = upload(client, "customers")
    while client.get(f"/v1/datasets/{theirs}").json()["dataset"]["validation_status"] != "validated":
        pass
    before = benchmark.snapshot(client)
    lines, ended = benchmark.kill(url, folder, 20, 0.02, only="datasets")
    assert (lines >= 20, ended) == (True, False)
    opened = len(open_entries(folder / "ledger.jsonl"))
    assert opened > 0

    assert run(["run", "--no-config", "--url", url, "--only", "check-api-key", "-q"]) == 0
    error = capsys.readouterr().err
    assert f"of earlier runs may be left on {url}; remove with: cohere-conformance sweep\n" in error
    assert "of this run" not in error

    assert run(["sweep", "--no-config"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"{url}: nothing is left"
    assert len(printed) == opened + 1
    assert benchmark.snapshot(client) == before
    assert not (folder / "ledger.jsonl").exists()


def test_without_a_ledger_nothing_is_left(capsys: Capture) -> None:
    assert run(["sweep", "--no-config"]) == 0
    assert "no ledger" in capsys.readouterr().out


def test_a_ledger_that_was_named_has_to_exist(capsys: Capture) -> None:
    assert run(["sweep", "--no-config", "--ledger", "nowhere.jsonl"]) == 4
    assert "expected the ledger of a run" in capsys.readouterr().err


def test_a_dry_run_removes_nothing(url: str, client: httpx.Client, folder: Path, capsys: Capture) -> None:
    identity = upload(client, NAME)
    note(folder, url, identity)
    assert run(["sweep", "--no-config", "--dry-run"]) == 1
    out = capsys.readouterr().out
    assert f"would remove dataset '{NAME}' ({identity})" in out
    assert client.get(f"/v1/datasets/{identity}").status_code == 200
    assert run(["sweep", "--no-config"]) == 0
    assert client.get(f"/v1/datasets/{identity}").status_code == 404


def test_what_is_somebody_elses_stays_until_it_is_forgotten(
    url: str, client: httpx.Client, folder: Path, capsys: Capture
) -> None:
    """The id is in the ledger, and the dataset has another name."""
    identity = upload(client, "customers")
    note(folder, url, identity)
    assert run(["sweep", "--no-config"]) == 1
    out = capsys.readouterr().out
    assert f"untouched    dataset '{NAME}' ({identity}): it has another name, 'customers'" in out
    assert "sweep with --forget" in out
    assert run(["sweep", "--no-config", "--forget"]) == 0
    assert not (folder / "ledger.jsonl").exists()
    assert client.get(f"/v1/datasets/{identity}").status_code == 200


def test_with_several_targets_one_is_chosen_and_the_others_are_said(
    url: str, folder: Path, capsys: Capture
) -> None:
    note(folder, OTHER, "d1")
    note(folder, url, "d2")
    assert run(["sweep", "--no-config"]) == 4
    assert f"expected --url with one of the targets in the ledger: {OTHER}, {url}" in capsys.readouterr().err
    assert run(["sweep", "--no-config", "--url", url]) == 0
    assert f"{OTHER}: not swept: sweep with --url {OTHER}" in capsys.readouterr().out
    assert [one.first.target for one in open_entries(folder / "ledger.jsonl")] == [OTHER]
    assert run(["sweep", "--no-config", "--url", url]) == 4, "the ledger has nothing about it any more"


def test_a_target_that_does_not_respond_is_exit_code_3(folder: Path, capsys: Capture) -> None:
    note(folder, OTHER, "d1")
    assert run(["sweep", "--no-config"]) == 3
    assert "expected a server that responds" in capsys.readouterr().err
    assert len(open_entries(folder / "ledger.jsonl")) == 1


def test_a_server_of_somebody_else_needs_live(folder: Path, capsys: Capture) -> None:
    """The ledger alone sends no key to another host."""
    note(folder, "https://api.cohere.com", "d1")
    assert run(["sweep", "--no-config"]) == 4
    assert "--live" in capsys.readouterr().err


def test_a_ledger_that_a_run_is_using_is_not_swept(url: str, folder: Path, capsys: Capture) -> None:
    ledger = CreationLedger(folder / "ledger.jsonl", url)
    ledger.begin("POST /v1/datasets", "/v1/datasets", name=NAME)
    assert run(["sweep", "--no-config"]) == 3
    assert "sweep when it has ended" in capsys.readouterr().err
    ledger.close()


def test_the_embedded_server_needs_no_ledger(folder: Path) -> None:
    """It ends with the run, and everything with it."""
    assert run(["run", "--no-config", "--case", "datasets.upload-csv", "--only", "datasets", "-q"]) in {0, 4}
    assert not (folder / "ledger.jsonl").exists()


def test_a_configuration_file_may_name_the_ledger(
    url: str, client: httpx.Client, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "conformance.toml").write_text(
        f'url = "{url}"\nledger = "kept/created.jsonl"\n', encoding="utf-8"
    )
    ledger = CreationLedger(tmp_path / "kept" / "created.jsonl", url)
    entry = ledger.begin("POST /v1/datasets", "/v1/datasets", name=NAME)
    ledger.note(entry, LedgerState.CREATED, identity=upload(client, NAME))
    ledger.close()
    assert run(["sweep"]) == 0
    assert "removed      dataset" in capsys.readouterr().out


def test_a_live_target_is_swept_only_after_a_yes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Where nobody can answer, it is only shown what would be removed; no other operation is called."""
    with hosted(tmp_path) as target:
        for name, value in target.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CO_API_KEY", "reference-key")
        with httpx.Client(base_url=HOSTED, headers=benchmark.HEADERS) as client:
            identity = upload(client, NAME)
        note(folder, HOSTED, identity)
        target.sent.clear()
        command = ["sweep", "--no-config", "--live"]
        assert run(command) == 1
        out = capsys.readouterr().out
        assert f"would remove dataset '{NAME}'" in out
        assert "sweep with --yes" in out
        assert {method for method, path in target.sent if path != "/v1/check-api-key"} == {"GET"}
        assert run([*command, "--yes"]) == 0
        changes = [one for one in target.sent if one[0] != "GET" and one[1] != "/v1/check-api-key"]
        assert changes == [("DELETE", f"/v1/datasets/{identity}")]


def test_a_run_says_what_it_could_not_remove_itself(url: str, folder: Path, capsys: Capture) -> None:
    """Only once: what was reported before the run is not reported again after it."""
    path = folder / "ledger.jsonl"
    note(folder, url, "d1")
    known = hint(path, set(), "earlier runs")
    assert "1 resource of earlier runs may be left" in capsys.readouterr().err
    note(folder, url, "d2")
    assert hint(path, known, "this run") > known
    assert "1 resource of this run may be left" in capsys.readouterr().err
    hint(path, hint(path, known, "this run"), "this run")
    assert capsys.readouterr().err.count("may be left") == 1


def test_another_file_is_named_in_the_hint(url: str, tmp_path: Path, capsys: Capture) -> None:
    """The command can be pasted as it is."""
    note(tmp_path / "a b", url, "d1")
    hint(tmp_path / "a b" / "ledger.jsonl", set(), "earlier runs")
    assert f"cohere-conformance sweep --ledger '{tmp_path}/a b/ledger.jsonl'\n" in capsys.readouterr().err
