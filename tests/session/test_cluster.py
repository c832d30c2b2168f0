"""A cluster: its report is that of one machine, also where a worker is killed or a recording is divided."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import operator
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, Any

import distributed
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from cohere_conformance import session
from cohere_conformance.cli import run
from cohere_conformance.data import folder
from cohere_conformance.errors import TargetError, UsageError
from cohere_conformance.report import Header, Mode, Report, Tally, render_json
from cohere_conformance.sdk.parsers import wanted
from cohere_conformance.session import cluster as cluster_module
from cohere_conformance.session.engine import Engine, engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART = 20_000
RERANK = {"results": [{"index": 0, "relevance_score": 0.5}]}


def row(body: Any, **more: Any) -> dict[str, Any]:
    sent = {"method": "POST", "url": "https://api.cohere.com/v2/rerank", "status": 200}
    return sent | {"content_type": "application/json", "response_body": body} | more


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings of one part and of many, compressed and not, with errors and notes in them."""
    made = tmp_path_factory.mktemp("traffic")
    for example in ("conforming", "deviating"):
        shutil.copy(folder("cassettes") / "examples" / f"{example}.jsonl", made)
    rows = [json.dumps(row(RERANK if number % 40 else {"results": number})) for number in range(400)]
    rows[55] = "{broken"
    rows[200] = rows[350] = json.dumps(
        {k: v for k, v in row(0).items() if k != "response_body"} | {"resBody": 1}
    )
    text = ("\n".join(rows[:300]) + "\n\n  \n" + "\n".join(rows[300:])).encode()
    (made / "long.jsonl").write_bytes(b"\xef\xbb\xbf" + text)
    (made / "long.jsonl.gz").write_bytes(gzip.compress(text))
    (made / "long.jsonl.zst").write_bytes(zstandard.compress(text))
    table = {"status": [200, 200, None], "method": ["POST"] * 3, "url": [row(0)["url"]] * 3}
    table |= {"response_body": ['{"results": 1}', '{"results": "none"}', None]}
    parquet.write_table(pa.table(table), made / "rows.parquet", row_group_size=2)
    (made / "cut.json").write_text('{"interactions": [{"request": {', encoding="utf-8")
    return made


def check(
    path: Path,
    engine: Engine | None = None,
    progress: session.Progress | None = None,
    settings: session.JudgeSettings | None = None,
) -> Report:
    ours = session.Judge(settings or session.JudgeSettings())
    tally = ours.tally()
    session.check([str(path)], ours, tally, engine=engine, progress=progress)
    header = Header(
        tool="cohere-conformance",
        version="0.0.0",
        contract_version=ours.contract.version,
        contract_digest=ours.contract.digest,
        mode=Mode.AMENDED,
        inputs=("traffic",),
        started_at="2026-11-22T22:00:00Z",
    )
    return tally.finish(header, list(ours.contract.operations), finished_at="2026-11-22T22:00:01Z")


@pytest.fixture(scope="module")
def one(traffic: Path) -> Report:
    return check(traffic)


@pytest.fixture(scope="module")
def workers() -> Iterator[distributed.LocalCluster]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=100
    ) as made:
        yield made


def test_a_cluster_counts_what_one_machine_counts_although_a_worker_is_killed(
    one: Report, traffic: Path, workers: distributed.LocalCluster
) -> None:
    killed: list[int] = []

    def kill(file: str, count: int) -> None:
        if count and not killed:
            killed.append(workers.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    two = check(traffic, Engine(workers.scheduler_address, part=PART), kill)
    assert len(killed) == 1
    assert render_json(two) == render_json(one)
    assert two.footer.totals.unreadable == 5
    assert [note.where for note in two.coverage.remarks] == ["line 201"] * 3


def test_workers_parse_with_the_official_sdk(traffic: Path, workers: distributed.LocalCluster) -> None:
    pytest.importorskip("cohere", reason="the official SDK is an optional extra")
    settings = session.JudgeSettings(sdks=wanted(True, ""))
    here = check(traffic / "deviating.jsonl", settings=settings)
    there = check(traffic / "deviating.jsonl", Engine(workers.scheduler_address), settings=settings)
    assert {one.sdk.partition(" ")[0] for one in here.coverage.sdks} == {"cohere"}
    assert render_json(there) == render_json(here)


def test_a_run_that_is_interrupted_has_counted_what_was_judged(
    traffic: Path, workers: distributed.LocalCluster
) -> None:
    ours, tally = session.Judge(session.JudgeSettings()), Tally()

    def interrupt(file: str, count: int) -> None:
        if count:
            raise KeyboardInterrupt

    engine = Engine(workers.scheduler_address, part=PART)
    with pytest.raises(KeyboardInterrupt):
        session.check([str(traffic / "long.jsonl")], ours, tally, engine=engine, progress=interrupt)
    assert 0 < tally.exchanges_judged < 400


def test_a_worker_with_another_version_is_an_error_of_the_call(
    traffic: Path, workers: distributed.LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "version_of", lambda judge: ("9.9", "0" * 64))
    with pytest.raises(UsageError, match=r"expected cohere-conformance 9\.9 .* install the same version"):
        check(traffic / "deviating.jsonl", Engine(workers.scheduler_address))


def test_without_an_address_the_cluster_is_on_this_machine_and_ends_with_the_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(multiprocessing.active_children())
    options = ["--no-config", "--quiet", "--report-dir", str(tmp_path)]
    assert run(["check", "--example", "deviating", "--engine", "dask", "-j", "1", *options]) == 1
    assert set(multiprocessing.active_children()) <= before
    shown = capfd.readouterr()
    assert shown.err == ""
    assert shown.out.startswith("DEVIATES: ")


def test_a_part_that_no_worker_can_judge_hides_no_other(
    traffic: Path, workers: distributed.LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "judge_part", operator.truediv)
    report = check(traffic / "deviating.jsonl", Engine(workers.scheduler_address))
    (unreadable,) = report.coverage.unreadable
    assert unreadable.reason == "no worker could judge it (TypeError); look at the logs of the workers"
    assert report.footer.exit_code == 3


def test_a_scheduler_that_is_not_there_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "_WAIT", 0.2)
    with pytest.raises(TargetError, match="expected a scheduler with a worker"):
        check(folder("cassettes"), Engine("tcp://127.0.0.1:9"))


@pytest.mark.parametrize("name", ["ray", "dask=", "dask:8786"])
def test_an_engine_is_dask_with_or_without_an_address(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--example", "conforming", "--engine", name]) == 4
    assert "expected dask for a cluster on this machine, or dask=ADDRESS" in capsys.readouterr().err


def test_the_address_and_the_workers_of_an_engine() -> None:
    assert engine_of("dask", 3) == Engine(workers=3)
    assert engine_of("dask=tcp://h:8786") == Engine("tcp://h:8786")


def test_without_the_extra_the_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert run(["check", "--example", "conforming", "--engine", "dask"]) == 4
    assert "pip install 'cohere-conformance[dask]'" in capsys.readouterr().err
