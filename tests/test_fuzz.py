"""`fuzz` as its users meet it: the command, its exit code, and what its target has got and is left with."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import httpx
import pytest
from databases import PASSWORD, redis_server
from remembered import Unhurried, counted, watched
from running import called_here, fuzzed
from within import URL, within

from cohere_conformance.fuzz.candidate import GenerationMode
from cohere_conformance.fuzz.database import DatabaseSection, open_database
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from remembered import Seen
    from running import Done


GROUPS = "rerank,tokenize,check-api-key"
QUICK = ("--fuzz-profile", "smoke", "--only", GROUPS)
PROBE = 1
"""Requests with which a run finds out whether there is a server at all."""


def journal(home: Path) -> list[dict[str, Any]]:
    """Return requests and responses, in their order."""
    path = home / "conformance-report" / "journal-main.jsonl"
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line.get("exchange")]


def of(*operations: str) -> tuple[str, ...]:
    """Return the options that fuzz only these, without sequences."""
    tests = (f"fuzz.{mode}.{operation}" for operation in operations for mode in GenerationMode)
    return tuple(option for test in tests for option in ("--case", test))


def test_a_faultless_server_conforms_and_the_report_has_the_figures(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, *QUICK)
    assert done.code == 0, done.output
    assert "CONFORMS" in done.output
    assert "fuzzed 4 operations: " in done.output
    report = done.report
    assert report["header"]["arguments"][0] == "fuzz"
    assert {"--fuzz-profile=smoke", f"--only={GROUPS}"} <= set(report["header"]["arguments"])
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
        assert row["protocol"] > 0
        assert row["negative"] - 2 <= row["refused"] <= row["negative"], "version 1 serves unknown fields"
    assert figures["POST /v2/rerank"]["negative"] >= 10
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
    ],
)
def test_a_wrong_call_is_exit_code_4(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = fuzzed(tmp_path, *QUICK, *arguments)
    assert done.code == 4, done.output
    assert words in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "conformance-report").exists()


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_a_redis_that_nobody_answers_at_is_a_wrong_call(more: tuple[str, ...], tmp_path: Path) -> None:
    done = fuzzed(tmp_path, *QUICK, "--example-db", f"redis://user:{PASSWORD}@127.0.0.1:1/0", *more)
    assert "Traceback" not in done.output
    assert done.code == 4, done.output
    assert PASSWORD not in done.output
    assert "--example-db redis://127.0.0.1:1/0: expected a Redis server" in done.output


def test_a_redis_keeps_what_failed_and_its_password_is_never_shown(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with redis_server(tmp_path) as address:
        database = f"redis://:{PASSWORD}@{address}/0"
        few = (*of("post-v1-tokenize"), "--max-examples", "2")
        done = fuzzed(home, *few, "--fault", "input.charset-crash", "--example-db", database)
        assert done.code == 1, done.output
        kept = DatabaseSection(open_database(database), "fuzz.protocol.post-v1-tokenize")
        assert any(b"charset=utf-8" in name for name in kept.fetch(b"failed"))
    written = [path for path in home.rglob("*") if path.is_file()]
    assert len(written) >= 4
    assert [path.name for path in written if PASSWORD.encode() in path.read_bytes()] == []
    assert PASSWORD not in done.output
    assert any(address in argument for argument in done.report["header"]["arguments"])


# -- a crash of ours

BREAKING = """
from cohere_conformance.fuzz import fuzzer

def derived(*arguments, **options):
    raise ZeroDivisionError("a mistake of ours")

fuzzer.derived = derived
"""


def test_a_mistake_of_ours_is_an_error_and_never_green(tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text(BREAKING, encoding="utf-8")
    done = fuzzed(tmp_path, "--only", "check-api-key", "--", "-p", "breaking")
    assert done.code == 3, done.output
    assert "CONFORMS" not in done.output
    cases = done.report["coverage"]["cases"]
    # The relations of the group have nothing to do with the mistake.
    assert (cases["error"], cases["passed"]) == (3, 2)
    assert {end["outcome"] for end in cases["ends"]} == {"error"}
    assert all("ZeroDivisionError: a mistake of ours" in end["reason"] for end in cases["ends"])


# -- the same seed


def ids(value: Any) -> Iterator[str]:
    """Yield every id in a response."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and (name == "id" or name.endswith("_id")):
                yield item
            yield from ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from ids(item)


class Sent:
    """What a run has sent, with numbers in place of the ids that only the server decides on.

    Args:
        home: where the run was.
    """

    def __init__(self, home: Path) -> None:
        self._given: dict[str, str] = {}
        self.requests: list[tuple[str, ...]] = []
        for line in journal(home):
            request = line["exchange"]["request"]
            path = request["url"].split("/", 3)[3]
            request_line = (
                line["case"],
                request["method"],
                self.masked(path),
                self.masked(str(request.get("body"))),
            )
            self.requests.append(request_line)
            self._learn(line["exchange"]["response"].get("body") or "")

    def _learn(self, answer: str) -> None:
        try:
            value = json.loads(answer)
        except ValueError:
            return
        for identity in ids(value):
            self._given.setdefault(identity, f"<{len(self._given)}>")

    def masked(self, text: str) -> str:
        for identity, number in self._given.items():
            text = text.replace(identity, number)
        return text


def test_the_same_seed_sends_the_same_requests_and_another_one_others(tmp_path: Path) -> None:
    few = of("post-v2-rerank")
    many = (*few, *of("patch-v1-connectors-id"), "--case", "fuzz.sequences.connectors")
    runs = {"one": ("7", many), "again": ("7", many), "other": ("8", few)}
    with ExitStack() as open_servers, ThreadPoolExecutor(2) as pool:
        # Whatever takes no time needs no waiting, and whoever waits sends as many requests as that takes.
        servers = {name: open_servers.enter_context(counted(ServerState(step=0))) for name in runs}
        running = {}
        for name, (seed, cases) in runs.items():
            (tmp_path / name).mkdir()
            options = ("--url", servers[name][0], "--seed", seed, "--fuzz-profile", "smoke", *cases)
            running[name] = pool.submit(fuzzed, tmp_path / name, *options)
        for run in running.values():
            assert run.result().code == 0, run.result().output
        sent = {name: Sent(tmp_path / name) for name in runs}
        got = {
            name: [(method, sent[name].masked(path)) for method, path in servers[name][1]] for name in runs
        }
    assert len(sent["one"].requests) > 150
    assert sent["one"].requests == sent["again"].requests
    assert got["one"] == got["again"]
    ranked = [{one for one in sent[name].requests if "post-v2-rerank" in one[0]} for name in ("one", "other")]
    assert len(ranked[1] - ranked[0]) > 10
    # What the guard asks before a creation and a removal is in no journal, as little as the first request.
    asked = {name: len(got[name]) - len(sent[name].requests) - PROBE for name in runs}
    assert 0 < asked["one"] == asked["again"]


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    found = []
    for number, more in enumerate(((), ("-n", "2"))):
        home = tmp_path / str(number)
        home.mkdir()
        # What is drawn depends on the modules that a process has read: Hypothesis looks into them.
        options = (
            "--fault",
            "input.zero-crash",
            "--fuzz-profile",
            "smoke",
            "--max-examples",
            "0",
            *of("post-v2-rerank"),
        )
        done = fuzzed(home, *options, *more)
        assert done.code == 1, done.output
        found.append({(row["fingerprint"], row["count"]) for row in done.report["findings"]})
    assert found[0] == found[1]
    assert len(found[0]) >= 3


# -- limits


MAKING = (*of("post-v1-connectors", "patch-v1-connectors-id"), "--case", "fuzz.sequences.connectors")
WALKING = ("--case", "fuzz.sequences.connectors")


@pytest.mark.parametrize(
    ("limit", "options"),
    [
        *((limit, MAKING) for limit in (12, 20, 28, 45)),
        *((limit, WALKING) for limit in (12, 20, 28)),
        (40, ("--only", "connectors")),
        (60, (*MAKING, "-n", "2")),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else " ".join(value[-2:]),
)
def test_no_more_is_sent_than_allowed_and_nothing_is_left(
    limit: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    with counted(ServerState()) as (url, seen):
        done = fuzzed(tmp_path, "--url", url, "--max-requests", str(limit), *options)
        sent = list(seen)
        with client(url) as api:
            assert everything(api)["connectors"] == {}
    assert done.code == 3, done.output
    # A removal has a request more set aside than it may need.
    assert limit - 9 < len(sent) <= limit
    assert ("POST", "/v1/connectors") in sent or "--only" in options, "otherwise lists may come first"
    cases = done.report["coverage"]["cases"]
    assert cases["unclosed"] == []
    assert any(
        "requests, the run wants to send another" in reason for reason in cases["inconclusive_reasons"]
    )


def test_reaching_the_time_limit_is_reported(tmp_path: Path) -> None:
    """These groups take any machine much longer than a second."""
    done = fuzzed(tmp_path, "--only", "chat,embed", "--time-limit", "1s")
    assert done.code == 2, done.output
    reasons = done.report["coverage"]["cases"]["inconclusive_reasons"]
    assert reasons["the time limit is reached"] > 0
    assert "INCOMPLETE: the time limit is reached" in done.output
    assert len(journal(tmp_path)) < 1800, "all that there is to send"


# -- what somebody else has

OTHERS = ("customers", "conformance-customers")
"""Names of what is there before the run; the second one as a run of this tool would give it."""
LISTS = {
    "/v1/datasets": ("datasets", "id"),
    "/v1/connectors?limit=100": ("connectors", "id"),
    "/v1/finetuning/finetuned-models?page_size=100": ("finetuned_models", "id"),
    "/v1/embed-jobs": ("embed_jobs", "job_id"),
    "/v2/batches?page_size=1000": ("batches", "id"),
}
"""Where everything that can be made is listed: the name of the list, and that of an id in it."""
JOBS = ("embed_jobs", "batches")
"""What can be stopped, but not deleted."""
ENDED = re.compile(r"complete|cancel|fail", re.IGNORECASE)
CHECKING = {"queued", "processing"}


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {PRODUCTION}"})


def everything(api: httpx.Client) -> dict[str, dict[str, Any]]:
    """Return what there is, as its lists show it: by their names and the ids in them."""
    found = {}
    for path, (name, key) in LISTS.items():
        shown = api.get(path).raise_for_status().json()
        found[name] = {one[key]: unsigned(one) for one in shown.get(name) or []}
    return found


def unsigned(value: Any) -> Any:
    """Return what is shown of a thing without the addresses of files, which are others each time."""
    match value:
        case dict():
            return {name: unsigned(item) for name, item in value.items() if not name.endswith("url")}
        case list():
            return [unsigned(item) for item in value]
        case _:
            return value


def until(happened: Callable[[], bool]) -> None:
    while not happened():  # pytest-timeout ends what never happens
        time.sleep(0.01)


def furnish(api: httpx.Client) -> None:
    """Make one of each kind, under each name, and wait until everything is done."""
    uploads: dict[str, list[dict[str, Any]]] = {
        "embed-input": [{"text": "Bread"}, {"text": "Milk"}],
        "batch-chat-v2-input": [
            {"custom_id": "a", "body": {"messages": [{"role": "user", "content": "Hi"}]}}
        ],
        "reranker-finetune-input": [
            {"query": f"{number}", "relevant_passages": ["a"], "hard_negatives": ["b"]}
            for number in range(256)
        ],
    }

    def make(path: str, **further: Any) -> Any:
        return api.post(path, **further).raise_for_status().json()

    for name in OTHERS:
        data: dict[str, str] = {}
        for kind, rows in uploads.items():
            file = ("data.jsonl", "\n".join(map(json.dumps, rows)))
            made = make("/v1/datasets", params={"name": name, "type": kind}, files={"data": file})
            data[kind] = made["id"]
        until(
            lambda: (
                not any(one["validation_status"] in CHECKING for one in everything(api)["datasets"].values())
            )
        )
        embedding = {"dataset_id": data["embed-input"], "input_type": "search_document"}
        batch = {"input_dataset_id": data["batch-chat-v2-input"], "model": "command-a-03-2025"}
        base = {"base_type": "BASE_TYPE_RERANK"}
        training = {"base_model": base, "dataset_id": data["reranker-finetune-input"]}
        make("/v1/connectors", json={"name": name, "url": "https://customers.example/search"})
        make("/v1/embed-jobs", json={"name": name, "model": "embed-v4.0", **embedding})
        make("/v2/batches", json={"name": name, **batch})
        make("/v1/finetuning/finetuned-models", json={"name": name, "settings": training})
    until(lambda: all(ENDED.search(one["status"]) for job in JOBS for one in everything(api)[job].values()))
    until(
        lambda: all(one["status"] == "STATUS_READY" for one in everything(api)["finetuned_models"].values())
    )


class Visit(NamedTuple):
    """A run against a server that somebody else uses as well.

    Attributes:
        before: what there was.
        after: what there is now.
        got: method and path of what the server has got in between.
        done: the run.
    """

    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    got: Seen
    done: Done

    def made(self, name: str) -> dict[str, Any]:
        """Return what the run has left behind."""
        return {key: one for key, one in self.after[name].items() if key not in self.before[name]}


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """Fuzz what makes something or takes it away, without combinations, which make nothing else."""
    groups = "datasets,connectors,embed-jobs,batches,finetuning"
    seen: Seen = []
    with within(ServerState(step=0.01), lambda inner: watched(inner, seen)) as api:
        furnish(api)
        before = everything(api)
        del seen[:]
        home = tmp_path_factory.mktemp("visit")
        options = ("--only", groups, "--max-examples", "0")
        done = called_here(home, "fuzz", "--url", URL, *options, "--", "-k", "not get-v")
        return Visit(before, everything(api), list(seen), done)


def test_what_somebody_else_has_is_left_as_it_is(visit: Visit) -> None:
    cases = visit.done.report["coverage"]["cases"]
    assert (cases["error"], cases["inconclusive"], cases["not_run"]) == (0, 0, 0), visit.done.output
    for name, theirs in visit.before.items():
        assert len(theirs) >= len(OTHERS)
        assert {key: visit.after[name].get(key) for key in theirs} == theirs


def test_what_somebody_else_has_is_never_named_where_something_is_taken_away(visit: Visit) -> None:
    theirs = {key for shown in visit.before.values() for key in shown}
    taking = [
        unquote(path)
        for method, path in visit.got
        if method in {"DELETE", "PATCH", "PUT"} or unquote(path).lower().endswith("cancel")
    ]
    assert len(taking) > 2000
    assert [path for path in taking if any(key in path for key in theirs)] == []


@pytest.mark.parametrize(
    "name",
    [
        "datasets",
        "connectors",
        "finetuned_models",
    ],
)
def test_what_the_run_has_made_is_gone(name: str, visit: Visit) -> None:
    assert {key: one for key, one in visit.made(name).items() if one.get("status") != "STATUS_DELETED"} == {}


@pytest.mark.parametrize("name", JOBS)
def test_what_cannot_be_deleted_has_ended(name: str, visit: Visit) -> None:
    assert visit.made(name)
    assert [one["status"] for one in visit.made(name).values() if not ENDED.search(one["status"])] == []


@pytest.mark.parametrize(("group", "name"), [("embed-jobs", "embed_jobs"), ("batches", "batches")])
def test_what_jobs_have_made_is_gone_where_all_complete(group: str, name: str, tmp_path: Path) -> None:
    # Before the next request can stop it, but not before the response shows that it has begun.
    state = ServerState(step=0.01)
    state.clock = Unhurried(0.1)
    with counted(state) as (url, seen):
        options = ("--fuzz-profile", "smoke", "--max-examples", "0", "--only", group)
        done = fuzzed(tmp_path, "--url", url, *options, "--", "-k", "not get-v")
        assert done.code == 0, done.output
        deleted = {path for method, path in seen if method == "DELETE"}
        with client(url) as api:
            left = everything(api)
    completed = [one for one in left[name].values() if "complete" in one["status"].lower()]
    assert len(completed) > 10
    assert {f"/v1/datasets/{one['output_dataset_id']}" for one in completed} <= deleted
    assert left["datasets"] == {}
