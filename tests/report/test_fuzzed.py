"""The figures of a fuzzing run, from its journal to every report that people read."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING

import msgspec
import pytest
from builders import exchange
from rich.console import Console

from cohere_conformance.model import Failure, FailureKind
from cohere_conformance.report import (
    FuzzCoverage,
    Header,
    Journal,
    Mode,
    Opening,
    Record,
    load,
    render_html,
    render_json,
    render_markdown,
    render_terminal,
)
from cohere_conformance.session.evidence import publish

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange
    from cohere_conformance.report import Report

RERANK, MODELS, MODEL = "POST /v2/rerank", "GET /v1/models", "GET /v1/models/{model}"
METRICS = "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics"
PLANNED = tuple(
    f"fuzz.{mode}.{operation}"
    for mode in ("positive", "negative", "protocol")
    for operation in ("post-v2-rerank", "get-v1-models", "get-v1-models-model")
)
QUERY = {"model": "m", "query": "q", "documents": ["d"]}
RANKED = {"id": "1", "results": [{"index": 0, "relevance_score": 0.5}]}
NO = {"id": "1", "message": "no"}


def reranked(status: int = 200, answer: Any = None, **body: Any) -> Exchange:
    answer = answer or (RANKED if status == 200 else NO)
    return exchange(RERANK, answer, status=status, request=QUERY | body)


def record(mode: str, made: Exchange, operation: str = RERANK, *, setup: bool = False) -> Record:
    case = f"fuzz.{mode}.case" if mode else "rerank.setup"
    return Record(case=case, operation=operation, outcome="passed", exchange=made, mode=mode, setup=setup)


def unanswered() -> Exchange:
    made = reranked()
    lost = msgspec.structs.replace(
        made.response, status=0, headers=(), body=None, failure=Failure(FailureKind.TIMEOUT, "no response")
    )
    return msgspec.structs.replace(made, response=lost)


RECORDS = [
    record("positive", reranked(top_n=1)),
    record("positive", reranked(answer={**RANKED, "results": [RANKED["results"][0]] * 3})),
    record("positive", reranked(400, priority=1)),
    record("positive", reranked(500, max_tokens_per_doc=1)),
    record("positive", unanswered()),
    record("negative", reranked(422, top_n="x")),
    record("negative", reranked(200, top_n=-1, priority=1)),
    record("negative", reranked(500)),
    record("protocol", reranked(415, max_tokens_per_doc=1)),
    record(
        "protocol",
        exchange("PUT /v2/rerank", b"Not Found", status=404, headers=(("content-type", "text/plain"),)),
    ),
    # What sets something up, or walks through several operations, the fuzzer did not derive.
    record("", reranked(max_tokens_per_doc=1), setup=True),
    record("", exchange(MODELS, {"models": []}), MODELS),
    record("positive", exchange(f"{MODELS}?endpoint=chat", {"models": []}), MODELS),
    # An empty name makes the address that of the list: what it shows belongs to another operation.
    record("positive", exchange(f"{MODELS}?page_size=1", {"models": []}), MODEL),
    record("positive", exchange("GET /v9/odd", {}, status=404), ""),
]
FIGURES = {
    MODELS: {"positive": 1, "served": 1, "shapes": 1, "request_reached": 2, "request_declared": 11},
    MODEL: {"positive": 1, "served": 1, "shapes": 1, "request_reached": 0, "request_declared": 1},
    RERANK: {
        "positive": 5,
        "served": 2,
        "negative": 3,
        "refused": 1,
        "protocol": 2,
        "shapes": 6,
        "request_reached": 4,
        "request_declared": 12,
        "request_missing": (
            "/max_tokens_per_doc",
            "/priority",
            "/relevant_spans",
            "/relevant_spans/max_spans",
            "/relevant_spans/mode",
            "/relevant_spans/mode = disabled",
            "/relevant_spans/mode = enabled",
            "/relevant_spans/threshold",
        ),
    },
}


def opening(contract: Contract, worker: str, planned: tuple[str, ...]) -> Opening:
    header = Header(
        tool="cohere-conformance",
        version="0.3.0",
        contract_version=contract.version,
        contract_digest=contract.digest,
        mode=Mode.AMENDED,
        inputs=(),
        started_at="2026-11-22T22:00:00Z",
    )
    return Opening(worker=worker, header=header, planned=planned)


def written(
    folder: Path,
    contract: Contract,
    records: Iterable[Record] = RECORDS,
    *,
    worker: str = "main",
    planned: tuple[str, ...] = PLANNED,
) -> Path:
    with Journal(folder, opening(contract, worker, planned)) as journal:
        for one in records:
            journal.add(one)
    return journal.path


@pytest.fixture(scope="module")
def fuzzing(tmp_path_factory: pytest.TempPathFactory, amended: Contract) -> Report:
    folder = tmp_path_factory.mktemp("fuzzing")
    written(folder, amended)
    report, _ = publish(folder, amended)
    return report


def rows_of(report: Report) -> dict[str, FuzzCoverage]:
    return {row.operation: row for row in report.coverage.fuzzed}


# -- the figures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", FIGURES)
def test_the_figures_of_each_operation(fuzzing: Report, label: str) -> None:
    row = msgspec.to_builtins(rows_of(fuzzing)[label], builtin_types=(tuple,))
    assert {name: row[name] for name in FIGURES[label]} == FIGURES[label]
    assert set(rows_of(fuzzing)) == set(FIGURES)


def test_elements_of_answers_are_those_that_the_whole_run_has_shown(fuzzing: Report) -> None:
    for label, row in rows_of(fuzzing).items():
        ours = [one for one in fuzzing.coverage.exercise if one.operation == label]
        assert row.response_declared == sum(one.declared for one in ours) > 0
        assert row.response_reached == sum(one.seen for one in ours)
    assert [rows_of(fuzzing)[label].response_reached > 0 for label in (RERANK, MODELS, MODEL)] == [
        True,
        True,
        False,
    ]


def test_a_fuzzing_run_is_about_what_it_fuzzes(amended: Contract, tmp_path: Path, fuzzing: Report) -> None:
    assert fuzzing.coverage.groups == {RERANK: "rerank", MODELS: "models", MODEL: "models"}
    assert fuzzing.coverage.unseen == ()
    written(tmp_path, amended, RECORDS[:1])
    assert publish(tmp_path, amended)[0].coverage.unseen == (MODELS, MODEL)


def test_a_report_without_fuzzing_has_no_figures_of_it(amended: Contract, tmp_path: Path) -> None:
    plain = [msgspec.structs.replace(one, mode="") for one in RECORDS]
    written(tmp_path, amended, plain, planned=("rerank.v2.plain",))
    report, _ = publish(tmp_path, amended)
    assert report.coverage.fuzzed == ()
    assert report.coverage.exercise
    for shown in (terminal(report), render_markdown(report), render_html(report).decode()):
        assert "uzzed" not in shown
        assert "request elements" not in shown


def test_a_killed_run_counts_what_was_written(amended: Contract, tmp_path: Path) -> None:
    path = written(tmp_path / "killed", amended)
    whole = path.read_bytes().splitlines(keepends=True)
    for kept in (3, 6, 10):
        path.write_bytes(b"".join(whole[: 1 + kept]) + whole[1 + kept][:40])
        folder = tmp_path / str(kept)
        written(folder, amended, RECORDS[:kept])
        cut, ended = publish(path.parent, amended)[0], publish(folder, amended)[0]
        assert cut.coverage.fuzzed == ended.coverage.fuzzed != ()
        assert cut.coverage.cases is not None
        assert cut.coverage.cases.unclosed == ("main",)


def test_it_does_not_matter_which_worker_sent_what(
    amended: Contract, tmp_path: Path, fuzzing: Report
) -> None:
    written(tmp_path, amended, RECORDS[::-2], worker="gw0")
    written(tmp_path, amended, RECORDS[-2::-2], worker="gw1")
    assert publish(tmp_path, amended)[0].coverage.fuzzed == fuzzing.coverage.fuzzed


def test_the_figures_are_read_back(fuzzing: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(render_json(fuzzing))
    assert load(path).coverage.fuzzed == fuzzing.coverage.fuzzed
    raw = json.loads(path.read_bytes())
    del raw["coverage"]["fuzzed"]
    path.write_text(json.dumps(raw), encoding="utf-8")
    assert load(path).coverage.fuzzed == ()


# -- what people read ----------------------------------------------------------------------------------------


def terminal(report: Report, width: int = 120) -> str:
    out = io.StringIO()
    render_terminal(report, Console(file=out, width=width), folder="out", verbose=True)
    return out.getvalue()


def totals(report: Report) -> tuple[str, str]:
    rows = report.coverage.fuzzed
    request = f"{sum(row.request_reached for row in rows)}/{sum(row.request_declared for row in rows)}"
    return (
        request,
        f"{sum(row.response_reached for row in rows)}/{sum(row.response_declared for row in rows)}",
    )


def test_the_terminal_shows_the_figures_and_the_totals(fuzzing: Report) -> None:
    table = terminal(fuzzing).partition("Fuzzed: 3\n")[2].partition("Positive requests")[0]
    cells = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines() if line.strip("─ ")]
    assert cells[0] == [*("operation", "positive", "negative", "protocol", "shapes", "request", "response")]
    row = rows_of(fuzzing)[RERANK]
    answers = f"{row.response_reached}/{row.response_declared}"
    assert cells[3] == [RERANK, "2/5 (40.0 %)", "1/3 (33.3 %)", "2", "6", "4/12", answers]
    assert cells[-1] == ["total", "4/7 (57.1 %)", "1/3 (33.3 %)", "2", "8", *totals(fuzzing)]
    assert [one[2] for one in cells[1:3]] == ["0/0", "0/0"]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_long_labels_and_long_numbers_stay_in_their_table(fuzzing: Report, width: int) -> None:
    many = FuzzCoverage(
        operation=METRICS,
        **dict.fromkeys(("positive", "served", "negative", "refused", "protocol", "shapes"), 99_999),
        **dict.fromkeys(
            ("request_declared", "request_reached", "response_declared", "response_reached"), 999
        ),
    )
    coverage = msgspec.structs.replace(fuzzing.coverage, fuzzed=(many,))
    shown = terminal(msgspec.structs.replace(fuzzing, coverage=coverage), width)
    table = shown.partition("Fuzzed: 1\n")[2].partition("Positive requests")[0]
    lines = [line for line in table.splitlines() if line.strip("─ ")]
    assert max(map(len, table.splitlines())) <= width
    assert METRICS.replace(" ", "") in "".join(line.split("  ")[0] for line in lines).replace(" ", "")
    assert table.count("99999/99999") == 4
    assert table.count("(100.0 %)") == 4


def test_markdown_shows_the_same(fuzzing: Report) -> None:
    lines = render_markdown(fuzzing).partition("## Fuzzed: 3\n\n")[2].split("\n\n")[0].splitlines()
    assert lines[0] == "| operation | positive | negative | protocol | shapes | request | response |"
    assert lines[1] == "|---|--:|--:|--:|--:|--:|--:|"
    assert lines[4].startswith(f"| `{RERANK}` | 2/5 (40.0 %) | 1/3 (33.3 %) | 2 | 6 | 4/12 | ")
    assert lines[5] == f"| total | 4/7 (57.1 %) | 1/3 (33.3 %) | 2 | 8 | {' | '.join(totals(fuzzing))} |"
    assert len(lines) == 6


def test_the_page_shows_the_same(fuzzing: Report) -> None:
    page = render_html(fuzzing).decode()
    section = page.partition('<section id="fuzzed">')[2].partition("</section>")[0]
    rows = [
        [re.sub("<[^>]+>", "", cell) for cell in re.findall("<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in re.findall("<tr>(.*?)</tr>", section, re.DOTALL)
    ]
    assert rows[3][:6] == [RERANK, "2/5 (40.0 %)", "1/3 (33.3 %)", "2", "6", "4/12"]
    assert rows[-1] == ["total", "4/7 (57.1 %)", "1/3 (33.3 %)", "2", "8", *totals(fuzzing)]
    assert len(rows) == 5
    assert page.count('href="#fuzzed"') == 1


def test_what_was_not_reached_is_named(fuzzing: Report) -> None:
    line = f"{RERANK}: 4/12 request elements; not: /max_tokens_per_doc, /priority"
    assert line in render_markdown(fuzzing)
    assert line in render_html(fuzzing).decode()
    assert f"{MODEL}: 0/1 request elements; not: path:model" in render_markdown(fuzzing)
