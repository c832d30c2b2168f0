"""One run: whatever the number of processes, the same is counted; and what fails hides nothing else."""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from typing import TYPE_CHECKING, Any

import pytest
from builders import UUID, exchange

from cohere_conformance import session
from cohere_conformance.checks.judge import Judgement
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError, TrafficError
from cohere_conformance.model import Source
from cohere_conformance.recordings import har, parts
from cohere_conformance.report import Header, Mode, Report, Tally, render_json, render_markdown
from cohere_conformance.session import judging_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cohere_conformance.model import Exchange, Finding

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

RERANK = {"results": [{"index": 0, "relevance_score": 0.5}]}
CONFORMING, DEVIATING = 92, 32
"""Exchanges of the examples."""


def line(call: str, body: Any, status: int = 200, **more: Any) -> str:
    method, url = call.split(" ")
    url = url if "://" in url else f"https://api.cohere.com{url}"
    row = {"method": method, "url": url, "status": status, "content_type": "application/json"}
    return json.dumps(row | {"response_body": body} | more) + "\n"


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets how processes are started: forked, as by a command, though other tests may have left threads."""

    def start(method: str) -> None:
        monkeypatch.setattr(session.processes, "start_context", partial(get_context, method))

    if sys.platform == "linux":
        start("fork")
    return start


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything: what conforms, deviates, is foreign, cannot be read, is something else."""
    made = tmp_path_factory.mktemp("traffic")
    for example in ("conforming", "deviating"):
        shutil.copy(folder("cassettes") / "examples" / f"{example}.jsonl", made / f"{example}.jsonl")
    shutil.copy(made / "deviating.jsonl", made / "again.jsonl")
    (made / "mixed.jsonl").write_text(
        line("POST /v2/rerank", RERANK)
        + "{broken\n"
        + line("POST https://example.com/v2/rerank", RERANK)
        + line("POST /v2/nowhere", {}, 404)
        + line("POST /v2/rerank", {"results": "none"}, recorded_at="2026-08-13T09:30:00Z"),
        encoding="utf-8",
    )
    (made / "cut.json").write_text('{"interactions": [{"request": {', encoding="utf-8")
    (made / "other.jsonl").write_text('{"name": "no traffic"}\n', encoding="utf-8")
    return made


def finished(tally: Tally, ours: session.Judge, inputs: tuple[str, ...] = ("traffic",)) -> Report:
    header = Header(
        tool="cohere-conformance",
        version="0.0.0",
        contract_version=ours.contract.version,
        contract_digest=ours.contract.digest,
        mode=Mode.AS_PUBLISHED if ours.settings.as_published else Mode.AMENDED,
        inputs=inputs,
        started_at="2026-11-22T22:00:00Z",
    )
    return tally.finish(header, list(ours.contract.operations), finished_at="2026-11-22T22:00:01Z")


def run(paths: list[str], jobs: int = 1, settings: session.JudgeSettings | None = None) -> Report:
    ours, tally = session.Judge(settings or session.JudgeSettings()), Tally()
    session.check(paths, ours, tally, jobs=jobs)
    return finished(tally, ours)


@pytest.fixture(scope="module")
def one(traffic: Path) -> Report:
    return run([str(traffic)])


def test_everything_in_a_folder_is_counted(one: Report, traffic: Path) -> None:
    totals = one.footer.totals
    assert (totals.other_hosts, totals.unrouted, totals.unreadable, totals.skipped) == (1, 3, 2, 1)
    assert totals.exchanges == CONFORMING + 2 * DEVIATING + 2
    assert [(one.file, one.where) for one in one.coverage.unreadable] == [
        (str(traffic / "cut.json"), one.coverage.unreadable[0].where),
        (str(traffic / "mixed.jsonl"), "line 2"),
    ]
    assert one.coverage.other_hosts.hosts == {"example.com": 1}
    assert one.footer.exit_code == 3


def test_two_processes_count_what_one_counts(one: Report, traffic: Path) -> None:
    two = run([str(traffic)], jobs=2)
    assert render_json(two) == render_json(one)
    assert render_markdown(two, folder="x") == render_markdown(one, folder="x")


def test_a_file_that_is_spread_counts_what_a_whole_one_counts(
    one: Report, traffic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session.processes, "_LARGE", 0)
    monkeypatch.setattr(parts, "_SMALL_PART", 2000)
    monkeypatch.setattr(parts, "_LARGEST", 0)
    monkeypatch.setattr(har, "_RUN", 7)
    monkeypatch.setattr(judging_order, "_BATCH", 7)
    assert render_json(run([str(traffic)], jobs=2)) == render_json(one)


@pytest.mark.parametrize("method", [one for one in ("fork", "spawn") if one in get_all_start_methods()])
def test_settings_reach_the_workers(method: str, processes: Callable[[str], None], traffic: Path) -> None:
    processes(method)
    settings = session.JudgeSettings(as_published=True, servers=("https://example.com",))
    one, two = (run([str(traffic / "mixed.jsonl")], jobs, settings) for jobs in (1, 2))
    assert render_json(one) == render_json(two)
    assert (one.footer.totals.other_hosts, one.footer.totals.exchanges) == (0, 3)
    assert one.header.mode is Mode.AS_PUBLISHED


def test_the_order_of_the_paths_does_not_matter(one: Report, traffic: Path) -> None:
    files = sorted(str(path) for path in traffic.iterdir() if path.name != "other.jsonl")
    forwards, backwards = run(files), run(files[::-1])
    assert render_json(forwards) == render_json(backwards)
    assert forwards.findings == one.findings


def test_a_file_named_twice_counts_once(traffic: Path) -> None:
    file = str(traffic / "mixed.jsonl")
    assert run([file, str(traffic / "." / "mixed.jsonl"), file]).footer.totals == run([file]).footer.totals


# -- the judge of a run


def judged(
    *values: Exchange | TrafficError, findings: Callable[[Exchange], list[Finding]] | None = None
) -> Report:
    ours, tally = session.Judge(session.JudgeSettings()), Tally()
    if findings is not None:
        ours.judgement = lambda made: Judgement(findings(made))
    for value in values:
        ours.count(tally, value)
    return finished(tally, ours)


def at(number: int, body: Any) -> Exchange:
    return exchange("POST /v2/rerank", body, source=Source("a.jsonl", f"line {number}"))


def test_an_exchange_that_trips_the_judge_does_not_hide_the_others() -> None:
    real = session.Judge(session.JudgeSettings()).findings

    def tripping(made: Exchange) -> list[Finding]:
        if made.source.position == "line 2":
            raise RuntimeError("no such thing")
        return real(made)

    report = judged(at(1, RERANK), at(2, RERANK), at(3, {"results": 1}), findings=tripping)
    assert report.footer.totals.exchanges == 2
    assert [(one.file, one.where) for one in report.coverage.unreadable] == [("a.jsonl", "line 2")]
    assert "RuntimeError: no such thing" in report.coverage.unreadable[0].reason
    assert "please report it" in report.coverage.unreadable[0].reason
    assert [row.location for row in report.findings] == ["/results"]
    assert report.footer.exit_code == 3


def test_the_page_of_a_gateway_is_listed_and_no_deviation() -> None:
    """Recorded answers of something before the API say nothing about the API, as in a live run."""
    page = b"<!doctype html><title>Access denied</title>"
    html = (("content-type", "text/html"),)
    empty = exchange("POST /v2/chat", b"", status=500, headers=(), source=Source("a.jsonl", "line 2"))
    denied = exchange("POST /v2/rerank", page, status=403, headers=html, source=Source("a.jsonl", "line 1"))
    report = judged(denied, empty)
    assert (report.findings, report.footer.exit_code) == ((), 3)
    assert [(one.operation, one.status, one.position) for one in report.coverage.inconclusive] == [
        ("POST /v2/chat", 500, "line 2"),
        ("POST /v2/rerank", 403, "line 1"),
    ]
    assert judged(denied, at(3, {"results": 1})).footer.exit_code == 1
    assert judged(exchange("POST /v2/rerank", page, status=404, headers=html)).footer.exit_code == 1


def test_untestable_requirements_are_counted() -> None:
    """A null in place of the results leaves the requirements about results untestable, and explains it."""
    report = judged(at(1, {"results": None}))
    assert {one.requirement for one in report.coverage.untestable} >= {"rerank.sorted", "rerank.index-unique"}
    assert {one.unexplained for one in report.coverage.untestable} == {0}
    assert report.footer.exit_code == 1


def test_a_stop_is_no_failure_of_the_judge() -> None:
    def stopping(made: Exchange) -> list[Finding]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged(at(1, RERANK), findings=stopping)


def test_what_was_judged_before_a_stop_is_kept(traffic: Path) -> None:
    ours, tally = session.Judge(session.JudgeSettings()), Tally()
    seen: list[str] = []

    def progress(file: str, count: int) -> None:
        seen.append(file)
        if len(set(seen)) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.check([str(traffic)], ours, tally, progress=progress)
    assert 0 < finished(tally, ours).footer.totals.exchanges < CONFORMING + 2 * DEVIATING


def test_what_an_explained_finding_counts_as() -> None:
    vectors = {"embeddings": {"float": [[0.5]]}, "texts": ["a"]}
    answer = {"response_type": "embeddings_by_type", "id": UUID, **vectors}
    asked = {"model": "m", "input_type": "search_query", "texts": ["a"], "embedding_types": ["float"]}
    report = judged(exchange("POST /v2/embed", answer, request=asked))
    assert report.findings == ()
    assert [(row.kind.value, row.amendment) for row in report.known_defects] == [
        ("property-missing", "embed.api-version")
    ]
    assert (report.footer.totals.known_defects, report.footer.totals.breaking, report.footer.exit_code) == (
        1,
        0,
        0,
    )
    (operation,) = report.coverage.operations
    assert (operation.judged, operation.clean, operation.known_defects) == (1, 1, 1)
    assert (operation.requests.judged, operation.requests.deviating) == (1, 0)


def test_a_request_that_was_not_recorded_was_not_judged() -> None:
    (operation,) = judged(at(1, RERANK)).coverage.operations
    assert operation.requests.judged == 0
    assert operation.media_types == {"application/json": 1}


def test_progress_is_reported_for_every_file(traffic: Path) -> None:
    for jobs in (1, 2):
        counts: dict[str, int] = {}

        def count(file: str, number: int, counts: dict[str, int] = counts) -> None:
            counts[file] = counts.get(file, 0) + number

        ours, tally = session.Judge(session.JudgeSettings()), Tally()
        session.check([str(traffic / "conforming.jsonl")], ours, tally, jobs=jobs, progress=count)
        assert counts == {str(traffic / "conforming.jsonl"): CONFORMING}


def test_a_broken_contract_stops_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load = session.judging.load_declarations
    monkeypatch.setattr(session.judging, "load_declarations", partial(load, tmp_path))
    with pytest.raises(ContractError):
        session.Judge(session.JudgeSettings())
