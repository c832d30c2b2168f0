"""`fuzz` as its users meet it: the command, its exit code, and what its target has got and is left with."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from remembered import counted
from running import fuzzed

from cohere_conformance.reference import State
from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from pathlib import Path


PASSWORD = "not-a-real-password"
QUICK = ("--fuzz-profile", "smoke", "--only", "rerank,tokenize,check-api-key")
PROBE = 1
"""Requests with which a run finds out whether there is a server at all."""


def journal(home: Path) -> list[dict[str, Any]]:
    """Return what was sent and came back, in the order in which it happened."""
    path = home / "conformance-report" / "journal-main.jsonl"
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line.get("exchange")]


def test_a_faultless_server_conforms_and_the_report_has_the_figures(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, *QUICK)
    assert done.code == 0, done.told
    assert "CONFORMS" in done.told
    assert "Fuzzed: 4" in done.told
    report = done.report
    assert report["header"]["arguments"][:2] == ["fuzz", "--fuzz-profile=smoke"]
    assert report["header"]["target"]["seed"] == 0
    assert done.kinds == set()
    figures = {row["operation"]: row for row in report["coverage"]["fuzzed"]}
    assert figures.keys() == {
        "POST /v1/check-api-key",
        "POST /v1/rerank",
        "POST /v1/tokenize",
        "POST /v2/rerank",
    }
    for row in figures.values():
        assert 0 < row["served"] <= row["positive"]
        assert row["protocol"] == 12
        assert row["refused"] == row["negative"]
    assert figures["POST /v2/rerank"]["negative"] == 12
    page = (tmp_path / "conformance-report" / "report.html").read_text(encoding="utf-8")
    assert "Fuzzed" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fuzz-profile", "smok"), "'smoke', 'gate', 'deep'"),
        (("--max-requests", "0"), "--max-requests"),
        (("--max-examples", "-1"), "--max-examples"),
        (("--time-limit", "soon"), "--time-limit"),
        (("--seed", "x"), "--seed"),
        (("--only", "rerrank"), "did you mean rerank"),
        (("--example-db", f"redis://user:{PASSWORD}@127.0.0.1:1/0"), "--example-db redis://127.0.0.1:1/0"),
        (("--example-db", f"redis://user:{PASSWORD}@127.0.0.1:1/0", "-n", "2"), "--example-db redis://127"),
    ],
)
def test_a_wrong_call_is_exit_code_4(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = fuzzed(tmp_path, *QUICK, *arguments)
    assert done.code == 4, done.told
    assert words in done.told
    assert "Traceback" not in done.told
    assert PASSWORD not in done.told
    assert not (tmp_path / "conformance-report").exists()


# -- a crash of ours

BREAKING = """
from cohere_conformance.session import fuzzing

def derived(*arguments, **options):
    raise ZeroDivisionError("a mistake of ours")

fuzzing.derived = derived
"""


def test_a_mistake_of_ours_is_an_error_and_never_green(tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text(BREAKING, encoding="utf-8")
    done = fuzzed(tmp_path, "--only", "check-api-key", "--", "-p", "breaking")
    assert done.code == 3, done.told
    assert "CONFORMS" not in done.told
    cases = done.report["coverage"]["cases"]
    assert (cases["error"], cases["passed"]) == (3, 0)
    assert {end["outcome"] for end in cases["ends"]} == {"error"}
    assert all("ZeroDivisionError: a mistake of ours" in end["reason"] for end in cases["ends"])


# -- the same seed

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GIVEN = re.compile(r"(conformance-[a-z0-9-]*?-[0-9a-f]{6})-[0-9a-z]{6}\b")
"""The id of something: its name, and what the server has put behind it."""


def masked(told: str) -> str:
    return _GIVEN.sub(r"\1-given", _UUID.sub("uuid", told))


def requests(home: Path) -> list[tuple[str, ...]]:
    """Return what was sent, without what only the server decides on."""
    told = []
    for line in journal(home):
        request = line["exchange"]["request"]
        path = request["url"].split("/", 3)[3]
        body = str(request.get("body"))
        told.append((line["case"], request["method"], masked(path), masked(body)))
    return told


def test_the_same_seed_sends_the_same_requests_and_another_one_others(tmp_path: Path) -> None:
    seeds = {"one": "7", "again": "7", "other": "8"}
    with ExitStack() as open_servers, ThreadPoolExecutor(len(seeds)) as pool:
        # Whatever takes no time needs no waiting, and whoever waits sends as many requests as that takes.
        servers = {name: open_servers.enter_context(counted(State(step=0))) for name in seeds}
        runs = {}
        for name, seed in seeds.items():
            (tmp_path / name).mkdir()
            options = ("--url", servers[name][0], "--seed", seed, "--fuzz-profile", "smoke")
            runs[name] = pool.submit(fuzzed, tmp_path / name, *options, "--only", "rerank,connectors")
        for run in runs.values():
            assert run.result().code == 0, run.result().told
        sent = {name: requests(tmp_path / name) for name in seeds}
        got = {name: [(method, masked(path)) for method, path in seen] for name, (_, seen) in servers.items()}
    assert len(sent["one"]) > 200
    assert sent["one"] == sent["again"]
    assert got["one"] == got["again"]
    ours = [
        {request for request in sent[name] if request[0].startswith("fuzz.")} for name in ("one", "other")
    ]
    assert len(ours[0] - ours[1]) > 20
    assert [len(one) for one in got.values()] == [len(one) + PROBE for one in sent.values()]


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    told = []
    for number, more in enumerate(((), ("-n", "2"))):
        home = tmp_path / str(number)
        home.mkdir()
        done = fuzzed(home, "--only", "rerank", "--fault", "input.zero-crash", "--max-examples", "5", *more)
        assert done.code == 1, done.told
        told.append({(row["fingerprint"], row["count"]) for row in done.report["findings"]})
    assert told[0] == told[1]
    assert len(told[0]) >= 3


# -- limits


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["one process", "two processes"])
@pytest.mark.parametrize("group", ["rerank", "connectors"])
def test_no_more_is_sent_than_allowed(group: str, more: tuple[str, ...], tmp_path: Path) -> None:
    with counted(State()) as (url, seen):
        done = fuzzed(tmp_path, "--url", url, "--only", group, "--max-requests", "40", *more)
        assert done.code == 3, done.told
        assert 40 - 5 < len(seen) <= 40 + PROBE
        assert list(everything(url).values()) == [[], [], []], "what the run has made"
    reasons = done.report["coverage"]["cases"]["inconclusive_reasons"]
    assert any("40" in reason or "20" in reason for reason in reasons)


def test_the_time_limit_is_told_where_it_is_reached(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, "--only", "rerank,tokenize,check-api-key", "--time-limit", "0.5")
    assert done.code == 3, done.told
    reasons = done.report["coverage"]["cases"]["inconclusive_reasons"]
    assert reasons["the time limit is reached"] > 0
    assert "the time limit is reached" in done.told
    assert len(journal(tmp_path)) < 700, "all that there is to send"


# -- what somebody else has

LISTS = {
    "/v1/datasets": "datasets",
    "/v1/connectors": "connectors",
    "/v1/finetuning/finetuned-models": "finetuned_models",
}
JOBS = {"/v1/embed-jobs": ("embed_jobs", "job_id"), "/v2/batches": ("batches", "id")}


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {PRODUCTION}"})


def everything(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return what can be deleted, as its lists show it."""
    with client(url) as api:
        return {path: api.get(path).raise_for_status().json().get(name, []) for path, name in LISTS.items()}
