"""Runs that are killed at random points, and swept: is anything left, or somebody else's thing touched?

The server is `serve` in a process of its own, with resources of somebody else that were there before, two of
them with the names that runs use. Each run gets SIGKILL when its ledger has a number of lines that is chosen
at random, after a further time of up to 0.05 seconds. Then `sweep` runs once, and the lists of the server are
compared with what they were before the first run.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "cohere_conformance"]
GROUPS = "datasets,connectors,batches,embed-jobs,finetuning"
HEADERS = {"authorization": "Bearer reference-key"}
DELETABLE = {
    "datasets": "/v1/datasets",
    "connectors": "/v1/connectors",
    "finetuned_models": "/v1/finetuning/finetuned-models",
}
JOBS = {"embed_jobs": "/v1/embed-jobs", "batches": "/v2/batches"}
RUNNING = (
    "processing",
    "cancelling",
    "BATCH_STATUS_QUEUED",
    "BATCH_STATUS_IN_PROGRESS",
    "BATCH_STATUS_CANCELING",
)
ROWS = '{"text": "Somebody else\'s."}\n'


class Killed(NamedTuple):
    """What one killed run and its sweep have left.

    Attributes:
        lines: of the ledger, when the run was killed.
        ended: the run had ended by itself before that.
        open: entries that the run has left open.
        nameless: those of them without an id: killed between request and response.
        left: resources that are there after the sweep, and were not before the run.
        missing: resources that were there before the run, and are not, or have changed.
        running: jobs of runs that still do something.
        code: exit code of `sweep`.
    """

    lines: int
    ended: bool
    open: int
    nameless: int
    left: list[str]
    missing: list[str]
    running: list[str]
    code: int


@contextmanager
def serving() -> Iterator[str]:
    """Run a reference server, and yield its address."""
    server = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--step", "0.05"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[2]
    finally:
        server.terminate()
        server.wait()


def plant(client: httpx.Client) -> None:
    """Create what belongs to somebody else, as real as what runs create."""
    names = ("customers", "conformance-reviews-1a2b3c")
    for name in names:
        upload = client.post(
            "/v1/datasets",
            params={"name": name, "type": "embed-input"},
            files={"data": ("rows.jsonl", ROWS, "application/jsonl")},
        )
        upload.raise_for_status()
        connector = {"name": name.replace("-", " "), "url": "https://somebody.example/search"}
        client.post("/v1/connectors", json=connector).raise_for_status()
    dataset = upload.json()["id"]
    while client.get(f"/v1/datasets/{dataset}").json()["dataset"]["validation_status"] != "validated":
        time.sleep(0.05)
    job = {"model": "embed-english-v3.0", "dataset_id": dataset, "input_type": "search_document"}
    identity = client.post("/v1/embed-jobs", json=job).raise_for_status().json()["job_id"]
    while client.get(f"/v1/embed-jobs/{identity}").json()["status"] in RUNNING:
        time.sleep(0.05)
    time.sleep(2)  # until everything is validated


def listed(client: httpx.Client, key: str, path: str) -> dict[str, Any]:
    """Return what a list shows, by its id."""
    found: dict[str, Any] = {}
    query: dict[str, Any] = (
        {"limit": 100, "offset": 0} if key in {"datasets", "connectors"} else {"page_size": 50}
    )
    while True:
        answer = client.get(path, params=query).raise_for_status().json()
        page = {one.get("id") or one["job_id"]: one for one in answer.get(key, [])}
        found |= page
        if "offset" in query and page:
            query["offset"] += len(page)
        elif answer.get("next_page_token"):
            query["page_token"] = answer["next_page_token"]
        else:
            return found


def snapshot(client: httpx.Client) -> dict[str, Any]:
    """Return everything that can be deleted; without the parts, whose URLs are signed anew each time."""
    return {
        f"{path} {identity}": {name: value for name, value in one.items() if name != "dataset_parts"}
        for key, path in DELETABLE.items()
        for identity, one in listed(client, key, path).items()
    }


def kill(url: str, folder: Path, lines: int, pause: float, only: str = GROUPS) -> tuple[int, bool]:
    """Start a run, and kill it; return the lines of its ledger, and whether it had ended by itself."""
    ledger = folder / "ledger.jsonl"
    before = ledger.read_bytes().count(b"\n") if ledger.exists() else 0
    run = subprocess.Popen(
        [*COMMAND, "run", "--no-config", "--url", url, "--only", only, "--report-dir", str(folder), "-q"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while run.poll() is None:
        written = ledger.read_bytes().count(b"\n") - before if ledger.exists() else 0
        if written >= lines:
            time.sleep(pause)
            break
        time.sleep(0.005)
    ended = run.poll() is not None
    run.send_signal(signal.SIGKILL)
    run.wait()
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0, ended


def swept(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `sweep`."""
    arguments = ["sweep", "--no-config", "--url", url, "--report-dir", str(folder)]
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def killed(
    url: str, client: httpx.Client, folder: Path, lines: int, pause: float, only: str = GROUPS
) -> Killed:
    """Kill one run, sweep, and compare."""
    before, jobs = snapshot(client), {path: listed(client, key, path) for key, path in JOBS.items()}
    written, ended = kill(url, folder, lines, pause, only)
    states = _states(folder / "ledger.jsonl")
    opened = [one for one in states.values() if one["state"] not in {"gone", "refused", "ended"}]
    done = swept(url, folder) if opened else subprocess.CompletedProcess([], 0, "", "")
    after = snapshot(client)
    running = [
        f"{path} {identity}"
        for key, path in JOBS.items()
        for identity, one in listed(client, key, path).items()
        if one["status"] in RUNNING
    ]
    changed = [
        f"{path} {identity}"
        for key, path in JOBS.items()
        for identity, one in listed(client, key, path).items()
        if identity in jobs[path] and one != jobs[path][identity]
    ]
    return Killed(
        lines=written,
        ended=ended,
        open=len(opened),
        nameless=sum("id" not in one for one in opened),
        left=sorted(after.keys() - before.keys()),
        missing=sorted(name for name in before if after.get(name) != before[name]) + changed,
        running=running,
        code=done.returncode,
    )


def _states(ledger: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for line in ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else ():
        one = json.loads(line)
        found.setdefault(one["entry"], {}).update(one)
    return found


def main() -> int:
    """Print a line for each killed run, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--most", type=int, default=700, help="lines of the ledger of a complete run")
    parser.add_argument("--no-gate", action="store_true")
    given = parser.parse_args()
    chance, results = random.Random(given.seed), []
    with serving() as url, httpx.Client(base_url=url, headers=HEADERS, timeout=30) as client:
        plant(client)
        for _ in range(given.points):
            lines, pause = chance.randint(1, given.most), chance.random() * 0.05
            with TemporaryDirectory() as folder:
                one = killed(url, client, Path(folder), lines, pause)
            results.append(one)
            print(
                f"killed after {one.lines:>3} lines: {one.open:>2} open, {one.nameless} without id; "
                f"sweep {one.code}: {len(one.left)} left, {len(one.missing)} touched, "
                f"{len(one.running)} jobs running",
                flush=True,
            )
    bad = [one for one in results if one.left or one.missing or one.running or one.code]
    print(
        f"{len(results)} runs killed, {sum(one.open for one in results)} entries open, "
        f"{sum(one.nameless for one in results)} of them without id; "
        f"{len(bad)} sweeps left or touched something"
    )
    return 1 if bad and not given.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
